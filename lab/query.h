#pragma once

// A question to the event log, in one line (docs/formats.md "Queries"): which events count. Pure.
//
//   [NODES:] EVENT [FIELD OP VALUE]...        "client-*: peer_banned address ~ '127.*' piece >= 3"
//
// NODES and EVENT are patterns ('*' any run, '?' one character); without NODES every node. OP is = != < <= > >= ~
// (pattern); < and its like compare numbers and are false where either side is none. Every condition must hold; a field
// that the event does not have makes any of them false. Values with blanks stand in '' or "".
// Cost: a line is parsed only where its node and event fit and there are conditions.

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace bt::lab {

inline constexpr std::size_t kMaxQuery = 1000;  // bytes
inline constexpr std::size_t kMaxQueryConditions = 16;

// Whole text against a pattern with '*' and '?'.
[[nodiscard]] bool matches_pattern(std::string_view text, std::string_view pattern);

// What follows "event":" in a line of events; empty when it is none.
[[nodiscard]] std::string_view event_kind_of(std::string_view line);

struct FieldTest {
    enum class Op : std::uint8_t { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, Like };
    std::string field;
    Op op = Op::Equal;
    std::string value;
};

class Query {
  public:
    // Error: InvalidConfig with what is wrong, without a file.
    [[nodiscard]] static Result<Query> parse(std::string_view text);

    [[nodiscard]] bool matches(std::string_view node, std::string_view line) const;
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] const std::string& nodes() const { return nodes_; }
    [[nodiscard]] const std::string& event() const { return event_; }

  private:
    std::string text_;
    std::string nodes_ = "*";
    std::string event_;
    std::vector<FieldTest> tests_;
};

}  // namespace bt::lab
