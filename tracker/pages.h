#pragma once

// What the tracker shows over HTTP beside announce and scrape: /health, /metrics, /stats.json and the live page.
//
//   /health                "ok", for whoever asks
//   /metrics, /stats.json  for sources in `stats` (nobody when it is empty)
//   /, /web/page.css, /web/page.js, /web/state.json?after=N, /web/exchange.json?number=N   for sources in `web`
// A page that a source may not see is not there for it: 404, as everything else.
// Rules
//  - Answers carry Cache-Control: no-store, X-Content-Type-Options: nosniff and, the page, a Content-Security-Policy
//    that allows nothing but its own two files and its own requests. Only GET and HEAD.
//  - What comes from outside (peer ids, keys, paths) goes into JSON as text, never into markup.
//  - state.json has at most kMaxNewExchanges of the newest exchanges behind N, and of each swarm all peers that the
//  watch
//    knows.
// Cost: state.json is O(what is shown); nothing is kept between requests.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/address_range.h"
#include "tracker/http_front.h"
#include "tracker/statistics.h"
#include "tracker/watch.h"

namespace bt::tracker {

inline constexpr std::size_t kMaxNewExchanges = 60;

struct PageSettings {
    std::vector<AddressRange> web;          // who sees the live page; empty: nobody
    std::vector<AddressRange> stats;        // who sees the numbers; empty: nobody
    std::map<InfoHash, std::string> names;  // of torrents, for people
};

// 127.0.0.0/8 and ::1.
[[nodiscard]] std::vector<AddressRange> loopback_only();

class Pages final : public PageSource {
  public:
    struct Sources {
        std::function<Numbers(TimePoint)> numbers;
        std::function<SwarmCounts(const InfoHash&, TimePoint)> counts;
        const RateMeter* rates = nullptr;
        const RuleBook* rules = nullptr;
        Watch* watch = nullptr;  // none: no live page
    };
    Pages(PageSettings settings, Sources sources) : settings_(std::move(settings)), sources_(std::move(sources)) {}

    void configure(PageSettings settings) { settings_ = std::move(settings); }

    [[nodiscard]] std::optional<HttpAnswer> page(const http::Request& request, const Address& source,
                                                 TimePoint now) override;

    [[nodiscard]] std::string state_json(std::uint64_t after, TimePoint now) const;
    // Nothing when it is no longer kept.
    [[nodiscard]] std::optional<std::string> exchange_json(std::uint64_t number) const;

  private:
    [[nodiscard]] std::optional<HttpAnswer> web_page(const http::Request& request, TimePoint now) const;

    PageSettings settings_;
    Sources sources_;
};

}  // namespace bt::tracker
