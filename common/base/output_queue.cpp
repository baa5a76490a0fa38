#include "common/base/output_queue.h"

#include <algorithm>

#include "common/base/check.h"

namespace bt {

void OutputQueue::append_bytes(ByteView bytes) {
    if (bytes.empty()) return;
    if (segments_.empty() || segments_.back().is_file) {
        Entry entry;
        entry.bytes = std::move(spare_);
        entry.bytes.clear();
        spare_ = {};
        segments_.push_back(std::move(entry));
    }
    append(segments_.back().bytes, bytes);
    size_ += bytes.size();
}

void OutputQueue::append_file(FileRange range) {
    if (range.length == 0) return;
    Entry entry;
    entry.range = range;
    entry.is_file = true;
    segments_.push_back(std::move(entry));
    size_ += range.length;
}

OutputQueue::Segment OutputQueue::segment(std::size_t i) const {
    BT_CHECK(i < segments_.size());
    const Entry& entry = segments_[i];
    if (entry.is_file) return entry.range;
    return ByteView(entry.bytes).subspan(entry.sent);
}

void OutputQueue::mark_sent(std::uint64_t n) {
    BT_CHECK(n <= size_);
    size_ -= n;
    while (n > 0) {
        Entry& entry = segments_.front();
        const std::uint64_t left = entry.is_file ? entry.range.length : entry.bytes.size() - entry.sent;
        const std::uint64_t step = std::min(n, left);
        n -= step;
        if (step == left) {
            if (!entry.is_file && entry.bytes.capacity() > spare_.capacity()) spare_ = std::move(entry.bytes);
            segments_.pop_front();
        } else if (entry.is_file) {
            entry.range.offset += step;
            entry.range.length -= step;
        } else {
            entry.sent += static_cast<std::size_t>(step);
        }
    }
}

void OutputQueue::clear() {
    segments_.clear();
    size_ = 0;
}

}  // namespace bt
