#include "common/wire/message.h"

#include <array>
#include <initializer_list>

#include "common/base/byte_cursor.h"

namespace bt::wire {
namespace {

constexpr std::size_t kLengthPrefixSize = 4;

// Appends length, id and the numbers; `tail` bytes are counted in the length and left to the caller.
void put(ByteBuffer& out, MessageId id, std::initializer_list<std::uint32_t> numbers, std::size_t tail = 0) {
    const std::size_t body = 1 + 4 * numbers.size();
    const std::size_t start = out.size();
    out.resize(start + kLengthPrefixSize + body);
    Byte* at = out.data() + start;
    store_u32(at, static_cast<std::uint32_t>(body + tail));
    at[kLengthPrefixSize] = static_cast<Byte>(id);
    at += kLengthPrefixSize + 1;
    for (const std::uint32_t number : numbers) {
        store_u32(at, number);
        at += 4;
    }
}

struct Encoder {
    ByteBuffer& out;

    void operator()(const KeepAlive&) const { append_u32(out, 0); }
    void operator()(const Choke&) const { put(out, MessageId::Choke, {}); }
    void operator()(const Unchoke&) const { put(out, MessageId::Unchoke, {}); }
    void operator()(const Interested&) const { put(out, MessageId::Interested, {}); }
    void operator()(const NotInterested&) const { put(out, MessageId::NotInterested, {}); }
    void operator()(const Have& m) const { put(out, MessageId::Have, {m.piece}); }
    void operator()(const Bitfield& m) const {
        put(out, MessageId::Bitfield, {}, m.bits.size());
        append(out, m.bits);
    }
    void operator()(const Request& m) const { put(out, MessageId::Request, {m.piece, m.begin, m.length}); }
    void operator()(const Piece& m) const {
        put(out, MessageId::Piece, {m.piece, m.begin}, m.block.size());
        append(out, m.block);
    }
    void operator()(const Cancel& m) const { put(out, MessageId::Cancel, {m.piece, m.begin, m.length}); }
    void operator()(const Port& m) const {
        put(out, MessageId::Port, {}, 2);
        append_u16(out, m.port);
    }
    void operator()(const SuggestPiece& m) const { put(out, MessageId::SuggestPiece, {m.piece}); }
    void operator()(const HaveAll&) const { put(out, MessageId::HaveAll, {}); }
    void operator()(const HaveNone&) const { put(out, MessageId::HaveNone, {}); }
    void operator()(const RejectRequest& m) const { put(out, MessageId::RejectRequest, {m.piece, m.begin, m.length}); }
    void operator()(const AllowedFast& m) const { put(out, MessageId::AllowedFast, {m.piece}); }
    void operator()(const Extended& m) const {
        put(out, MessageId::Extended, {}, 1 + m.payload.size());
        out.push_back(m.id);
        append(out, m.payload);
    }
};

// In the order of the variant's alternatives.
constexpr std::array<std::string_view, std::variant_size_v<Message>> kNames = {
    "keep_alive", "choke",     "unchoke",        "interested",   "not_interested", "have",
    "bitfield",   "request",   "piece",          "cancel",       "port",           "suggest_piece",
    "have_all",   "have_none", "reject_request", "allowed_fast", "extended"};

}  // namespace

std::string_view message_name(const Message& message) { return kNames[message.index()]; }

void encode(const Message& message, ByteBuffer& out) { std::visit(Encoder{out}, message); }

void encode_piece_header(std::uint32_t piece, std::uint32_t begin, std::uint32_t length, ByteBuffer& out) {
    put(out, MessageId::Piece, {piece, begin}, length);
}

}  // namespace bt::wire
