#pragma once

// TOML 1.0 allows bytes outside ASCII in strings and comments only. Debian's toml++ (3.3) reads on into undefined
// behaviour where a letter of another script stands outside of them, so nobody is let through to it with one.

#include <cstdint>
#include <optional>
#include <string_view>

namespace bt::app {

// The line of the first byte outside ASCII that stands in no string and no comment; a byte order mark at the very
// beginning does not count. What is no TOML for other reasons is left to the parser.
[[nodiscard]] std::optional<std::uint32_t> line_of_bare_non_ascii(std::string_view text);

}  // namespace bt::app
