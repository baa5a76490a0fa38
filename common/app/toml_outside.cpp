#include "common/app/toml_outside.h"

#include <algorithm>

namespace bt::app {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kMaxExtraQuotes = 2;  // a long string may end in two quotes of its own

// Behind the string that begins at `at`, or the newline that breaks a short one off.
std::size_t end_of_string(std::string_view text, std::size_t at) {
    const char quote = text[at];
    const bool has_escapes = quote == '"';
    const std::string_view three(text.substr(at, 3));
    const bool is_long = three.size() == 3 && three[1] == quote && three[2] == quote;
    for (at += is_long ? 3 : 1; at < text.size(); ++at) {
        if (has_escapes && text[at] == '\\') {
            ++at;
        } else if (!is_long && (text[at] == quote || text[at] == '\n')) {
            return text[at] == quote ? at + 1 : at;
        } else if (is_long && text.substr(at, 3) == three) {
            at += 3;
            for (std::size_t i = 0; i < kMaxExtraQuotes && at < text.size() && text[at] == quote; ++i) ++at;
            return at;
        }
    }
    return text.size();
}

}  // namespace

std::optional<std::uint32_t> line_of_bare_non_ascii(std::string_view text) {
    std::size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    while (at < text.size()) {
        if (text[at] == '"' || text[at] == '\'') {
            at = end_of_string(text, at);
        } else if (text[at] == '#') {
            at = std::min(text.find('\n', at), text.size());
        } else if (static_cast<unsigned char>(text[at]) >= 0x80) {
            return static_cast<std::uint32_t>(1 + std::ranges::count(text.substr(0, at), '\n'));
        } else {
            ++at;
        }
    }
    return std::nullopt;
}

}  // namespace bt::app
