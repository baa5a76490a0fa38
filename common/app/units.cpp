#include "common/app/units.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

namespace bt::app {
namespace {

struct Unit {
    std::string_view name;
    double factor;
};

constexpr std::array<Unit, 9> kSizes = {{{"", 1},
                                         {"k", 1e3},
                                         {"m", 1e6},
                                         {"g", 1e9},
                                         {"t", 1e12},
                                         {"ki", 1024.0},
                                         {"mi", 1048576.0},
                                         {"gi", 1073741824.0},
                                         {"ti", 1099511627776.0}}};
constexpr std::array<Unit, 6> kTimes = {{{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"", 1}}};
constexpr double kTwoTo63 = 9223372036854775808.0;

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::unexpected<Error> wrong(std::string_view text, const char* wanted) {
    return fail(local_error(ErrorCode::InvalidArgument, "\"" + std::string(text) + "\" is no " + wanted));
}

// Digits with a fraction or without at the start of text, taken off it.
std::optional<double> take_number(std::string_view& text) {
    if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    while (text.starts_with(' ')) text.remove_prefix(1);
    return value;
}

template <std::size_t N>
std::optional<double> factor_of(const std::array<Unit, N>& units, std::string_view name) {
    for (const Unit& unit : units) {
        if (unit.name == name) return unit.factor;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> size_of(const std::string& written) {
    std::string_view text = written;
    // A whole number without a unit is exact in all its digits.
    std::uint64_t whole = 0;
    if (const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
        error == std::errc() && end == text.data() + text.size()) {
        return whole < (1ull << 63) ? std::optional(whole) : std::nullopt;
    }
    const auto value = take_number(text);
    if (text.ends_with('b')) text.remove_suffix(1);
    const auto factor = factor_of(kSizes, text);
    if (!value || !factor || *value * *factor >= kTwoTo63) return std::nullopt;
    return static_cast<std::uint64_t>(std::llround(*value * *factor));
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
    if (const auto size = size_of(lower(text))) return *size;
    return wrong(text, "size (65536, 500k, 8MiB)");
}

Result<std::uint64_t> parse_rate(std::string_view text) {
    std::string number = lower(text);
    if (number.ends_with("/s")) number.resize(number.size() - 2);
    if (const auto size = size_of(number)) return *size;
    return wrong(text, "rate (500k, 8MiB/s; 0: no limit)");
}

Result<Duration> parse_duration(std::string_view text) {
    const std::string written = lower(text);
    std::string_view rest = written;
    double total = 0;
    while (true) {
        const auto value = take_number(rest);
        const std::size_t unit_size = std::min(rest.find_first_of("0123456789 "), rest.size());
        const auto factor = factor_of(kTimes, rest.substr(0, unit_size));
        const bool bare = unit_size == 0;  // seconds, but only where nothing else stands there
        if (!value || !factor || (bare && (!rest.empty() || total > 0))) return wrong(text, "duration (90, 5m, 1h30m)");
        total += *value * *factor;
        rest.remove_prefix(unit_size);
        while (rest.starts_with(' ')) rest.remove_prefix(1);
        if (rest.empty()) break;
    }
    if (!(total <= to_seconds(kLongestDuration))) return wrong(text, "duration of ten years or less");
    return from_seconds(total);
}

}  // namespace bt::app
