#pragma once

// When the tracker misbehaves: a list of rules, each a condition and an action. Pure; time comes with the exchange.
//
// Rules
//  - The first rule that holds wins; the others see the request nevertheless: `nth`, `every` and `first` count all
//    requests that a rule's other conditions fit, so that three rules with nth = 1, 2 and 3 say what happens to the
//    first, second and third.
//  - It is counted for each peer by itself, unless count_all is set. A peer is its address and peer id; where a request
//    names no peer id, over UDP its address and port, over HTTP its address. Beyond kMaxCountedPeers a rule counts
//    those it does not know yet together.
//  - An exchange that names more than one torrent (scrape) fits when one of them does.
//  - An action that does not apply to an exchange (misbehaviour.h) makes its rule pass, uncounted.
//  - share is drawn from the rng last, for a rule whose turn it is: the same requests in the same order meet the same
//    answers.
// Cost: O(rules) a request, no allocation for those that no rule counts.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/address_range.h"
#include "common/base/rng.h"
#include "tracker/exchange.h"
#include "tracker/misbehaviour.h"

namespace bt::tracker {

inline constexpr std::size_t kMaxRules = 1'000;
inline constexpr std::size_t kMaxCountedPeers = 10'000;  // of one rule
inline constexpr std::uint32_t kShareWhole = 1'000'000;

struct RuleMatch {
    std::optional<InfoHash> info_hash;
    std::optional<AddressRange> source;
    std::string peer_id_prefix;  // announces only
    std::optional<Door> door;
    std::optional<ExchangeKind> kind;
    std::optional<wire::AnnounceEvent> event;  // announces only
    // Of the requests that fit so far, 1-based; 0: no such condition.
    std::uint64_t nth = 0;
    std::uint64_t every = 0;
    std::uint64_t first = 0;
    bool count_all = false;
    std::uint32_t share = kShareWhole;  // of kShareWhole
    // Since the start of the tracker.
    Duration from = Duration::zero();
    Duration until = Duration::max();
};

struct Rule {
    std::string name;
    RuleMatch match;
    Action action;
};

struct RuleCounters {
    std::uint64_t fitted = 0;  // requests that its conditions fit, but for its turn and share
    std::uint64_t applied = 0;
};

class RuleBook {
  public:
    RuleBook(std::vector<Rule> rules, Rng rng, TimePoint start);

    // Sets the exchange's rule and action and answers what to do, where a rule applies. The views are of this book.
    [[nodiscard]] std::unique_ptr<Delivery> apply(Exchange& exchange);

    [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }
    [[nodiscard]] const RuleCounters& counters(std::size_t rule) const { return states_[rule].counters; }
    [[nodiscard]] bool empty() const { return rules_.empty(); }

  private:
    struct State {
        RuleCounters counters;
        std::unordered_map<std::string, std::uint64_t> of_peer;
        std::uint64_t of_others = 0;
    };
    [[nodiscard]] bool fits(const Rule& rule, const Exchange& exchange) const;
    [[nodiscard]] std::uint64_t count(const RuleMatch& match, State& state, const Exchange& exchange);

    std::vector<Rule> rules_;
    std::vector<State> states_;  // one a rule
    Rng rng_;
    TimePoint start_;
};

}  // namespace bt::tracker
