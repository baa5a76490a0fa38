#include "common/net/uv_datagram.h"

#include <linux/errqueue.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace bt::net {

namespace {

constexpr int kErrorsPerTurn = 64;

// The errno value that an error message carries; 0 when it carries none.
int error_in(msghdr& message) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        const bool is_error = (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR) ||
                              (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR);
        if (!is_error) continue;
        sock_extended_err error{};
        std::memcpy(&error, CMSG_DATA(part), sizeof error);
        return static_cast<int>(error.ee_errno);
    }
    return 0;
}

}  // namespace

Result<std::unique_ptr<UvDatagram>> UvDatagram::open(UvLoop& loop, const Endpoint& local,
                                                     env::DatagramHandler& handler, bool shares_port) {
    BT_TRY_ASSIGN(Fd fd, make_datagram_socket(local, shares_port));
    std::unique_ptr<UvDatagram> socket(new UvDatagram(loop, std::move(fd), handler));
    if (const int error = socket->poller_->error(); error != 0) {
        return fail(socket_error(error, "watch " + local.to_string()));
    }
    return socket;
}

UvDatagram::UvDatagram(UvLoop& loop, Fd fd, env::DatagramHandler& handler)
    : loop_(loop),
      fd_(std::move(fd)),
      handler_(&handler),
      family_(local_endpoint_of(fd_.get()).address.family()),
      poller_(std::make_unique<Poller>(loop, fd_.get(), this, [](void* owner, int status, int) {
          static_cast<UvDatagram*>(owner)->on_event(status);
      })) {
    poller_->watch(UV_READABLE);
}

UvDatagram::~UvDatagram() {
    if (!batch_.empty()) batch_.flush(fd_.get(), [](const Endpoint&, int) {});
}

Status UvDatagram::send_to(ByteView bytes, const Endpoint& remote) {
    const auto what = [&] { return "send to " + remote.to_string(); };
    if (bytes.size() > env::kMaxDatagram) {
        return fail(local_error(ErrorCode::InvalidArgument,
                                what() + ": " + std::to_string(bytes.size()) + " bytes do not fit into a datagram"));
    }
    if (batching_ && SendBatch::is_small(bytes) && remote.address.family() == family_) {
        if (batch_.add(bytes, remote)) return {};
        // Full, because more than one was sent for one that came: this one may as well go at once.
    }
    const SocketAddress address = to_socket_address(remote);
    // Errors of earlier datagrams are reported first, each once; they are in the error queue as well.
    for (int attempt = 0; attempt < kErrorsPerTurn; ++attempt) {
        if (sendto(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL, address.get(), address.size) >= 0) return {};
        const int error = errno;
        if (error == EINTR || error == ECONNREFUSED) continue;
        if (is_loss(error)) return {};
        return fail(socket_error(error, what()));
    }
    return {};
}

void UvDatagram::on_event(int status) {
    if (status >= 0) {
        read_datagrams();
        return;
    }
    if (!read_errors() || !read_datagrams()) return;
    // libuv stops watching a socket that has an error to report.
    poller_->watch(0);
    poller_->watch(UV_READABLE);
}

bool UvDatagram::read_errors() {
    const Lifetime::Watch watch(lifetime_);
    for (int i = 0; i < kErrorsPerTurn; ++i) {
        alignas(cmsghdr) char control[512];
        SocketAddress address;
        msghdr message{};
        message.msg_name = address.get();
        message.msg_namelen = sizeof address.storage;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        if (recvmsg(fd_.get(), &message, MSG_ERRQUEUE) < 0) {
            if (errno == EINTR) continue;
            return true;
        }
        const int error = error_in(message);
        const auto remote = to_endpoint(address.get());
        if (error == 0 || !remote) continue;
        handler_->on_unreachable(*remote, socket_error(error, "datagram to " + remote->to_string()));
        if (watch.is_over()) return false;
    }
    return true;
}

bool UvDatagram::read_datagrams() {
    const Lifetime::Watch watch(lifetime_);
    ReceiveBatch& batch = loop_.receive_batch();
    for (std::size_t received = 0; received < kDatagramsPerTurn; received += kDatagramsPerCall) {
        const std::size_t count = batch.receive(fd_.get());
        batching_ = true;
        for (std::size_t i = 0; i < count; ++i) {
            const auto from = batch.from(i);
            if (!from) continue;
            handler_->on_datagram(batch.bytes(i), *from);
            if (watch.is_over()) return false;
        }
        batching_ = false;
        if (!flush_batch()) return false;
        if (count < kDatagramsPerCall) return true;  // the socket is empty
    }
    return true;
}

bool UvDatagram::flush_batch() {
    if (batch_.empty()) return true;
    std::vector<std::pair<Endpoint, int>> failures;
    batch_.flush(fd_.get(), [&failures](const Endpoint& to, int error) { failures.emplace_back(to, error); });
    const Lifetime::Watch watch(lifetime_);
    for (const auto& [to, error] : failures) {
        handler_->on_unreachable(to, socket_error(error, "send to " + to.to_string()));
        if (watch.is_over()) return false;
    }
    return true;
}

}  // namespace bt::net
