#pragma once

// Framing of the byte stream behind the handshake: length-prefixed messages out of arbitrary cuts.
//
// Use: begin(bytes) with what arrived, then next() until it answers nothing; a message that is complete within those
// bytes is decoded in place, without a copy. What is left at the end (at most one incomplete message) is kept inside
// and completed by the next begin(), which may come only then (or after an error). Views in a message live until the
// next call of next() or begin(). Refused (ProtocolViolation, remote, offset = bytes since the handshake): a length
// over kMaxMessageLength, or over the exact length of the id (have 5, request/cancel/reject 13, choke…not_interested
// and have_all/none 1, port 3, piece 9 + 1…32 KiB, extended >= 2), an unknown id. The length and id are judged as soon
// as they are seen: a peer that announces 4 GiB is refused on the fifth byte and never makes us allocate. After an
// error the codec stays in error. Memory: at most one message; grows with what has arrived, not with what was
// announced.

#include <cstdint>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/wire/message.h"

namespace bt::wire {

inline constexpr std::uint32_t kMaxMessageLength = 1u << 20;
inline constexpr std::uint32_t kMaxBlockLength = 32u * 1024;  // tolerated in piece messages

class MessageCodec {
  public:
    void begin(ByteView bytes);
    [[nodiscard]] Result<std::optional<Message>> next();

    // Bytes of the incomplete message that is kept.
    [[nodiscard]] std::size_t buffered() const { return partial_done_ ? 0 : partial_.size(); }
    // Bytes handed out as messages since the handshake.
    [[nodiscard]] std::uint64_t position() const { return position_; }

  private:
    [[nodiscard]] std::unexpected<Error> refuse(Error error);
    [[nodiscard]] Result<std::size_t> frame_size(ByteView start) const;
    [[nodiscard]] Result<std::optional<Message>> next_from_partial();
    void drop_finished_partial();

    ByteView input_;                 // not yet consumed
    ByteBuffer partial_;             // start of a message that was cut
    std::size_t partial_total_ = 0;  // bytes that message has in all, once known
    bool partial_done_ = false;      // partial_ holds a message handed out already
    std::uint64_t position_ = 0;     // bytes consumed since the handshake
    std::optional<Error> error_;
};

}  // namespace bt::wire
