#include "common/meta/file_selection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace bt::meta {
namespace {

struct Item {
    std::string text;     // as written, for messages
    std::string pattern;  // escapes kept
    bool is_excluded = false;
    bool is_range = false;
    std::uint64_t first = 0;
    std::optional<std::uint64_t> last;  // none: to the end
};

constexpr std::array<std::pair<std::string_view, std::uint8_t>, 4> kWords = {
    {{"skip", kPrioritySkip}, {"low", kPriorityLow}, {"normal", kPriorityNormal}, {"high", kPriorityHigh}}};

std::unexpected<Error> wrong(std::string detail) {
    return fail(local_error(ErrorCode::InvalidArgument, std::move(detail)));
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Status read_range(Item& item) {
    item.is_range = true;
    const std::string_view text = item.pattern;
    const std::size_t dash = text.find('-');
    const auto first = number(text.substr(0, dash));
    if (!first) return wrong(quoted(item.text) + " is no file number or range");
    item.first = *first;
    if (dash == std::string_view::npos) {
        item.last = first;
    } else if (dash + 1 < text.size()) {
        item.last = number(text.substr(dash + 1));
        if (!item.last) return wrong(quoted(item.text) + " is no file number or range");
        if (*item.last < item.first) return wrong(quoted(item.text) + " is a range that goes backwards");
    }
    return {};
}

Result<Item> parse_item(std::string text) {
    Item item{text, text, false, false, 0, std::nullopt};
    if (item.pattern.starts_with('!')) {
        item.is_excluded = true;
        item.pattern.erase(0, 1);
    }
    if (item.pattern.empty()) return wrong("empty item in a list of files");
    if (item.pattern.find_first_not_of("0123456789-") == std::string::npos) BT_TRY(read_range(item));
    return item;
}

Result<std::vector<Item>> parse_items(std::string_view text) {
    std::vector<Item> items;
    std::string current;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && text[i] == '\\' && i + 1 < text.size()) {
            current += text[i];
            current += text[++i];
        } else if (i == text.size() || text[i] == ',') {
            BT_TRY_ASSIGN(Item item, parse_item(std::exchange(current, {})));
            items.push_back(std::move(item));
        } else {
            current += text[i];
        }
    }
    return items;
}

bool names(const std::string& pattern, std::string_view path) {
    if (matches_pattern(pattern, path)) return true;
    const std::size_t first = path.find('/');
    if (first == std::string_view::npos) return false;
    if (matches_pattern(pattern, path.substr(first + 1))) return true;
    return pattern.find('/') == std::string::npos && matches_pattern(pattern, path.substr(path.rfind('/') + 1));
}

// Calls use(index of a file) for every file that the item names.
template <class Use>
Status for_each_named(const std::vector<FileEntry>& files, const Item& item, Use use) {
    if (item.is_range) {
        if (item.first == 0) return wrong(quoted(item.text) + ": files are numbered from 1");
        if (item.last.value_or(item.first) > files.size()) {
            return wrong(quoted(item.text) + ": the torrent's last file is number " + std::to_string(files.size()));
        }
        for (std::uint64_t i = item.first; i <= item.last.value_or(files.size()); ++i)
            use(static_cast<std::size_t>(i - 1));
        return {};
    }
    bool found = false;
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (!names(item.pattern, files[i].path)) continue;
        use(i);
        found = true;
    }
    if (!found) return wrong(quoted(item.text) + ": no file of the torrent has this name");
    return {};
}

Result<std::vector<bool>> selected_by(const std::vector<FileEntry>& files, std::string_view list) {
    BT_TRY_ASSIGN(const auto items, parse_items(list));
    std::vector<bool> selected(files.size(), items.front().is_excluded);
    for (const Item& item : items) {
        BT_TRY(for_each_named(files, item, [&](std::size_t i) { selected[i] = !item.is_excluded; }));
    }
    return selected;
}

struct Priority {
    std::string_view list;
    std::uint8_t value = 0;
};

Result<Priority> parse_priority(std::string_view text) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string_view::npos) return wrong(quoted(text) + " has no \"=low\", \"=high\" or the like");
    const std::string_view word = text.substr(equals + 1);
    const std::string_view list = text.substr(0, equals);
    for (const auto& [name, value] : kWords) {
        if (word == name) return Priority{list, value};
    }
    if (word.size() == 1 && word[0] >= '0' && word[0] <= '7') {
        return Priority{list, static_cast<std::uint8_t>(word[0] - '0')};
    }
    return wrong(quoted(word) + " is no priority: skip, low, normal, high or 0 to 7");
}

Result<std::vector<std::uint8_t>> unless_nothing_is_left(std::vector<std::uint8_t> priorities) {
    if (std::ranges::all_of(priorities, [](std::uint8_t value) { return value == kPrioritySkip; })) {
        return wrong("no file is selected");
    }
    return priorities;
}

// Length of the text's first character, in bytes.
std::size_t first_character_size(std::string_view text) {
    std::size_t size = 1;
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0u) == 0x80u) ++size;
    return size;
}

}  // namespace

// The classic walk with two places to come back to: behind the last '*', whose text ends at a '/', and behind the last
// '**'. Earlier ones need not be tried again: a later star can do whatever they could.
bool matches_pattern(std::string_view pattern, std::string_view text) {
    struct Star {
        std::size_t pattern = std::string_view::npos;  // what follows it
        std::size_t text = 0;                          // where that is tried next
    };
    std::size_t p = 0;
    std::size_t t = 0;
    Star one;
    Star two;
    for (;;) {
        if (p < pattern.size() && pattern[p] == '*') {
            const std::size_t behind = pattern.find_first_not_of('*', p);
            Star& star = pattern.substr(p).starts_with("**") ? two : one;
            p = behind == std::string_view::npos ? pattern.size() : behind;
            star = {p, t};
            if (&star == &two) one = {};
            continue;
        }
        if (p == pattern.size() && t == text.size()) return true;
        if (p < pattern.size() && t < text.size()) {
            const bool is_escaped = pattern[p] == '\\' && p + 1 < pattern.size();
            if (!is_escaped && pattern[p] == '?' && text[t] != '/') {
                ++p;
                t += first_character_size(text.substr(t));
                continue;
            }
            if (pattern[is_escaped ? p + 1 : p] == text[t]) {
                p += is_escaped ? 2 : 1;
                ++t;
                continue;
            }
        }
        if (one.pattern != std::string_view::npos && one.text < text.size() && text[one.text] != '/') {
            p = one.pattern;
            t = ++one.text;
        } else if (two.pattern != std::string_view::npos && two.text < text.size()) {
            one = {};
            p = two.pattern;
            t = ++two.text;
        } else {
            return false;
        }
    }
}

Result<std::vector<std::uint8_t>> file_priorities(const std::vector<FileEntry>& files, std::string_view select,
                                                  const std::vector<std::string>& priorities) {
    std::vector<std::uint8_t> result(files.size(), kPriorityNormal);
    if (!select.empty()) {
        BT_TRY_ASSIGN(const auto selected, selected_by(files, select));
        for (std::size_t i = 0; i < files.size(); ++i) {
            if (!selected[i]) result[i] = kPrioritySkip;
        }
    }
    for (const std::string& text : priorities) {
        BT_TRY_ASSIGN(const Priority priority, parse_priority(text));
        BT_TRY_ASSIGN(const auto meant, selected_by(files, priority.list));
        for (std::size_t i = 0; i < files.size(); ++i) {
            if (meant[i]) result[i] = priority.value;
        }
    }
    return unless_nothing_is_left(std::move(result));
}

Result<std::vector<std::uint8_t>> file_priorities_of_magnet(const std::vector<FileEntry>& files,
                                                            std::string_view select_only) {
    const auto refuse = [](const Error& error) {
        return fail(remote_error(ErrorCode::InvalidMagnet, "so=: " + error.detail));
    };
    std::vector<std::uint8_t> result(files.size(), select_only.empty() ? kPriorityNormal : kPrioritySkip);
    if (select_only.empty()) return result;
    const auto items = parse_items(select_only);
    if (!items) return refuse(items.error());
    for (const Item& item : *items) {
        if (!item.is_range || item.is_excluded) {
            return refuse(local_error(ErrorCode::InvalidArgument, quoted(item.text) + " is no file number or range"));
        }
        const std::uint64_t last = std::min<std::uint64_t>(item.last.value_or(files.size()), files.size() - 1);
        for (std::uint64_t i = item.first; i <= last; ++i) result[static_cast<std::size_t>(i)] = kPriorityNormal;
    }
    auto left = unless_nothing_is_left(std::move(result));
    if (!left) return refuse(left.error());
    return left;
}

Status check_selection(std::string_view select) {
    if (select.empty()) return {};
    BT_TRY_ASSIGN(const auto items, parse_items(select));
    for (const Item& item : items) {
        if (item.is_range && item.first == 0) return wrong(quoted(item.text) + ": files are numbered from 1");
    }
    return {};
}

Status check_priority(std::string_view text) {
    BT_TRY_ASSIGN(const Priority priority, parse_priority(text));
    if (priority.list.empty()) return wrong("empty item in a list of files");
    return check_selection(priority.list);
}

}  // namespace bt::meta
