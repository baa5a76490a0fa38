#include "common/wire/message_codec.h"

#include <algorithm>
#include <string>

#include "common/base/byte_cursor.h"
#include "common/base/check.h"

namespace bt::wire {
namespace {

constexpr std::size_t kLengthSize = 4;
constexpr std::size_t kPrefixSize = 5;                      // length and id: enough to judge a message
constexpr std::size_t kKeptCapacity = 2 * kMaxBlockLength;  // of the buffer for cut messages

struct LengthRule {
    std::uint32_t least;
    std::uint32_t most;  // 0: the id is unknown
};

// What the length field may say for an id (id byte and payload counted).
constexpr LengthRule length_rule(Byte id) {
    switch (static_cast<MessageId>(id)) {
        case MessageId::Choke:
        case MessageId::Unchoke:
        case MessageId::Interested:
        case MessageId::NotInterested:
        case MessageId::HaveAll:
        case MessageId::HaveNone:
            return {1, 1};
        case MessageId::Have:
        case MessageId::SuggestPiece:
        case MessageId::AllowedFast:
            return {5, 5};
        case MessageId::Request:
        case MessageId::Cancel:
        case MessageId::RejectRequest:
            return {13, 13};
        case MessageId::Port:
            return {3, 3};
        case MessageId::Piece:
            return {9 + 1, 9 + kMaxBlockLength};
        case MessageId::Bitfield:
            return {1, kMaxMessageLength};
        case MessageId::Extended:
            return {2, kMaxMessageLength};
    }
    return {0, 0};
}

// `frame` is one whole message that has been judged.
Message decode(ByteView frame) {
    if (frame.size() == kLengthSize) return KeepAlive{};
    const Byte* p = frame.data() + kPrefixSize;
    switch (static_cast<MessageId>(frame[kLengthSize])) {
        case MessageId::Choke:
            return Choke{};
        case MessageId::Unchoke:
            return Unchoke{};
        case MessageId::Interested:
            return Interested{};
        case MessageId::NotInterested:
            return NotInterested{};
        case MessageId::Have:
            return Have{load_u32(p)};
        case MessageId::Bitfield:
            return Bitfield{frame.subspan(kPrefixSize)};
        case MessageId::Request:
            return Request{load_u32(p), load_u32(p + 4), load_u32(p + 8)};
        case MessageId::Piece:
            return Piece{load_u32(p), load_u32(p + 4), frame.subspan(kPrefixSize + 8)};
        case MessageId::Cancel:
            return Cancel{load_u32(p), load_u32(p + 4), load_u32(p + 8)};
        case MessageId::Port:
            return Port{load_u16(p)};
        case MessageId::SuggestPiece:
            return SuggestPiece{load_u32(p)};
        case MessageId::HaveAll:
            return HaveAll{};
        case MessageId::HaveNone:
            return HaveNone{};
        case MessageId::RejectRequest:
            return RejectRequest{load_u32(p), load_u32(p + 4), load_u32(p + 8)};
        case MessageId::AllowedFast:
            return AllowedFast{load_u32(p)};
        case MessageId::Extended:
            return Extended{*p, frame.subspan(kPrefixSize + 1)};
    }
    const bool id_was_judged = false;
    BT_CHECK(id_was_judged);
    return KeepAlive{};
}

}  // namespace

void MessageCodec::begin(ByteView bytes) {
    drop_finished_partial();
    if (error_) return;
    BT_CHECK(input_.empty());
    input_ = bytes;
}

Result<std::optional<Message>> MessageCodec::next() {
    if (error_) return fail(*error_);
    drop_finished_partial();
    if (!partial_.empty()) return next_from_partial();

    auto total = frame_size(input_);
    if (!total) return refuse(std::move(total).error());
    if (*total == 0 || input_.size() < *total) {
        append(partial_, input_);
        partial_total_ = *total;
        input_ = {};
        return std::nullopt;
    }
    const ByteView frame = input_.first(*total);
    input_ = input_.subspan(*total);
    position_ += *total;
    return decode(frame);
}

// Size of the message that begins here; 0 when there are too few bytes to tell. Each rule is applied as soon as its
// bytes are there, always in the same order: the verdict does not depend on the cuts.
Result<std::size_t> MessageCodec::frame_size(ByteView start) const {
    if (start.size() < kLengthSize) return std::size_t{0};
    const std::uint32_t length = load_u32(start.data());
    if (length == 0) return kLengthSize;
    if (length > kMaxMessageLength) {
        return fail(remote_error(
            ErrorCode::ProtocolViolation,
            "message of " + std::to_string(length) + " bytes, over the limit of " + std::to_string(kMaxMessageLength),
            position_));
    }
    if (start.size() < kPrefixSize) return std::size_t{0};
    const Byte id = start[kLengthSize];
    const LengthRule rule = length_rule(id);
    if (rule.most == 0) {
        return fail(remote_error(ErrorCode::ProtocolViolation, "unknown message id " + std::to_string(id),
                                 position_ + kLengthSize));
    }
    if (length < rule.least || length > rule.most) {
        return fail(remote_error(ErrorCode::ProtocolViolation,
                                 "message id " + std::to_string(id) + " with length " + std::to_string(length),
                                 position_));
    }
    return kLengthSize + length;
}

Result<std::optional<Message>> MessageCodec::next_from_partial() {
    while (partial_total_ == 0 || partial_.size() < partial_total_) {
        if (input_.empty()) return std::nullopt;
        std::size_t wanted = partial_total_;
        if (wanted == 0) wanted = partial_.size() < kLengthSize ? kLengthSize : kPrefixSize;
        const std::size_t step = std::min(wanted - partial_.size(), input_.size());
        append(partial_, input_.first(step));
        input_ = input_.subspan(step);
        if (partial_total_ == 0) {
            auto total = frame_size(partial_);
            if (!total) return refuse(std::move(total).error());
            partial_total_ = *total;
        }
    }
    partial_done_ = true;
    position_ += partial_total_;
    return decode(partial_);
}

void MessageCodec::drop_finished_partial() {
    if (!partial_done_) return;
    partial_done_ = false;
    partial_total_ = 0;
    if (partial_.capacity() > kKeptCapacity) partial_ = {};
    partial_.clear();
}

std::unexpected<Error> MessageCodec::refuse(Error error) {
    error_ = std::move(error);
    input_ = {};
    partial_ = {};
    return fail(*error_);
}

}  // namespace bt::wire
