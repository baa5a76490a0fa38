#include "common/engine/udp_tracker_hub.h"

#include <algorithm>

namespace bt::engine {

struct UdpTrackerHub::Socket final : env::DatagramHandler {
    explicit Socket(UdpTrackerHub& owner) : hub(owner) {}

    void on_datagram(MutableByteView bytes, const Endpoint& from) override {
        const auto keep = hub.shared_from_this();
        const auto found = sessions.find(from);
        if (found == sessions.end()) return;
        found->second.receive(bytes, hub.env_->now());
        hub.flush(*this, from, found->second);
        hub.end_turn();
    }
    void on_unreachable(const Endpoint& remote, const Error& error) override {
        const auto keep = hub.shared_from_this();
        const auto found = sessions.find(remote);
        if (found == sessions.end()) return;
        found->second.on_unreachable(error);
        hub.end_turn();
    }

    UdpTrackerHub& hub;
    std::map<Endpoint, discovery::UdpTrackerSession> sessions;
    std::unique_ptr<env::Datagram> datagram;  // goes first: it calls us
};

UdpTrackerHub::Asked::~Asked() {
    if (const auto hub = hub_.lock()) hub->cancel(number_);
}

UdpTrackerHub::UdpTrackerHub(env::Env& env, Rng rng)
    : env_(&env), rng_(rng), timer_(env.make_timer([this] { on_timer(); })) {}

UdpTrackerHub::~UdpTrackerHub() = default;

Result<std::unique_ptr<UdpTrackerHub::Asked>> UdpTrackerHub::ask(const std::optional<Address>& source,
                                                                 const Endpoint& remote,
                                                                 discovery::UdpQuestion question, Answered answered) {
    const Address any = remote.address.is_v4() ? Address() : Address::v6({});
    const Address local = source.value_or(any);
    auto found = sockets_.find(local);
    if (found == sockets_.end()) {
        auto socket = std::make_unique<Socket>(*this);
        BT_TRY_ASSIGN(socket->datagram, env_->open_datagram({local, 0}, *socket));
        found = sockets_.emplace(local, std::move(socket)).first;
    }
    Socket& socket = *found->second;
    discovery::UdpTrackerSession& session =
        socket.sessions
            .try_emplace(remote, remote.address.family(), discovery::UdpSessionSettings{}, rng_.fork(sockets_.size()))
            .first->second;
    const std::uint32_t id = session.ask(std::move(question), env_->now());
    const std::uint64_t number = ++last_number_;
    waiting_[number] = {local, remote, id, std::move(answered)};
    flush(socket, remote, session);
    arm();
    return std::unique_ptr<Asked>(new Asked(weak_from_this(), number));
}

void UdpTrackerHub::cancel(std::uint64_t number) {
    const auto found = waiting_.find(number);
    if (found == waiting_.end()) return;
    const Waiting& waiting = found->second;
    if (const auto socket = sockets_.find(waiting.local); socket != sockets_.end()) {
        const auto session = socket->second->sessions.find(waiting.remote);
        if (session != socket->second->sessions.end()) session->second.cancel(waiting.question);
    }
    waiting_.erase(found);
    arm();
}

void UdpTrackerHub::flush(Socket& socket, const Endpoint& remote, discovery::UdpTrackerSession& session) {
    while (const auto packet = session.poll_output()) {
        if (const auto status = socket.datagram->send_to(*packet, remote); !status) {
            session.on_unreachable(status.error());
        }
    }
}

void UdpTrackerHub::on_timer() {
    const auto keep = shared_from_this();
    const TimePoint now = env_->now();
    for (auto& [local, socket] : sockets_) {
        for (auto& [remote, session] : socket->sessions) {
            if (session.next_deadline() > now) continue;
            session.on_deadline(now);
            flush(*socket, remote, session);
        }
    }
    end_turn();
}

// The answers may ask and cancel; neither takes a socket or a session away, that is done here alone.
void UdpTrackerHub::end_turn() {
    for (auto& [local, socket] : sockets_) {
        for (auto& [remote, session] : socket->sessions) deliver(local, remote, session);
    }
    close_idle();
    arm();
}

void UdpTrackerHub::deliver(const Address& local, const Endpoint& remote, discovery::UdpTrackerSession& session) {
    while (auto answer = session.poll_answer()) {
        const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& entry) {
            const Waiting& waiting = entry.second;
            return waiting.question == answer->question && waiting.local == local && waiting.remote == remote;
        });
        if (found == waiting_.end()) continue;
        const Answered answered = std::move(found->second.answered);
        waiting_.erase(found);
        answered(std::move(answer->reply));
    }
}

void UdpTrackerHub::close_idle() {
    const TimePoint now = env_->now();
    for (auto& [local, socket] : sockets_) {
        std::erase_if(socket->sessions, [now](const auto& entry) {
            const discovery::UdpTrackerSession& session = entry.second;
            return !session.has_questions() && !session.has_answers() && !session.is_connected(now);
        });
    }
    std::erase_if(sockets_, [](const auto& entry) { return entry.second->sessions.empty(); });
}

void UdpTrackerHub::arm() {
    TimePoint next = kNever;
    for (const auto& [local, socket] : sockets_) {
        for (const auto& [remote, session] : socket->sessions) {
            if (session.has_answers()) {
                next = env_->now();
            } else {
                const bool idle = !session.has_questions();
                next =
                    std::min(next, idle ? std::max(session.connection_ends(), env_->now()) : session.next_deadline());
            }
        }
    }
    if (next == kNever) {
        timer_->cancel();
    } else {
        timer_->arm(next);
    }
}

}  // namespace bt::engine
