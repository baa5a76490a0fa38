#pragma once

// A bencoded value as one line of JSON, without loss.
//  - Integers are written whole, all 64 bits. Readers that hold numbers as doubles lose digits beyond 2^53; we do not.
//  - Strings that are UTF-8 stand as they are. Only what JSON or a terminal needs is escaped: '"', '\', control
//  characters
//    (C0, DEL and C1). Slashes are not.
//  - A byte 0xNN that is not part of well-formed UTF-8 becomes \udcNN. No UTF-8 has such a character, so nothing is
//    mistaken: Python reads it back with text.encode("utf-8", "surrogateescape").
//  - Keys of a dictionary keep their order, repeated ones too.
// Cost: linear. Nesting is bounded by the parser (BencodeLimits::max_depth).

#include <string>
#include <string_view>

#include "common/meta/bencode.h"

namespace bt::meta {

[[nodiscard]] std::string bencode_to_json(const BencodeNode& node);
// The string with its quotes, by the same rules.
void append_lossless_json_string(std::string& out, std::string_view bytes);

}  // namespace bt::meta
