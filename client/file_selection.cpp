#include "client/file_selection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace bt::client {
namespace {

struct Item {
    std::string text;  // backslashes taken away
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

Result<Item> parse_item(std::string text) {
    Item item{std::move(text), false, 0, std::nullopt};
    if (item.text.empty()) return wrong("empty item in a list of files");
    if (item.text.find_first_not_of("0123456789-") != std::string::npos) return item;
    item.is_range = true;
    const std::size_t dash = item.text.find('-');
    const auto first = number(std::string_view(item.text).substr(0, dash));
    if (!first) return wrong(quoted(item.text) + " is no file number or range");
    item.first = *first;
    if (dash == std::string::npos) {
        item.last = first;
    } else if (dash + 1 < item.text.size()) {
        item.last = number(std::string_view(item.text).substr(dash + 1));
        if (!item.last) return wrong(quoted(item.text) + " is no file number or range");
        if (*item.last < item.first) return wrong(quoted(item.text) + " is a range that goes backwards");
    }
    return item;
}

Result<std::vector<Item>> parse_items(std::string_view text) {
    std::vector<Item> items;
    std::string current;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && text[i] == '\\' && i + 1 < text.size()) {
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

// Calls use(file number) for every file that the list names.
template <class Use>
Status for_each_named(const std::vector<meta::FileEntry>& files, std::string_view list, Use use) {
    BT_TRY_ASSIGN(const auto items, parse_items(list));
    for (const Item& item : items) {
        if (item.is_range) {
            if (item.last.value_or(item.first) >= files.size()) {
                return wrong(quoted(item.text) + ": the torrent's last file is number " +
                             std::to_string(files.size() - 1));
            }
            for (std::uint64_t i = item.first; i <= item.last.value_or(files.size() - 1); ++i) use(i);
            continue;
        }
        bool found = false;
        for (std::size_t i = 0; i < files.size(); ++i) {
            if (!names(item.text, files[i].path)) continue;
            use(i);
            found = true;
        }
        if (!found) return wrong(quoted(item.text) + ": no file of the torrent has this name");
    }
    return {};
}

struct Priority {
    std::string_view list;
    std::uint8_t value = 0;
};

Result<Priority> parse_priority(std::string_view text) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string_view::npos) return wrong(quoted(text) + " has no \"=low\", \"=high\" or the like");
    const std::string_view word = text.substr(equals + 1);
    for (const auto& [name, value] : kWords) {
        if (word == name) return Priority{text.substr(0, equals), value};
    }
    return wrong(quoted(word) + " is no priority: skip, low, normal or high");
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, resume = 0;  // the last '*' and where the text behind it is tried next
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            const bool whole_character = pattern[p++] == '?';
            ++t;
            while (whole_character && t < text.size() && (static_cast<unsigned char>(text[t]) & 0xC0u) == 0x80u) ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

Result<std::vector<std::uint8_t>> file_priorities(const std::vector<meta::FileEntry>& files, std::string_view select,
                                                  const std::vector<std::string>& priorities) {
    std::vector<std::uint8_t> result(files.size(), select.empty() ? kPriorityNormal : kPrioritySkip);
    if (!select.empty()) BT_TRY(for_each_named(files, select, [&](std::size_t i) { result[i] = kPriorityNormal; }));
    for (const std::string& text : priorities) {
        BT_TRY_ASSIGN(const Priority priority, parse_priority(text));
        BT_TRY(for_each_named(files, priority.list, [&](std::size_t i) { result[i] = priority.value; }));
    }
    if (std::ranges::all_of(result, [](std::uint8_t value) { return value == kPrioritySkip; })) {
        return wrong("no file is selected");
    }
    return result;
}

Status check_selection(std::string_view select) {
    BT_TRY(parse_items(select));
    return {};
}

Status check_priority(std::string_view text) {
    BT_TRY_ASSIGN(const Priority priority, parse_priority(text));
    return check_selection(priority.list);
}

}  // namespace bt::client
