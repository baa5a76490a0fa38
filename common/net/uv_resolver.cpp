#include "common/net/uv_resolver.h"

#include <netdb.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "common/net/socket.h"

namespace bt::net {

namespace {

struct Question {
    std::uint64_t id = 0;
    std::string host;
    std::uint16_t port = 0;
};

struct Answer {
    std::uint64_t id = 0;
    Result<std::vector<Endpoint>> endpoints;
};

Result<std::vector<Endpoint>> look_up(const Question& question) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int status = getaddrinfo(question.host.c_str(), nullptr, &hints, &found);
    if (status != 0) {
        const ErrorCode code = status == EAI_AGAIN ? ErrorCode::TimedOut : ErrorCode::NotFound;
        return fail(Error{code, Fault::System, "look up " + question.host + ": " + gai_strerror(status), std::nullopt});
    }
    std::vector<Endpoint> endpoints;
    for (const addrinfo* entry = found; entry; entry = entry->ai_next) {
        auto endpoint = to_endpoint(entry->ai_addr);
        if (!endpoint) continue;
        endpoint->port = question.port;
        if (std::find(endpoints.begin(), endpoints.end(), *endpoint) == endpoints.end()) endpoints.push_back(*endpoint);
    }
    freeaddrinfo(found);
    std::stable_partition(endpoints.begin(), endpoints.end(), [](const Endpoint& e) { return e.address.is_v4(); });
    if (endpoints.empty()) {
        return fail(
            Error{ErrorCode::NotFound, Fault::System, "look up " + question.host + ": no address", std::nullopt});
    }
    return endpoints;
}

}  // namespace

struct UvResolver::Shared {
    std::mutex mutex;
    std::deque<Question> questions;
    std::vector<Answer> answers;
    unsigned threads = 0;
    std::unique_ptr<Wakeup> wakeup;  // null once the resolver is gone
};

class UvResolver::TextLookup final : public env::Lookup {
  public:
    TextLookup(UvLoop& loop, Endpoint endpoint, env::LookupCallback done)
        : deferred_(loop, [endpoint, done = std::move(done)] { done(std::vector{endpoint}); }) {
        deferred_.schedule();
    }

  private:
    Deferred deferred_;
};

class UvResolver::NameLookup final : public env::Lookup {
  public:
    NameLookup(UvResolver& resolver, std::uint64_t id, env::LookupCallback done)
        : resolver_(resolver), id_(id), done_(std::move(done)) {
        resolver_.lookups_.emplace(id_, this);
    }
    ~NameLookup() override { resolver_.lookups_.erase(id_); }
    NameLookup(const NameLookup&) = delete;
    NameLookup& operator=(const NameLookup&) = delete;

    // The callback may destroy us.
    [[nodiscard]] env::LookupCallback take_callback() { return std::move(done_); }

  private:
    UvResolver& resolver_;
    std::uint64_t id_;
    env::LookupCallback done_;
};

UvResolver::UvResolver(UvLoop& loop) : loop_(loop), shared_(std::make_shared<Shared>()) {
    shared_->wakeup = std::make_unique<Wakeup>(loop, [this] { deliver(); });
}

UvResolver::~UvResolver() {
    const std::lock_guard lock(shared_->mutex);
    shared_->wakeup.reset();
    shared_->questions.clear();
}

std::unique_ptr<env::Lookup> UvResolver::resolve(const std::string& host, std::uint16_t port,
                                                 env::LookupCallback done) {
    if (const auto address = Address::parse(host)) {
        return std::make_unique<TextLookup>(loop_, Endpoint{*address, port}, std::move(done));
    }
    const std::uint64_t id = next_lookup_++;
    auto lookup = std::make_unique<NameLookup>(*this, id, std::move(done));
    const std::lock_guard lock(shared_->mutex);
    shared_->questions.push_back({id, host, port});
    if (shared_->threads >= kMaxLookupThreads) return lookup;
    const auto work = [shared = shared_] {
        std::unique_lock work_lock(shared->mutex);
        while (!shared->questions.empty()) {
            const Question question = std::move(shared->questions.front());
            shared->questions.pop_front();
            work_lock.unlock();
            auto endpoints = look_up(question);
            work_lock.lock();
            if (!shared->wakeup) break;
            shared->answers.push_back({question.id, std::move(endpoints)});
            shared->wakeup->signal();
        }
        --shared->threads;
    };
    try {
        std::thread(work).detach();
        ++shared_->threads;
    } catch (const std::system_error&) {
        // No thread to be had: the running ones take the question, or else it is answered at once.
        if (shared_->threads == 0) {
            shared_->questions.pop_back();
            const Error error{ErrorCode::LimitReached, Fault::System, "look up " + host + ": no thread", std::nullopt};
            shared_->answers.push_back({id, fail(error)});
            shared_->wakeup->signal();
        }
    }
    return lookup;
}

void UvResolver::deliver() {
    std::vector<Answer> answers;
    {
        const std::lock_guard lock(shared_->mutex);
        answers.swap(shared_->answers);
    }
    for (auto& answer : answers) {
        const auto place = lookups_.find(answer.id);
        if (place == lookups_.end()) continue;  // cancelled
        const auto done = place->second->take_callback();
        done(std::move(answer.endpoints));
    }
}

}  // namespace bt::net
