#include "tracker/rules.h"

#include <algorithm>

namespace bt::tracker {
namespace {

bool is_about(const Exchange& exchange, const InfoHash& info_hash) {
    if (exchange.announce != nullptr) return exchange.announce->info_hash == info_hash;
    return std::find(exchange.scrape.begin(), exchange.scrape.end(), info_hash) != exchange.scrape.end();
}

std::string peer_of(const Exchange& exchange) {
    std::string key = to_string(exchange.source.address.bytes());
    if (exchange.announce != nullptr) {
        key += as_text(exchange.announce->peer_id);
    } else if (exchange.door == Door::Udp) {
        key += ':' + std::to_string(exchange.source.port);
    }
    return key;
}

bool is_turn(const RuleMatch& match, std::uint64_t number) {
    return (match.nth == 0 || number == match.nth) && (match.every == 0 || number % match.every == 0) &&
           (match.first == 0 || number <= match.first);
}

}  // namespace

RuleBook::RuleBook(std::vector<Rule> rules, Rng rng, TimePoint start)
    : rules_(std::move(rules)), states_(rules_.size()), rng_(rng), start_(start) {}

bool RuleBook::fits(const Rule& rule, const Exchange& exchange) const {
    const RuleMatch& match = rule.match;
    const Duration age = exchange.time - start_;
    if (age < match.from || age >= match.until) return false;
    if (match.door && *match.door != exchange.door) return false;
    if (match.kind && *match.kind != exchange.kind) return false;
    if (match.source && !match.source->contains(exchange.source.address)) return false;
    if (match.info_hash && !is_about(exchange, *match.info_hash)) return false;
    if (match.event && (exchange.announce == nullptr || exchange.announce->event != *match.event)) return false;
    if (!match.peer_id_prefix.empty()) {
        if (exchange.announce == nullptr) return false;
        if (!as_text(exchange.announce->peer_id).starts_with(match.peer_id_prefix)) return false;
    }
    return applies(rule.action.kind, exchange);
}

// Which one this is, among those that fit.
std::uint64_t RuleBook::count(const RuleMatch& match, State& state, const Exchange& exchange) {
    ++state.counters.fitted;
    if (match.nth == 0 && match.every == 0 && match.first == 0) return 0;
    if (match.count_all) return state.counters.fitted;
    std::string peer = peer_of(exchange);
    const auto known = state.of_peer.find(peer);
    if (known != state.of_peer.end()) return ++known->second;
    if (state.of_peer.size() >= kMaxCountedPeers) return ++state.of_others;
    return state.of_peer[std::move(peer)] = 1;
}

std::unique_ptr<Delivery> RuleBook::apply(Exchange& exchange) {
    Rule* winner = nullptr;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        Rule& rule = rules_[i];
        if (!fits(rule, exchange)) continue;
        const std::uint64_t number = count(rule.match, states_[i], exchange);
        if (winner != nullptr || !is_turn(rule.match, number)) continue;
        if (rule.match.share < kShareWhole && !rng_.chance(rule.match.share, kShareWhole)) continue;
        winner = &rule;
        ++states_[i].counters.applied;
    }
    if (winner == nullptr) return nullptr;
    exchange.rule = winner->name;
    exchange.action = action_info(winner->action.kind).name;
    return misbehave(winner->action, exchange, rng_);
}

}  // namespace bt::tracker
