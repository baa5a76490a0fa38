#include "lab/condition.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace bt::lab {
namespace {

constexpr std::string_view kWanted =
    "wanted a condition such as \"client-2 has 50%\", \"any client-* is complete\", \"seeder-1 is ready\", \"client-1 "
    "is "
    "down\", \"all complete\" or \"3 events client-*: piece_verified\"";

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (end > 0) words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// "event QUERY", "3 events QUERY"
std::optional<std::pair<std::uint64_t, std::string_view>> events_of(std::string_view text) {
    if (text.starts_with("event ")) return std::pair(std::uint64_t{1}, text.substr(6));
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos || !text.substr(blank + 1).starts_with("events ")) return std::nullopt;
    const std::optional<std::uint64_t> count = whole_number<std::uint64_t>(text.substr(0, blank));
    if (!count || *count == 0) return std::nullopt;
    return std::pair(*count, text.substr(blank + 8));
}

std::optional<NodesAre::State> state_of(std::string_view word) {
    if (word == "ready") return NodesAre::State::Ready;
    if (word == "complete") return NodesAre::State::Complete;
    if (word == "down") return NodesAre::State::Down;
    return std::nullopt;
}

bool is_in(const NodeStatus& node, NodesAre::State state) {
    switch (state) {
        case NodesAre::State::Ready:
            return node.phase == Phase::Ready;
        case NodesAre::State::Complete:
            return node.completed_at.has_value();
        case NodesAre::State::Down:
            return node.phase == Phase::Ended;
    }
    return false;
}

template <class Test>
bool for_nodes(std::span<const NodeStatus> nodes, std::string_view pattern, bool any, Test test) {
    bool found = false;
    for (const NodeStatus& node : nodes) {
        if (!matches_pattern(node.name, pattern)) continue;
        found = true;
        if (test(node) == any) return any;
    }
    return found && !any;
}

}  // namespace

bool all_complete(std::span<const NodeStatus> nodes) {
    bool found = false;
    for (const NodeStatus& node : nodes) {
        if (node.kind != NodeKind::Client || !node.must_complete) continue;
        if (!node.completed_at) return false;
        found = true;
    }
    return found;
}

Result<Condition> parse_condition(std::string_view text) {
    const Error wrong = local_error(ErrorCode::InvalidConfig, std::string(kWanted));
    if (const auto events = events_of(text)) {
        BT_TRY_ASSIGN(Query query, Query::parse(events->second));
        return Condition{std::string(text), EventsSeen{std::move(query), events->first}};
    }
    std::vector<std::string_view> words = words_of(text);
    if (words.size() == 2 && words[0] == "all" && words[1] == "complete") {
        return Condition{std::string(text), AllComplete{}};
    }
    const bool any = !words.empty() && words[0] == "any";
    if (any) words.erase(words.begin());
    if (words.size() != 3) return fail(wrong);
    const std::string nodes(words[0]);
    if (words[1] == "is" && state_of(words[2])) {
        return Condition{std::string(text), NodesAre{nodes, any, *state_of(words[2])}};
    }
    if (words[1] != "has" || !words[2].ends_with('%')) return fail(wrong);
    const std::optional<double> percent = whole_number<double>(words[2].substr(0, words[2].size() - 1));
    if (!percent || !(*percent >= 0 && *percent <= 100)) return fail(wrong);
    return Condition{std::string(text), NodesHave{nodes, any, *percent / 100}};
}

std::string_view Condition::nodes() const {
    if (const auto* are = std::get_if<NodesAre>(&what)) return are->nodes;
    if (const auto* have = std::get_if<NodesHave>(&what)) return have->nodes;
    if (const auto* events = std::get_if<EventsSeen>(&what)) return events->query.nodes();
    return {};
}

bool Condition::holds(std::span<const NodeStatus> all, std::uint64_t matched) const {
    if (const auto* are = std::get_if<NodesAre>(&what)) {
        return for_nodes(all, are->nodes, are->any, [are](const NodeStatus& node) { return is_in(node, are->state); });
    }
    if (const auto* have = std::get_if<NodesHave>(&what)) {
        return for_nodes(all, have->nodes, have->any, [have](const NodeStatus& node) {
            return node.completed_at || (node.started_at && node.progress >= have->part);
        });
    }
    if (const auto* events = std::get_if<EventsSeen>(&what)) return matched >= events->at_least;
    return all_complete(all);
}

}  // namespace bt::lab
