#pragma once

// What a connection still has to send: a queue of segments, each either bytes that the queue owns or a range of a
// file that the driver sends without copying it through user space (sendfile). Order is kept.
//
// append_bytes  merges into the last owned segment: many small messages become one write.
// front / next  the driver peeks at the segments in order; nothing changes.
// mark_sent(n)  the driver acknowledges n bytes from the front.
// Cost: amortised O(1) a call, no allocation in the steady state.

#include <cstdint>
#include <deque>
#include <variant>

#include "common/base/bytes.h"
#include "common/base/types.h"

namespace bt {

class OutputQueue {
  public:
    using Segment = std::variant<ByteView, FileRange>;

    void append_bytes(ByteView bytes);
    void append_file(FileRange range);

    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::uint64_t size() const { return size_; }   // bytes in all
    [[nodiscard]] std::size_t segment_count() const { return segments_.size(); }
    // The i-th unsent segment, i < segment_count(); a view lives until the next change.
    [[nodiscard]] Segment segment(std::size_t i) const;

    // n <= size().
    void mark_sent(std::uint64_t n);
    void clear();

  private:
    struct Entry {
        ByteBuffer bytes;        // owned; empty for a file range
        std::size_t sent = 0;    // of `bytes`
        FileRange range;
        bool is_file = false;
    };
    std::deque<Entry> segments_;
    std::uint64_t size_ = 0;
    ByteBuffer spare_;  // storage of a finished segment, for the next one
};

}  // namespace bt
