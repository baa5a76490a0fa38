// How much of the protocol we show to the other side.
//
//   Full   everything that we speak: reserved bits of BEP 10 (and those of other extensions), the
//          extension handshake, every extra message.
//   Plain  what the strictest teaching peers accept. Reserved bytes are all zero when the metainfo
//          is known and exactly 00 00 00 00 00 10 00 00 for a magnet. After a magnet handshake the
//          first message sent is the extension handshake and the next the metadata request, with
//          nothing in between. No Fast, no PEX, no bitfield or have before the metadata is there,
//          and no have to a peer that has the piece itself.
//
// Rule: the profile decides what *we* say; what a peer may say to us is the same in both.
#pragma once

#include <cstdint>

namespace bt::engine {

enum class WireProfile : std::uint8_t { Full, Plain };

}  // namespace bt::engine
