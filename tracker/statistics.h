#pragma once

// The tracker's numbers for machines: counters and gauges of one moment, rates over the last seconds, and both as
// Prometheus' text format and as JSON (docs/formats.md). Pure.
//
// Rates come from samples: sample() is called about once a second; a rate over 10 or 60 s is what was counted since the
// sample nearest to that age, over the time that passed. With less history it is the rate since the first sample.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/telemetry/json_writer.h"
#include "tracker/exchange.h"
#include "tracker/rules.h"

namespace bt::tracker {

struct DoorCounts {
    std::uint64_t connects = 0;
    std::uint64_t announces = 0;
    std::uint64_t scrapes = 0;
    std::uint64_t refused = 0;
    std::uint64_t silent = 0;
    [[nodiscard]] std::uint64_t requests() const { return connects + announces + scrapes + refused + silent; }
};

struct Numbers {
    TimePoint now;
    Duration uptime = Duration::zero();
    DoorCounts http, udp;  // http: HTTPS too
    std::uint64_t torrents = 0, peers = 0, complete = 0, incomplete = 0;
    std::uint64_t connections = 0;
    std::uint64_t memory_bytes = 0;  // of the registry
};

class RateMeter {
  public:
    void sample(const Numbers& numbers);
    struct Rates {
        double connects = 0, announces = 0, scrapes = 0, refused = 0;  // a second
    };
    [[nodiscard]] Rates over(Duration window) const;

  private:
    struct Sample {
        TimePoint time;
        DoorCounts counts;  // of all doors
    };
    std::deque<Sample> samples_;  // of the last minute, oldest first
};

// An object of that name, with a number for each kind of request.
void write_rates(telemetry::JsonWriter& json, std::string_view name, const RateMeter::Rates& rates);

[[nodiscard]] std::string metrics_text(const Numbers& numbers, const RuleBook& rules);
[[nodiscard]] std::string stats_json(const Numbers& numbers, const RateMeter& rates, const RuleBook& rules);

}  // namespace bt::tracker
