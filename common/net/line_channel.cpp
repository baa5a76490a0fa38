#include "common/net/line_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>

namespace bt::net {
namespace {

// The address of a path of any length: through a descriptor of its folder.
Result<std::pair<Fd, sockaddr_un>> address_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    Fd fd(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd.is_open()) return fail(system_error(errno, "open " + folder));
    const std::string name =
        "/proc/self/fd/" + std::to_string(fd.get()) + '/' + path.substr(slash == std::string::npos ? 0 : slash + 1);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.size() >= sizeof address.sun_path) {
        return fail(local_error(ErrorCode::InvalidArgument, path + ": the name of the socket is too long"));
    }
    name.copy(address.sun_path, name.size());
    return std::pair(std::move(fd), address);
}

Result<Fd> unix_socket(int flags) {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
    if (!fd.is_open()) return fail(socket_error(errno, "socket"));
    return fd;
}

}  // namespace

LineChannel::LineChannel(UvLoop& loop, Fd in, Fd out, std::function<void(std::string_view)> on_line,
                         std::function<void()> on_end)
    : out_(std::move(out)),
      on_end_(std::move(on_end)),
      writer_(std::make_unique<Poller>(loop, out_.get(), this,
                                       [](void* owner, int, int) { static_cast<LineChannel*>(owner)->pump(); })),
      ended_(loop, [this] { end(); }),
      in_(loop, (set_non_blocking(in.get()), std::move(in)), std::move(on_line), [this] { end(); }) {
    set_non_blocking(out_.get());
    std::signal(SIGPIPE, SIG_IGN);
}

Result<std::unique_ptr<LineChannel>> LineChannel::over(UvLoop& loop, Fd socket,
                                                       std::function<void(std::string_view)> on_line,
                                                       std::function<void()> on_end) {
    Fd second(fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
    if (!second.is_open()) return fail(system_error(errno, "dup"));
    return std::make_unique<LineChannel>(loop, std::move(socket), std::move(second), std::move(on_line),
                                         std::move(on_end));
}

void LineChannel::end() {
    const auto on_end = std::exchange(on_end_, {});
    if (on_end) on_end();
}

void LineChannel::send(std::string_view line) {
    if (!out_.is_open()) return;
    pending_.append(line);
    pending_ += '\n';
    pump();
}

void LineChannel::pump() {
    std::size_t sent = 0;
    while (sent < pending_.size()) {
        const ssize_t n = write(out_.get(), pending_.data() + sent, pending_.size() - sent);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) {  // nobody reads any more
            pending_.clear();
            writer_.reset();
            out_.reset();
            ended_.schedule();
            return;
        }
        sent += static_cast<std::size_t>(n);
    }
    pending_.erase(0, sent);
    if (writer_) writer_->watch(pending_.empty() ? 0 : UV_WRITABLE);
}

void LineChannel::drain(Duration longest) {
    const auto until = std::chrono::steady_clock::now() + longest;
    while (!pending_.empty() && out_.is_open()) {
        const auto left = std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now());
        if (left <= milliseconds(0)) return;
        pollfd writable{out_.get(), POLLOUT, 0};
        poll(&writable, 1, static_cast<int>(left.count()));
        pump();
    }
}

Result<std::unique_ptr<UnixListener>> UnixListener::listen(UvLoop& loop, const std::string& path,
                                                           std::function<void(Fd)> on_connection) {
    BT_TRY_ASSIGN(const auto address, address_of(path));
    BT_TRY_ASSIGN(Fd fd, unix_socket(SOCK_NONBLOCK));
    const auto* name = reinterpret_cast<const sockaddr*>(&address.second);
    if (bind(fd.get(), name, sizeof address.second) != 0) return fail(socket_error(errno, "bind to " + path));
    std::unique_ptr<UnixListener> listener(new UnixListener);
    listener->path_ = path;
    if (::listen(fd.get(), 16) != 0) return fail(socket_error(errno, "listen on " + path));
    listener->fd_ = std::move(fd);
    listener->on_connection_ = std::move(on_connection);
    listener->poller_ = std::make_unique<Poller>(loop, listener->fd_.get(), listener.get(), [](void* owner, int, int) {
        static_cast<UnixListener*>(owner)->accept_all();
    });
    listener->poller_->watch(UV_READABLE);
    return listener;
}

UnixListener::~UnixListener() {
    poller_.reset();
    if (fd_.is_open()) unlink(path_.c_str());
}

void UnixListener::accept_all() {
    for (;;) {
        Fd fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd.is_open()) return;
        on_connection_(std::move(fd));
    }
}

Result<Fd> connect_unix(const std::string& path) {
    BT_TRY_ASSIGN(const auto address, address_of(path));
    BT_TRY_ASSIGN(Fd fd, unix_socket(0));
    const auto* name = reinterpret_cast<const sockaddr*>(&address.second);
    if (connect(fd.get(), name, sizeof address.second) != 0) return fail(system_error(errno, path));
    return fd;
}

Status exchange_lines(const Fd& socket, std::string_view line, const std::function<bool(std::string_view)>& on_line) {
    const std::string text = std::string(line) + '\n';
    if (send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
        return fail(socket_error(errno, "send"));
    }
    std::string pending;
    char buffer[1 << 14];
    for (;;) {
        const ssize_t n = recv(socket.get(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(socket_error(errno, "receive"));
        if (n == 0) return {};
        pending.append(buffer, static_cast<std::size_t>(n));
        for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
            const bool more = on_line(std::string_view(pending).substr(0, end));
            pending.erase(0, end + 1);
            if (!more) return {};
        }
    }
}

}  // namespace bt::net
