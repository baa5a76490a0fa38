#include "common/engine/link_watch.h"

#include <algorithm>

namespace bt::engine {

void LinkWatch::open(const env::Stream& stream, TimePoint now) {
    if (std::exchange(is_open_, true)) return;
    tap_->on_opened(id_, stream.local_endpoint(), stream.remote_endpoint(), outgoing_, now);
}

void LinkWatch::on_sending(const env::Stream& stream, const OutputQueue& queue, TimePoint now) {
    if (tap_ == nullptr || queue.size() <= told_) return;
    open(stream, now);
    std::uint64_t old = told_;
    for (std::size_t i = 0; i < queue.segment_count(); ++i) {
        const OutputQueue::Segment segment = queue.segment(i);
        if (const auto* bytes = std::get_if<ByteView>(&segment)) {
            const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(old, bytes->size()));
            old -= skipped;
            if (skipped < bytes->size()) {
                tap_->on_bytes(id_, telemetry::Direction::Out, bytes->subspan(skipped), now);
            }
        } else {
            const std::uint64_t length = std::get<FileRange>(segment).length;
            const std::uint64_t skipped = std::min(old, length);
            old -= skipped;
            if (skipped < length) tap_->on_file_sent(id_, length - skipped, now);
        }
    }
    told_ = queue.size();
}

}  // namespace bt::engine
