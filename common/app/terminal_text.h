#pragma once

// Text from outside, made fit for a terminal: nothing in it moves the cursor or turns the writing round, and it takes
// the columns that we think it takes. Pure.
//
// The width of a character is that of common terminals: 2 for East Asian wide and full-width characters and emoji, 0
// for combining marks and joiners, 1 for all others. Terminals differ for rare characters; the last column of a line is
// therefore never used for text from outside.

#include <cstddef>
#include <string>
#include <string_view>

namespace bt::app {

// Control characters (C0, DEL, C1), line and paragraph separators and bidirectional controls become '?'; each byte that
// is no UTF-8 becomes U+FFFD.
[[nodiscard]] std::string printable(std::string_view text);

// Columns of printable text.
[[nodiscard]] std::size_t columns(std::string_view text);

// printable(text) in exactly `width` columns: cut before the character that does not fit, with "…" as the last one, or
// padded with blanks.
[[nodiscard]] std::string fit(std::string_view text, std::size_t width);
// The same without padding: at most `width` columns.
[[nodiscard]] std::string cut(std::string_view text, std::size_t width);

}  // namespace bt::app
