#pragma once

// Many datagrams in one system call, in both directions.
//
//  - ReceiveBatch: recvmmsg into slots that take a datagram of any length each. One for all sockets of a loop; the
//    bytes are there until the next receive(). Its memory is address space until datagrams come: pages that were never
//    written to cost nothing. Slots are not a power of two apart, or their beginnings would all want the same lines
//    of the cache.
//  - SendBatch: copies of what is to be sent, until flush() hands them to sendmmsg. Only what is_small() goes in.
// Cost: no allocation after the first use.

#include <sys/socket.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/net/socket.h"

namespace bt::net {

inline constexpr std::size_t kDatagramsPerCall = 32;

class ReceiveBatch {
  public:
    // How many came; none when there are none, or when the kernel had an error to tell instead.
    [[nodiscard]] std::size_t receive(int fd);
    [[nodiscard]] MutableByteView bytes(std::size_t i);
    [[nodiscard]] std::optional<Endpoint> from(std::size_t i) const;

  private:
    static constexpr std::size_t kSlot = (64u << 10) + 192;
    struct Memory {
        std::array<mmsghdr, kDatagramsPerCall> headers;
        std::array<iovec, kDatagramsPerCall> parts;
        std::array<SocketAddress, kDatagramsPerCall> addresses;
        Byte bytes[kDatagramsPerCall * kSlot];
    };
    std::unique_ptr<Memory> memory_;
};

class SendBatch {
  public:
    [[nodiscard]] static bool is_small(ByteView bytes) { return bytes.size() <= kRoom; }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    // False: full, flush first.
    [[nodiscard]] bool add(ByteView bytes, const Endpoint& to);
    // Empties the batch. What the kernel has no room for is lost; `failed` is told of what it refuses.
    void flush(int fd, const std::function<void(const Endpoint& to, int error)>& failed);

  private:
    static constexpr std::size_t kRoom = 2'048;
    struct Memory {
        std::array<mmsghdr, kDatagramsPerCall> headers;
        std::array<iovec, kDatagramsPerCall> parts;
        std::array<SocketAddress, kDatagramsPerCall> addresses;
        Byte bytes[kDatagramsPerCall * kRoom];
    };
    std::unique_ptr<Memory> memory_;
    std::size_t count_ = 0;
};

// Of an errno value of a send: the datagram is lost, as any may be.
[[nodiscard]] bool is_loss(int error);

}  // namespace bt::net
