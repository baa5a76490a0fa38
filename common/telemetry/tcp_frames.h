#pragma once

// Makes IP packets of what two sides of a TCP connection say, as if they had been seen on a wire: sequence numbers per
// direction, SYN, SYN-ACK, ACK at the beginning, FIN at the end. Checksums are 0, which Wireshark takes for offloaded.
// What is longer than kMaxSegment is cut into several packets; of each only as many bytes as were kept are there, its
// length fields say what it was. Pure. Cost: a copy of what was kept.

#include <array>
#include <cstdint>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/telemetry/link_tap.h"

namespace bt::telemetry {

inline constexpr std::uint32_t kMaxSegment = 32 * 1024;

struct TcpFrame {
    Direction direction = Direction::In;
    ByteBuffer bytes;
    std::uint64_t original_length = 0;
};

class TcpConversation {
  public:
    // Both endpoints of one address family.
    TcpConversation(const Endpoint& local, const Endpoint& remote, bool outgoing);

    [[nodiscard]] std::vector<TcpFrame> open();
    // `length` bytes were said, of which `kept` are the first.
    [[nodiscard]] std::vector<TcpFrame> say(Direction direction, ByteView kept, std::uint64_t length);
    // `by`: who closes first. Without the last ACK: of two captures of one connection each would acknowledge what the
    // other side has said later, by its own clock.
    [[nodiscard]] std::vector<TcpFrame> close(Direction by);

  private:
    struct Side {
        Endpoint endpoint;
        std::uint32_t next = 0;  // sequence number
    };
    [[nodiscard]] TcpFrame frame(Direction direction, Byte flags, ByteView kept, std::uint32_t length);

    std::array<Side, 2> sides_;  // who sends when the direction is In, Out
    bool outgoing_;
};

}  // namespace bt::telemetry
