#include <cerrno>

#include "common/net/uv_stream.h"

namespace bt::net {

namespace {

// Connections wait in the backlog meanwhile; trying at once again would only spin.
constexpr Duration kRetryAccept = milliseconds(100);
constexpr int kAcceptsPerTurn = 64;

}  // namespace

Result<std::unique_ptr<UvListener>> UvListener::listen(UvLoop& loop, UvDisk& disk, TimerQueue& timers,
                                                       const Endpoint& local, env::AcceptCallback on_accept,
                                                       bool shares_port) {
    BT_TRY_ASSIGN(Fd fd, make_listening_socket(local, kListenBacklog, shares_port));
    std::unique_ptr<UvListener> listener(new UvListener(loop, disk, timers, std::move(fd), std::move(on_accept)));
    if (const int error = listener->poller_->error(); error != 0) {
        return fail(socket_error(error, "listen on " + local.to_string()));
    }
    return listener;
}

UvListener::UvListener(UvLoop& loop, UvDisk& disk, TimerQueue& timers, Fd fd, env::AcceptCallback on_accept)
    : loop_(loop),
      disk_(disk),
      fd_(std::move(fd)),
      on_accept_(std::make_shared<env::AcceptCallback>(std::move(on_accept))),
      retry_(timers, [this] { poller_->watch(UV_READABLE); }),
      poller_(std::make_unique<Poller>(loop, fd_.get(), this,
                                       [](void* owner, int, int) { static_cast<UvListener*>(owner)->accept_all(); })) {
    poller_->watch(UV_READABLE);
}

void UvListener::accept_all() {
    const Lifetime::Watch watch(lifetime_);
    const auto on_accept = on_accept_;
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
        SocketAddress address;
        address.size = sizeof address.storage;
        Fd accepted(accept4(fd_.get(), address.get(), &address.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!accepted.is_open()) {
            if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                poller_->watch(0);
                retry_.arm(loop_.now() + kRetryAccept);
            }
            break;
        }
        const auto remote = to_endpoint(address.get());
        if (!remote) continue;
        (*on_accept)(std::make_unique<UvStream>(loop_, disk_, std::move(accepted), *remote));
        if (watch.is_over()) return;
    }
}

}  // namespace bt::net
