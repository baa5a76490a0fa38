#include "lab/grade/door.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace bt::grade {

Result<std::unique_ptr<Door>> Door::open(const Address& address, Serve serve) {
    BT_TRY_ASSIGN(net::Fd listener, net::make_listening_socket({address, 0}, 64));
    return std::unique_ptr<Door>(new Door(std::move(listener), std::move(serve)));
}

Door::Door(net::Fd listener, Serve serve)
    : listener_(std::move(listener)),
      endpoint_(net::local_endpoint_of(listener_.get())),
      serve_(std::move(serve)),
      accepting_([this] { accept_all(); }) {}

// A socket that is shut down wakes whoever waits for it, also one that listens.
Door::~Door() {
    closing_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    accepting_.join();
    {
        const std::lock_guard lock(mutex_);
        for (const auto& connection : open_) ::shutdown(connection->get(), SHUT_RDWR);
    }
    threads_.clear();
}

void Door::accept_all() {
    while (!closing_) {
        pollfd poller{listener_.get(), POLLIN, 0};
        if (::poll(&poller, 1, -1) < 0 && errno != EINTR) return;
        net::Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (closing_) return;
        if (connection.is_open() && threads_.size() < kMaxConnections) begin(std::move(connection));
    }
}

void Door::begin(net::Fd connection) {
    auto second = std::make_shared<net::Fd>(::fcntl(connection.get(), F_DUPFD_CLOEXEC, 0));
    {
        const std::lock_guard lock(mutex_);
        open_.push_back(second);
    }
    threads_.emplace_back([this, second, fd = std::make_shared<net::Fd>(std::move(connection))] {
        serve_(std::move(*fd));
        const std::lock_guard lock(mutex_);
        ::shutdown(second->get(), SHUT_RDWR);
        std::erase(open_, second);
        second->reset();
    });
}

}  // namespace bt::grade
