#include "common/net/send_gather.h"

#include <algorithm>
#include <utility>

namespace bt::net {

void SendGather::fill(const OutputQueue& queue, std::uint64_t max_bytes) {
    for (std::size_t i = 0; i < queue.segment_count() && count_ < parts_.size() && size_ < max_bytes; ++i) {
        const OutputQueue::Segment segment = queue.segment(i);
        const std::uint64_t room = max_bytes - size_;
        if (const auto* bytes = std::get_if<ByteView>(&segment)) {
            // sendmsg only reads; iovec has no const.
            add(const_cast<Byte*>(bytes->data()),
                static_cast<std::size_t>(std::min<std::uint64_t>(bytes->size(), room)));
            continue;
        }
        const auto& range = std::get<FileRange>(segment);
        const std::uint64_t length = std::min({range.length, room, std::uint64_t{buffer_.size() - used_}});
        if (length == 0) break;
        const bool goes_on = run_.length > 0 && run_.storage == range.storage && run_.file == range.file &&
                             run_.offset + run_.length == range.offset;
        if (!goes_on) {
            end_run();
            if (cut_) return;
            run_ = {range.storage, range.file, range.offset, 0};
        }
        add(buffer_.data() + used_, static_cast<std::size_t>(length));
        used_ += static_cast<std::size_t>(length);
        run_.length += length;
        if (length < range.length) break;
    }
    end_run();
}

void SendGather::add(Byte* bytes, std::size_t size) {
    parts_[count_++] = {bytes, size};
    size_ += size;
}

void SendGather::end_run() {
    if (run_.length == 0) return;
    const auto length = static_cast<std::size_t>(std::exchange(run_.length, 0));
    const FileRange range{run_.storage, run_.file, run_.offset, length};
    const MutableByteView into = buffer_.subspan(used_ - length, length);
    const auto read = wait_for_device_ ? disk_.read_waiting(range, into) : disk_.read_now(range, into);
    wait_for_device_ = false;
    const std::size_t got = read.value_or(0);
    if (got == length) return;
    cut_ = true;

    if (!read) {
        obstacle_ = read.error();
    } else if (got == 0) {
        obstacle_ = Error{ErrorCode::DiskError, Fault::System, "a file is shorter than it was", std::nullopt};
    }
    // Whatever was gathered behind the last byte that was read is not sent this time.
    const Byte* const end = into.data() + got;
    const Byte* const buffer_end = buffer_.data() + buffer_.size();
    std::size_t kept = 0;
    size_ = 0;
    for (; kept < count_; ++kept) {
        const auto* bytes = static_cast<const Byte*>(parts_[kept].iov_base);
        const bool of_file = bytes >= buffer_.data() && bytes < buffer_end;
        if (of_file && bytes >= end) break;
        const bool ends_inside = of_file && bytes + parts_[kept].iov_len > end;
        if (ends_inside) parts_[kept].iov_len = static_cast<std::size_t>(end - bytes);
        size_ += parts_[kept].iov_len;
        // The header behind a block that is not whole would stand in the block's place.
        if (ends_inside) {
            ++kept;
            break;
        }
    }
    count_ = kept;
    used_ -= length - got;
}

}  // namespace bt::net
