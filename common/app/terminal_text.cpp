#include "common/app/terminal_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/base/encoding.h"

namespace bt::app {
namespace {

struct Range {
    char32_t first;
    char32_t last;
};

// Ranges rather than every character of the Unicode tables: what stands in names in practice.
constexpr std::array kWide = {
    Range{0x1100, 0x115f},   Range{0x231a, 0x231b},   Range{0x2329, 0x232a},   Range{0x23e9, 0x23ec},
    Range{0x23f0, 0x23f0},   Range{0x23f3, 0x23f3},   Range{0x25fd, 0x25fe},   Range{0x2614, 0x2615},
    Range{0x2648, 0x2653},   Range{0x267f, 0x267f},   Range{0x2693, 0x2693},   Range{0x26a1, 0x26a1},
    Range{0x26aa, 0x26ab},   Range{0x26bd, 0x26be},   Range{0x26c4, 0x26c5},   Range{0x26ce, 0x26ce},
    Range{0x26d4, 0x26d4},   Range{0x26ea, 0x26ea},   Range{0x26f2, 0x26f3},   Range{0x26f5, 0x26f5},
    Range{0x26fa, 0x26fa},   Range{0x26fd, 0x26fd},   Range{0x2705, 0x2705},   Range{0x270a, 0x270b},
    Range{0x2728, 0x2728},   Range{0x274c, 0x274c},   Range{0x274e, 0x274e},   Range{0x2753, 0x2755},
    Range{0x2757, 0x2757},   Range{0x2795, 0x2797},   Range{0x27b0, 0x27b0},   Range{0x27bf, 0x27bf},
    Range{0x2b1b, 0x2b1c},   Range{0x2b50, 0x2b50},   Range{0x2b55, 0x2b55},   Range{0x2e80, 0x303e},
    Range{0x3041, 0x33ff},   Range{0x3400, 0x4dbf},   Range{0x4e00, 0x9fff},   Range{0xa000, 0xa4cf},
    Range{0xa960, 0xa97f},   Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},   Range{0xfe10, 0xfe19},
    Range{0xfe30, 0xfe6f},   Range{0xff00, 0xff60},   Range{0xffe0, 0xffe6},   Range{0x16fe0, 0x18aff},
    Range{0x1b000, 0x1b2ff}, Range{0x1f004, 0x1f004}, Range{0x1f0cf, 0x1f0cf}, Range{0x1f18e, 0x1f18e},
    Range{0x1f191, 0x1f19a}, Range{0x1f200, 0x1f320}, Range{0x1f32d, 0x1f335}, Range{0x1f337, 0x1f37c},
    Range{0x1f37e, 0x1f393}, Range{0x1f3a0, 0x1f3ca}, Range{0x1f3cf, 0x1f3d3}, Range{0x1f3e0, 0x1f3f0},
    Range{0x1f3f4, 0x1f3f4}, Range{0x1f3f8, 0x1f43e}, Range{0x1f440, 0x1f440}, Range{0x1f442, 0x1f4fc},
    Range{0x1f4ff, 0x1f53d}, Range{0x1f54b, 0x1f54e}, Range{0x1f550, 0x1f567}, Range{0x1f57a, 0x1f57a},
    Range{0x1f595, 0x1f596}, Range{0x1f5a4, 0x1f5a4}, Range{0x1f5fb, 0x1f64f}, Range{0x1f680, 0x1f6c5},
    Range{0x1f6cc, 0x1f6cc}, Range{0x1f6d0, 0x1f6d2}, Range{0x1f6d5, 0x1f6d7}, Range{0x1f6eb, 0x1f6ec},
    Range{0x1f6f4, 0x1f6fc}, Range{0x1f7e0, 0x1f7eb}, Range{0x1f90c, 0x1f93a}, Range{0x1f93c, 0x1f945},
    Range{0x1f947, 0x1f9ff}, Range{0x1fa70, 0x1faff}, Range{0x20000, 0x3fffd},
};

constexpr std::array kNone = {
    Range{0x0300, 0x036f}, Range{0x0483, 0x0489},   Range{0x0591, 0x05bd},   Range{0x0610, 0x061a},
    Range{0x064b, 0x065f}, Range{0x0670, 0x0670},   Range{0x06d6, 0x06dc},   Range{0x06df, 0x06e4},
    Range{0x0900, 0x0902}, Range{0x093c, 0x093c},   Range{0x0941, 0x0948},   Range{0x094d, 0x094d},
    Range{0x0e31, 0x0e31}, Range{0x0e34, 0x0e3a},   Range{0x0e47, 0x0e4e},   Range{0x1160, 0x11ff},
    Range{0x1ab0, 0x1aff}, Range{0x1dc0, 0x1dff},   Range{0x200b, 0x200d},   Range{0x20d0, 0x20ff},
    Range{0x302a, 0x302d}, Range{0x3099, 0x309a},   Range{0xfe00, 0xfe0f},   Range{0xfe20, 0xfe2f},
    Range{0xfeff, 0xfeff}, Range{0x1f3fb, 0x1f3ff}, Range{0xe0100, 0xe01ef},
};

// What drives a terminal or turns the writing round.
constexpr std::array kUnwanted = {
    Range{0x00, 0x1f},     Range{0x7f, 0x9f},     Range{0x061c, 0x061c}, Range{0x200e, 0x200f},
    Range{0x2028, 0x202e}, Range{0x2060, 0x206f}, Range{0xfff0, 0xfffb}, Range{0xe0000, 0xe007f},
};

template <std::size_t N>
bool is_in(const std::array<Range, N>& ranges, char32_t c) {
    const auto found = std::ranges::lower_bound(ranges, c, {}, &Range::last);
    return found != ranges.end() && c >= found->first;
}

struct Character {
    char32_t code = 0;
    std::string_view bytes;  // empty: the byte is no UTF-8
};

// Takes the first character off text.
Character take(std::string_view& text) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (size > text.size() || !is_valid_utf8(text.substr(0, size))) {
        text.remove_prefix(1);
        return {};
    }
    Character character{first, text.substr(0, size)};
    if (size > 1) {
        character.code = first & (0x7fu >> size);
        for (const char c : character.bytes.substr(1)) {
            character.code = character.code << 6 | (static_cast<unsigned char>(c) & 0x3fu);
        }
    }
    text.remove_prefix(size);
    return character;
}

std::size_t width_of(char32_t c) {
    if (c < 0x300) return 1;
    if (is_in(kNone, c)) return 0;
    return is_in(kWide, c) ? 2 : 1;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const Character character = take(text);
        if (character.bytes.empty()) {
            out += "\xef\xbf\xbd";
        } else if (is_in(kUnwanted, character.code)) {
            out += '?';
        } else {
            out += character.bytes;
        }
    }
    return out;
}

std::size_t columns(std::string_view text) {
    std::size_t count = 0;
    while (!text.empty()) {
        const Character character = take(text);
        count += character.bytes.empty() ? 1 : width_of(character.code);
    }
    return count;
}

std::string cut(std::string_view text, std::size_t width) {
    const std::string clean = printable(text);
    if (columns(clean) <= width) return clean;
    if (width == 0) return "";
    std::string out;
    std::size_t used = 0;
    for (std::string_view rest = clean; !rest.empty();) {
        const Character character = take(rest);
        used += width_of(character.code);
        if (used > width - 1) break;
        out += character.bytes;
    }
    return out + "…";
}

std::string fit(std::string_view text, std::size_t width) {
    std::string out = cut(text, width);
    out.append(width - std::min(width, columns(out)), ' ');
    return out;
}

}  // namespace bt::app
