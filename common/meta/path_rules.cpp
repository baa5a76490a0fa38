#include "common/meta/path_rules.h"

#include <algorithm>
#include <numeric>

#include "common/base/encoding.h"

namespace bt::meta {
namespace {

bool is_control(Byte c) { return c < 0x20 || c == 0x7F; }

// U+0080 to U+009F: control characters whose UTF-8 form is C2 80 to C2 9F.
bool has_c1_control(std::string_view text) {
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        const auto next = static_cast<Byte>(text[i + 1]);
        if (static_cast<Byte>(text[i]) == 0xC2 && next >= 0x80 && next <= 0x9F) return true;
    }
    return false;
}

// U+202A to U+202E (E2 80 AA…AE) and U+2066 to U+2069 (E2 81 A6…A9) reorder what is shown: "gpj.exe" reads "exe.jpg".
bool has_bidi_override(std::string_view text) {
    for (std::size_t i = 0; i + 2 < text.size(); ++i) {
        if (static_cast<Byte>(text[i]) != 0xE2) continue;
        const auto second = static_cast<Byte>(text[i + 1]);
        const auto third = static_cast<Byte>(text[i + 2]);
        if (second == 0x80 && third >= 0xAA && third <= 0xAE) return true;
        if (second == 0x81 && third >= 0xA6 && third <= 0xA9) return true;
    }
    return false;
}

// '/' sorts before every other byte, so that all paths below a folder follow it directly.
bool path_less(std::string_view a, std::string_view b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        const unsigned left = x == '/' ? 0u : static_cast<Byte>(x) + 1u;
        const unsigned right = y == '/' ? 0u : static_cast<Byte>(y) + 1u;
        return left < right;
    });
}

std::string lower_ascii(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

}  // namespace

const char* path_element_problem(std::string_view element) {
    if (element.empty()) return "is empty";
    if (element == "." || element == "..") return "is \".\" or \"..\"";
    if (element.size() > kMaxPathElement) return "is longer than 240 bytes";
    if (element.find_first_of("/\\") != std::string_view::npos) return "contains a separator";
    const bool has_control =
        std::any_of(element.begin(), element.end(), [](char c) { return is_control(static_cast<Byte>(c)); });
    if (has_control) return "contains a control character";
    // Names in an older encoding are kept byte for byte; the sequences below mean something in UTF-8 only.
    if (!is_valid_utf8(element)) return nullptr;
    if (has_c1_control(element)) return "contains a control character";
    if (has_bidi_override(element)) return "contains a character that reverses the direction of text";
    return nullptr;
}

std::optional<PathClash> find_path_clash(const std::vector<FileEntry>& files) {
    std::vector<std::size_t> order(files.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return path_less(files[a].path, files[b].path); });
    for (std::size_t i = 1; i < order.size(); ++i) {
        const std::string& before = files[order[i - 1]].path;
        const std::string& after = files[order[i]].path;
        if (!after.starts_with(before)) continue;
        if (after.size() == before.size()) return PathClash{order[i - 1], order[i], false};
        if (after[before.size()] == '/') return PathClash{order[i - 1], order[i], true};
    }
    return std::nullopt;
}

bool has_case_clash(const std::vector<FileEntry>& files) {
    std::vector<FileEntry> lower;
    lower.reserve(files.size());
    for (const FileEntry& file : files) lower.push_back({lower_ascii(file.path), file.length});
    return find_path_clash(lower).has_value();
}

}  // namespace bt::meta
