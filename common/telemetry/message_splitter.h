#pragma once

// One direction of a peer wire connection, cut into its messages (the handshake of 68 bytes first) without reading more
// into them than their length: for whoever records what was said. Of a `piece` only the first block bytes are kept, of
// anything else at most kMaxKept; lengths are always the real ones. Not a parser that refuses: the link does that.
// Memory: what is kept of one message. Cost: O(bytes kept) and O(1) a message.

#include <cstdint>
#include <functional>

#include "common/base/bytes.h"

namespace bt::telemetry {

inline constexpr std::size_t kMaxKept = 64 * 1024;

class MessageSplitter {
  public:
    // The message as far as it is kept, and how long it was. The view ends with the call.
    using Take = std::function<void(ByteView kept, std::uint64_t length)>;

    explicit MessageSplitter(std::size_t block_bytes_kept) : block_bytes_kept_(block_bytes_kept) {}

    void receive(ByteView bytes, const Take& take);
    // So many bytes of the message under way that nobody saw.
    void skip(std::uint64_t length, const Take& take);
    // What there is of a message that was never finished.
    void finish(const Take& take);

  private:
    [[nodiscard]] std::uint64_t wanted() const;
    [[nodiscard]] std::size_t limit() const;
    void end_if_whole(const Take& take);

    std::size_t block_bytes_kept_;
    bool is_handshake_ = true;
    ByteBuffer kept_;
    std::uint64_t length_ = 0;  // of the message under way, so far
};

}  // namespace bt::telemetry
