#include "common/telemetry/message_splitter.h"

#include <algorithm>

namespace bt::telemetry {
namespace {

constexpr std::size_t kHandshake = 68;
constexpr std::size_t kPrefix = 4;
constexpr std::size_t kPieceHeader = 13;
constexpr Byte kPieceId = 7;

}  // namespace

// Of the message under way, as far as it can be told now: its prefix, or all of it.
std::uint64_t MessageSplitter::wanted() const {
    if (is_handshake_) return kHandshake;
    if (kept_.size() < kPrefix) return kPrefix;
    return kPrefix + (std::uint64_t{kept_[0]} << 24 | std::uint64_t{kept_[1]} << 16 | std::uint64_t{kept_[2]} << 8 |
                      std::uint64_t{kept_[3]});
}

std::size_t MessageSplitter::limit() const {
    const bool is_piece = !is_handshake_ && kept_.size() > kPrefix && kept_[kPrefix] == kPieceId;
    return is_piece ? kPieceHeader + block_bytes_kept_ : kMaxKept;
}

void MessageSplitter::end_if_whole(const Take& take) {
    if (length_ < wanted()) return;
    take(kept_, length_);
    is_handshake_ = false;
    kept_.clear();
    length_ = 0;
}

void MessageSplitter::receive(ByteView bytes, const Take& take) {
    while (!bytes.empty()) {
        // Prefix and id are taken by themselves, because they decide how much is kept.
        const std::uint64_t step = !is_handshake_ && kept_.size() == kPrefix ? 1 : wanted() - length_;
        const ByteView part = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), step)));
        bytes = bytes.subspan(part.size());
        length_ += part.size();
        const std::size_t room = limit() - std::min(limit(), kept_.size());
        append(kept_, part.first(std::min(part.size(), room)));
        end_if_whole(take);
    }
}

void MessageSplitter::skip(std::uint64_t length, const Take& take) {
    length_ += length;
    end_if_whole(take);
}

void MessageSplitter::finish(const Take& take) {
    if (length_ > 0) take(kept_, length_);
    kept_.clear();
    length_ = 0;
}

}  // namespace bt::telemetry
