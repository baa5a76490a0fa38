#pragma once

// Setters for the usual kinds of options. The targets must outlive the table.

#include <charconv>
#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/app/option_table.h"
#include "common/app/units.h"
#include "common/base/endpoint.h"

namespace bt::app {

[[nodiscard]] inline std::unexpected<Error> bad_value(const std::string& text, const std::string& wanted) {
    return fail(local_error(ErrorCode::InvalidArgument, "\"" + text + "\" is no " + wanted));
}

[[nodiscard]] inline Setter set_text(std::string& target) {
    return [&target](const std::string& text) -> Status {
        target = text;
        return {};
    };
}

[[nodiscard]] inline Setter add_text(std::vector<std::string>& target) {
    return [&target](const std::string& text) -> Status {
        target.push_back(text);
        return {};
    };
}

// --no-x sets its target to false.
[[nodiscard]] inline Setter set_flag(bool& target, bool value = true) {
    return [&target, value](const std::string& text) -> Status {
        target = (text == "true") == value;
        return {};
    };
}

// Target: an integer or an optional one.
template <class Number, class Target>
[[nodiscard]] Setter set_number(Target& target, Number min = std::numeric_limits<Number>::min(),
                                Number max = std::numeric_limits<Number>::max()) {
    return [&target, min, max](const std::string& text) -> Status {
        Number value{};
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
            return bad_value(text, (std::integral<Number> ? "whole number from " : "number from ") +
                                       std::to_string(min) + " to " + std::to_string(max));
        }
        target = value;
        return {};
    };
}

// Anything that a parser of text answers as a Result.
template <class Target, class Parse>
[[nodiscard]] Setter set_parsed(Target& target, Parse parse) {
    return [&target, parse](const std::string& text) -> Status {
        BT_TRY_ASSIGN(target, parse(text));
        return {};
    };
}

[[nodiscard]] inline Setter set_address(std::optional<Address>& target) {
    return [&target](const std::string& text) -> Status {
        const auto address = Address::parse(text);
        if (!address) return bad_value(text, "IP address");
        target = *address;
        return {};
    };
}

template <class Target>
[[nodiscard]] Setter set_duration(Target& target, Duration min = Duration(0), Duration max = kLongestDuration) {
    return [&target, min, max](const std::string& text) -> Status {
        BT_TRY_ASSIGN(const Duration value, parse_duration(text));
        if (value < min || value > max) return bad_value(text, "duration within its bounds");
        target = value;
        return {};
    };
}

// One of the words; value: what the word at the same place stands for.
template <class Value>
[[nodiscard]] Setter set_word(Value& target, std::vector<std::pair<std::string, Value>> words) {
    return [&target, words = std::move(words)](const std::string& text) -> Status {
        std::string all;
        for (const auto& [word, value] : words) {
            if (word == text) {
                target = value;
                return {};
            }
            all += (all.empty() ? "" : ", ") + word;
        }
        return fail(local_error(ErrorCode::InvalidArgument, "\"" + text + "\" is none of " + all));
    };
}

}  // namespace bt::app
