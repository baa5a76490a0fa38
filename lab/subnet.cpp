#include "lab/subnet.h"

#include <cerrno>

namespace bt::lab {
namespace {

// A TCP socket bound to the address, without SO_REUSEADDR: two of them exclude each other.
Result<net::Fd> bind_to(const std::string& address, std::uint16_t port) {
    net::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.is_open()) return fail(net::socket_error(errno, "socket"));
    const net::SocketAddress local = net::to_socket_address({*Address::parse(address), port});
    if (bind(fd.get(), local.get(), local.size) != 0) return fail(net::socket_error(errno, "bind to " + address));
    return fd;
}

}  // namespace

Result<Subnet> Subnet::claim(Rng& rng) {
    Error last;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        const std::string prefix = "127." + std::to_string(16 + rng.below(235)) + '.' + std::to_string(rng.below(256));
        Result<net::Fd> mark = bind_to(prefix + ".254", kClaimPort);
        if (mark) {
            const Result<net::Fd> first = bind_to(prefix + ".1", 0);
            if (first) return Subnet(prefix, std::move(*mark));
            last = first.error();
        } else {
            last = mark.error();
        }
    }
    return fail(std::move(last));
}

}  // namespace bt::lab
