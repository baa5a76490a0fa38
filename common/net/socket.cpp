#include "common/net/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bt::net {

namespace {

void enable(int fd, int level, int option) {
    const int on = 1;
    setsockopt(fd, level, option, &on, sizeof on);
}

Result<Fd> make_socket(const Endpoint& endpoint, int type = SOCK_STREAM) {
    const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
    Fd fd(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.is_open()) return fail(socket_error(errno, "socket"));
    // An IPv6 socket that also took IPv4 would show one peer under two addresses.
    if (family == AF_INET6) enable(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
    return fd;
}

}  // namespace

void Fd::reset(int fd) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
}

SocketAddress to_socket_address(const Endpoint& endpoint) {
    SocketAddress address;
    const ByteView bytes = endpoint.address.bytes();
    if (endpoint.address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
        std::memcpy(&address.storage, &v4, sizeof v4);
        address.size = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(endpoint.port);
        std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
        std::memcpy(&address.storage, &v6, sizeof v6);
        address.size = sizeof v6;
    }
    return address;
}

std::optional<Endpoint> to_endpoint(const sockaddr* address) {
    if (address->sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, address, sizeof v4);
        std::array<Byte, 4> bytes{};
        std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
        return Endpoint{Address::v4(bytes), ntohs(v4.sin_port)};
    }
    if (address->sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, address, sizeof v6);
        std::array<Byte, 16> bytes{};
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        return Endpoint{Address::v6(bytes), ntohs(v6.sin6_port)};
    }
    return std::nullopt;
}

Endpoint local_endpoint_of(int fd) {
    SocketAddress address;
    address.size = sizeof address.storage;
    if (getsockname(fd, address.get(), &address.size) != 0) return {};
    return to_endpoint(address.get()).value_or(Endpoint{});
}

Error socket_error(int errno_value, std::string what) {
    Error error = system_error(errno_value, std::move(what));
    if (error.code == ErrorCode::DiskError || error.code == ErrorCode::NotFound) error.code = ErrorCode::ConnectFailed;
    return error;
}

Result<Fd> make_listening_socket(const Endpoint& local, int backlog, bool shares_port) {
    const std::string what = "listen on " + local.to_string();
    BT_TRY_ASSIGN(Fd fd, make_socket(local));
    enable(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    set_no_delay(fd.get());  // for all that are accepted
    if (shares_port) enable(fd.get(), SOL_SOCKET, SO_REUSEPORT);
    const SocketAddress address = to_socket_address(local);
    if (bind(fd.get(), address.get(), address.size) != 0) return fail(socket_error(errno, what));
    if (listen(fd.get(), backlog) != 0) return fail(socket_error(errno, what));
    return fd;
}

Result<Fd> start_connect(const Endpoint& remote, const std::optional<Endpoint>& source) {
    const std::string what = "connect to " + remote.to_string();
    BT_TRY_ASSIGN(Fd fd, make_socket(remote));
    if (source) {
        // Port 0: the kernel chooses at connect, knowing the remote side, so that a port can serve many remotes.
        if (source->port == 0) {
            enable(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
        } else {
            enable(fd.get(), SOL_SOCKET, SO_REUSEADDR);
        }
        const SocketAddress address = to_socket_address(*source);
        if (bind(fd.get(), address.get(), address.size) != 0) {
            return fail(socket_error(errno, what + " from " + source->to_string()));
        }
    }
    const SocketAddress address = to_socket_address(remote);
    if (connect(fd.get(), address.get(), address.size) != 0 && errno != EINPROGRESS && errno != EINTR) {
        return fail(socket_error(errno, what));
    }
    return fd;
}

Result<Fd> make_datagram_socket(const Endpoint& local, bool shares_port) {
    BT_TRY_ASSIGN(Fd fd, make_socket(local, SOCK_DGRAM));
    if (shares_port) enable(fd.get(), SOL_SOCKET, SO_REUSEPORT);
    if (local.address.is_v4()) {
        enable(fd.get(), IPPROTO_IP, IP_RECVERR);
    } else {
        enable(fd.get(), IPPROTO_IPV6, IPV6_RECVERR);
    }
    const SocketAddress address = to_socket_address(local);
    if (bind(fd.get(), address.get(), address.size) != 0) {
        return fail(socket_error(errno, "bind to " + local.to_string()));
    }
    return fd;
}

void set_no_delay(int fd) { enable(fd, IPPROTO_TCP, TCP_NODELAY); }
void set_non_blocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace bt::net
