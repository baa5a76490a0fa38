#include "lab/scenario_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

#include "common/app/units.h"
#include "lab/scenario.h"
#include "torrents/recipe.h"

namespace bt::lab {

using app::ConfigNode;
using app::ConfigTable;

namespace {

constexpr Duration kLongest = std::chrono::hours(24);

Result<std::string> option_value(const ConfigTable& table, std::string_view key, const ConfigNode& node) {
    if (const auto* text = std::get_if<std::string>(&node.value)) return *text;
    if (const auto* number = std::get_if<std::int64_t>(&node.value)) return std::to_string(*number);
    if (const auto* real = std::get_if<double>(&node.value)) {
        char text[40];
        const auto end = std::to_chars(text, text + sizeof text, *real).ptr;
        return std::string(text, end);
    }
    return fail(table.error_at(key, "wanted a string, a number or a boolean"));
}

}  // namespace

bool is_plain_name(std::string_view name) {
    if (name.empty() || name.size() > 60 || name.front() == '-') return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

Error at_key(const ConfigTable& table, std::string_view key, const Error& error) {
    return table.error_at(key, error.detail);
}

Result<std::string> read_name(const ConfigTable& table, std::string_view key, std::optional<std::string> otherwise) {
    BT_TRY_ASSIGN(std::optional<std::string> name, table.string(key));
    if (!name) name = std::move(otherwise);
    if (!name) return table.need<std::string>(key, table.string(key));
    if (!is_plain_name(*name)) return fail(table.error_at(key, "wanted 1 to 60 letters, digits, '-' and '_'"));
    return std::move(*name);
}

Result<std::vector<std::string>> read_options(const ConfigTable& owner, std::span<const std::string_view> reserved) {
    std::vector<std::string> argv;
    BT_TRY_ASSIGN(const std::optional<ConfigTable> table, owner.table("options"));
    if (!table) return argv;
    for (const std::string& key : table->keys()) {
        if (std::ranges::find(reserved, key) != reserved.end()) {
            return fail(table->error_at(key, "the lab sets this option itself"));
        }
        if (!is_plain_name(key)) return fail(table->error_at(key, "is no option name (write it without the dashes)"));
        const ConfigNode& node = *table->node().find(key);
        if (const auto* flag = std::get_if<bool>(&node.value)) {
            if (*flag) argv.push_back("--" + key);
            continue;
        }
        BT_TRY_ASSIGN(std::string value, option_value(*table, key, node));
        argv.push_back("--" + key);
        argv.push_back(std::move(value));
    }
    return argv;
}

Result<std::optional<Duration>> read_duration(const ConfigTable& table, std::string_view key, bool zero) {
    const Duration shortest = zero ? Duration::zero() : milliseconds(1);
    const ConfigNode* node = table.node().find(key);
    if (node == nullptr) return std::nullopt;
    const auto* text = std::get_if<std::string>(&node->value);
    if (text == nullptr) return table.duration(key, shortest, kLongest);
    const std::optional<Duration> duration = parse_duration(*text);
    if (!duration || *duration < shortest || *duration > kLongest) {
        return fail(table.error_at(key, "wanted a time up to 24 hours, such as 60, \"60s\", \"500ms\" or \"2m\""));
    }
    return duration;
}

Result<std::optional<std::uint32_t>> read_share(const ConfigTable& table, std::string_view key, std::uint32_t whole) {
    const ConfigNode* node = table.node().find(key);
    if (node == nullptr) return std::nullopt;
    std::optional<double> share;
    if (const auto* text = std::get_if<std::string>(&node->value); text != nullptr && text->ends_with('%')) {
        double percent = 0;
        const char* end = text->data() + text->size() - 1;
        const auto [rest, error] = std::from_chars(text->data(), end, percent);
        if (error == std::errc() && rest == end) share = percent / 100;
    }
    if (const auto* number = std::get_if<double>(&node->value)) share = *number;
    if (const auto* number = std::get_if<std::int64_t>(&node->value)) share = static_cast<double>(*number);
    if (!share || !(*share >= 0 && *share <= 1)) {
        return fail(table.error_at(key, "wanted a share such as \"1%\" or 0.01"));
    }
    return static_cast<std::uint32_t>(std::lround(*share * whole));
}

Result<std::optional<std::uint64_t>> read_size(const ConfigTable& table, std::string_view key, std::uint64_t max) {
    const ConfigNode* node = table.node().find(key);
    if (node == nullptr) return std::nullopt;
    std::optional<std::uint64_t> size;
    if (const auto* text = std::get_if<std::string>(&node->value)) size = torrents::parse_size(*text);
    if (const auto* number = std::get_if<std::int64_t>(&node->value); number != nullptr && *number > 0) {
        size = static_cast<std::uint64_t>(*number);
    }
    if (!size || *size == 0 || *size > max) {
        return fail(table.error_at(
            key, "wanted a number of bytes or a text such as \"256 KiB\", at most " + std::to_string(max)));
    }
    return size;
}

Result<std::optional<std::uint64_t>> read_rate(const ConfigTable& table, std::string_view key) {
    const ConfigNode* node = table.node().find(key);
    if (node == nullptr) return std::nullopt;
    if (const auto* text = std::get_if<std::string>(&node->value)) {
        if (const Result<std::uint64_t> rate = app::parse_rate(*text)) return *rate;
    }
    if (const auto* number = std::get_if<std::int64_t>(&node->value); number != nullptr && *number >= 0) {
        return static_cast<std::uint64_t>(*number);
    }
    return fail(table.error_at(key, "wanted bytes per second, such as \"1 MiB/s\", or 0 for no limit"));
}

std::optional<Duration> parse_duration(std::string_view text) {
    static constexpr std::pair<std::string_view, double> kUnits[] = {
        {"ms", 0.001}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}};
    double number = 0;
    const auto [rest, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0) || number > 1e9) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    if (text.size() > 1 && text.front() == ' ') text.remove_prefix(1);
    for (const auto& [unit, factor] : kUnits) {
        if (text == unit) return from_seconds(number * factor);
    }
    return std::nullopt;
}

}  // namespace bt::lab
