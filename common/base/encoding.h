#pragma once

// Text forms of bytes: hex, base32 (RFC 4648), percent-encoding (RFC 3986).

#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"

namespace bt {

[[nodiscard]] std::string to_hex(ByteView bytes);                               // lower case
[[nodiscard]] std::optional<ByteBuffer> from_hex(std::string_view text);         // either case, even length
[[nodiscard]] std::optional<ByteBuffer> from_base32(std::string_view text);      // either case, '=' padding optional
// Everything but the unreserved characters (A-Z a-z 0-9 - . _ ~) becomes %XX.
[[nodiscard]] std::string percent_encode(ByteView bytes);
// nullopt for a '%' without two hex digits behind it. '+' stays '+' unless plus_is_space.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// True when the bytes are well-formed UTF-8 (no overlong forms, no surrogates).
[[nodiscard]] bool is_valid_utf8(std::string_view text);

}  // namespace bt
