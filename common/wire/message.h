#pragma once

// The peer wire messages as values (BEP 3, BEP 5's port, BEP 6 fast, BEP 10 envelope). Integers are raw: whoever knows
// the torrent turns them into valid indices. Views point into the codec's input and live until its next call.

#include <cstdint>
#include <string_view>
#include <variant>

#include "common/base/bytes.h"

namespace bt::wire {

enum class MessageId : std::uint8_t {
    Choke = 0, Unchoke = 1, Interested = 2, NotInterested = 3, Have = 4, Bitfield = 5, Request = 6, Piece = 7,
    Cancel = 8, Port = 9,
    SuggestPiece = 13, HaveAll = 14, HaveNone = 15, RejectRequest = 16, AllowedFast = 17,
    Extended = 20,
};

struct KeepAlive {};
struct Choke {};
struct Unchoke {};
struct Interested {};
struct NotInterested {};
struct Have { std::uint32_t piece = 0; };
struct Bitfield { ByteView bits; };
struct Request { std::uint32_t piece = 0, begin = 0, length = 0; };
struct Piece { std::uint32_t piece = 0, begin = 0; ByteView block; };
struct Cancel { std::uint32_t piece = 0, begin = 0, length = 0; };
struct Port { std::uint16_t port = 0; };
struct SuggestPiece { std::uint32_t piece = 0; };
struct HaveAll {};
struct HaveNone {};
struct RejectRequest { std::uint32_t piece = 0, begin = 0, length = 0; };
struct AllowedFast { std::uint32_t piece = 0; };
// BEP 10: id 0 is the extension handshake; payload is what follows the id.
struct Extended { std::uint8_t id = 0; ByteView payload; };

using Message = std::variant<KeepAlive, Choke, Unchoke, Interested, NotInterested, Have, Bitfield, Request, Piece,
                             Cancel, Port, SuggestPiece, HaveAll, HaveNone, RejectRequest, AllowedFast, Extended>;

// "choke", "not_interested", …; for logs and events.
[[nodiscard]] std::string_view message_name(const Message& message);

// Appends the encoded message to out. (A piece message's block is usually sent as a file range behind its header.)
void encode(const Message& message, ByteBuffer& out);

// The 13 bytes in front of a block of `length` bytes.
void encode_piece_header(std::uint32_t piece, std::uint32_t begin, std::uint32_t length, ByteBuffer& out);

}  // namespace bt::wire
