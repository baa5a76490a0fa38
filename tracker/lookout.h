#pragma once

// Everything that looks at a running tracker, or makes it misbehave, in one hand: rules, wire events, the live page,
// the numbers. The node gives it the fronts and calls sample() about once a second while wants_samples().
//
// Without rules, pages and wire events the fronts have no listener: a request costs nothing more.

#include <memory>
#include <vector>

#include "tracker/observer.h"
#include "tracker/pages.h"
#include "tracker/udp_front.h"

namespace bt::tracker {

struct LookoutSettings {
    std::vector<Rule> rules;
    PageSettings pages;
};

class Lookout {
  public:
    // All of them must outlive it.
    struct Subject {
        HttpFront& http;
        UdpFront& udp;
        std::function<Numbers(TimePoint)> numbers;
    };
    Lookout(LookoutSettings settings, Subject subject, Rng rng, TimePoint start, telemetry::Telemetry telemetry);
    ~Lookout();
    Lookout(const Lookout&) = delete;
    Lookout& operator=(const Lookout&) = delete;

    // Rules count from now on; what the live page has seen stays.
    void configure(LookoutSettings settings, TimePoint now);

    [[nodiscard]] bool wants_samples() const { return has_pages_; }
    void sample(TimePoint now);
    [[nodiscard]] const RuleBook& rules() const { return observer_.rules(); }

  private:
    void attach(const PageSettings& pages);

    Subject subject_;
    Rng rng_;
    Observer observer_;
    RateMeter rates_;
    std::unique_ptr<Watch> watch_;
    std::unique_ptr<Pages> pages_;
    bool has_pages_ = false;
};

}  // namespace bt::tracker
