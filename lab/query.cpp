#include "lab/query.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

namespace bt::lab {
namespace {

using EventJson = nlohmann::json;

constexpr std::string_view kKindKey = "\"event\":\"";

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}
bool is_operator(char c) { return c == '=' || c == '!' || c == '<' || c == '>' || c == '~'; }

// Reads a query from front to back.
class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool at_end() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
        return rest_.empty();
    }
    template <class Fits>
    std::string take(Fits fits) {
        if (at_end()) return {};
        std::size_t size = 0;
        while (size < rest_.size() && fits(rest_[size])) ++size;
        std::string out(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return out;
    }
    bool take_char(char wanted) {
        if (at_end() || rest_.front() != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }
    // Bare up to the next blank, or quoted.
    std::optional<std::string> value() {
        if (at_end()) return std::nullopt;
        const char quote = rest_.front();
        if (quote != '\'' && quote != '"') return take([](char c) { return c != ' ' && c != '\t'; });
        const std::size_t end = rest_.find(quote, 1);
        if (end == std::string_view::npos) return std::nullopt;
        std::string out(rest_.substr(1, end - 1));
        rest_.remove_prefix(end + 1);
        return out;
    }
    [[nodiscard]] std::string_view rest() const { return rest_; }

  private:
    std::string_view rest_;
};

std::optional<FieldTest::Op> operator_of(std::string_view text) {
    using Op = FieldTest::Op;
    static constexpr std::pair<std::string_view, Op> kOperators[] = {
        {"=", Op::Equal},   {"!=", Op::NotEqual},     {"<", Op::Less}, {"<=", Op::LessEqual},
        {">", Op::Greater}, {">=", Op::GreaterEqual}, {"~", Op::Like}};
    for (const auto& [name, op] : kOperators) {
        if (name == text) return op;
    }
    return std::nullopt;
}

std::optional<double> number_of(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool holds(const FieldTest& test, const std::string& found) {
    using Op = FieldTest::Op;
    const std::optional<double> a = number_of(found), b = number_of(test.value);
    const bool numbers = a && b;
    switch (test.op) {
        case Op::Equal:
            return numbers ? *a == *b : found == test.value;
        case Op::NotEqual:
            return numbers ? *a != *b : found != test.value;
        case Op::Like:
            return matches_pattern(found, test.value);
        case Op::Less:
            return numbers && *a < *b;
        case Op::LessEqual:
            return numbers && *a <= *b;
        case Op::Greater:
            return numbers && *a > *b;
        case Op::GreaterEqual:
            return numbers && *a >= *b;
    }
    return false;
}

Error wrong_query(std::string what) { return local_error(ErrorCode::InvalidConfig, std::move(what)); }

}  // namespace

bool matches_pattern(std::string_view text, std::string_view pattern) {
    std::size_t t = 0, p = 0, star = std::string_view::npos, from = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {  // the last '*' takes one more
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

std::string_view event_kind_of(std::string_view line) {
    const std::size_t key = line.find(kKindKey);
    if (!line.starts_with('{') || !line.ends_with('}') || key == std::string_view::npos) return {};
    const std::size_t start = key + kKindKey.size();
    return line.substr(start, line.find('"', start) - start);
}

Result<Query> Query::parse(std::string_view text) {
    if (text.size() > kMaxQuery) return fail(wrong_query("a query has at most 1000 bytes"));
    const auto is_pattern = [](char c) { return is_word(c) || c == '*' || c == '?'; };
    Query query;
    query.text_ = text;
    Reader reader(text);
    query.event_ = reader.take(is_pattern);
    if (reader.take_char(':')) {
        query.nodes_ = std::move(query.event_);
        query.event_ = reader.take(is_pattern);
    }
    if (query.event_.empty() || query.nodes_.empty()) {
        return fail(wrong_query("wanted \"[NODES:] EVENT [FIELD OP VALUE]...\", such as \"client-*: peer_banned\""));
    }
    while (!reader.at_end()) {
        FieldTest test;
        test.field = reader.take(is_word);
        const std::string op_text = reader.take(is_operator);
        const std::optional<FieldTest::Op> op = operator_of(op_text);
        std::optional<std::string> value = op ? reader.value() : std::nullopt;
        if (test.field.empty() || !value) {
            return fail(wrong_query("wanted FIELD OP VALUE with = != < <= > >= or ~ behind the event, near \"" +
                                    std::string(reader.rest()) + "\""));
        }
        test.op = *op;
        test.value = std::move(*value);
        query.tests_.push_back(std::move(test));
        if (query.tests_.size() > kMaxQueryConditions) return fail(wrong_query("a query has at most 16 conditions"));
    }
    return query;
}

bool Query::matches(std::string_view node, std::string_view line) const {
    if (!matches_pattern(node, nodes_) || !matches_pattern(event_kind_of(line), event_)) return false;
    if (tests_.empty()) return !event_kind_of(line).empty();
    const EventJson event = EventJson::parse(line, nullptr, false);
    if (!event.is_object()) return false;
    return std::ranges::all_of(tests_, [&event](const FieldTest& test) {
        const auto found = event.find(test.field);
        if (found == event.end()) return false;
        return holds(test, found->is_string() ? found->get<std::string>() : found->dump());
    });
}

}  // namespace bt::lab
