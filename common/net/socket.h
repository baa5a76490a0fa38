#pragma once

// Thin layer over the socket calls: descriptors with an owner, addresses, and options that every socket here gets.

#include <sys/socket.h>

#include <optional>
#include <utility>

#include "common/base/endpoint.h"
#include "common/base/result.h"

namespace bt::net {

// Owns a descriptor.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    ~Fd() { reset(); }
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(std::exchange(other.fd_, -1));
        return *this;
    }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    void reset(int fd = -1);

  private:
    int fd_ = -1;
};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

[[nodiscard]] SocketAddress to_socket_address(const Endpoint& endpoint);
// Nothing for other families than IPv4 and IPv6.
[[nodiscard]] std::optional<Endpoint> to_endpoint(const sockaddr* address);

// Of the socket itself, as the kernel sees it; 0.0.0.0:0 where it has none.
[[nodiscard]] Endpoint local_endpoint_of(int fd);

// system_error for sockets: what is not named there is a failed connection, not a failed disk.
[[nodiscard]] Error socket_error(int errno_value, std::string what);

// Non-blocking, close-on-exec sockets. shares_port: others of the same user that say so too may have the same address
// and port, and the kernel deals out what comes (SO_REUSEPORT).
[[nodiscard]] Result<Fd> make_listening_socket(const Endpoint& local, int backlog, bool shares_port = false);
// The connection is under way (or made) when this returns.
[[nodiscard]] Result<Fd> start_connect(const Endpoint& remote, const std::optional<Endpoint>& source);
void set_no_delay(int fd);
void set_non_blocking(int fd);  // any descriptor

// A bound UDP socket that keeps what came back undeliverable, with the address it was sent to.
[[nodiscard]] Result<Fd> make_datagram_socket(const Endpoint& local, bool shares_port = false);

}  // namespace bt::net
