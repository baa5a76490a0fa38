#pragma once

// Tells the trackers of one torrent about us and brings back peers: a discovery::TrackerClient that decides when and
// whom to ask, and the exchanges (tracker_exchange.h) that do it.
//
// Rules
//  - One announce at a time, to one tracker: an exchange for each route (IPv4 and IPv6, where we listen on both,
//    BEP 7), all with the same request and key. Peers are handed on as each answers. Together they count as one
//    announce: a success if one of them was.
//  - An announce has 15 s, everything behind stop() together 2 s.
//  - WireProfile::Plain sends what the strictest teaching tracker expects and nothing else: no event, numwant or key,
//    and never a left of 0. What would differ from any other announce by its event alone (completed, stopped) is
//    not sent at all.
// on_announcer_finished may come from inside stop(); everything else comes from callbacks of the ports.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/discovery/tracker_client.h"
#include "common/engine/tracker_exchange.h"
#include "common/engine/wire_profile.h"
#include "common/env/env.h"
#include "common/telemetry/event.h"

namespace bt::engine {

inline constexpr Duration kAnnounceTimeout = seconds(15);
inline constexpr Duration kStoppedTimeout = seconds(2);  // for all that is left to say when stopping

class AnnouncerHost {
  public:
    virtual ~AnnouncerHost() = default;
    // Counters, port and ids for the request that is about to go out; event, key and tracker id are filled in here.
    [[nodiscard]] virtual wire::AnnounceRequest announce_request() const = 0;
    virtual void on_tracker_peers(const std::vector<wire::AnnouncePeer>& peers) = 0;
    virtual void on_tracker_failed(const Error& error) = 0;
    // What a tracker says our address is (BEP 24); hearsay.
    virtual void on_external_address(const Address&) {}
    // `stopped` was answered, or could not be.
    virtual void on_announcer_finished() = 0;
};

struct AnnouncerSettings {
    std::vector<std::vector<std::string>> tiers = {};
    discovery::TrackerSettings tracker = {};
    std::vector<TrackerRoute> routes = {};  // none: one, over whatever address answers
    WireProfile profile = WireProfile::Full;
};

// BEP 7: where we listen on both families an announce over each, from the address that listens (any: the system
// chooses). On one family: from `source`, else over whatever address of the tracker answers.
[[nodiscard]] std::vector<TrackerRoute> announce_routes(std::span<const Endpoint> listening,
                                                        const std::optional<Address>& source);

class Announcer final {
  public:
    // A context without a hub gets one of its own.
    Announcer(TrackerContext context, AnnouncerHost& host, AnnouncerSettings settings, telemetry::Telemetry telemetry,
              Rng rng);

    void start();
    void on_completed();
    void stop();  // then on_announcer_finished(), once, later or at once
    void need_peers();

    [[nodiscard]] const discovery::TrackerClient& client() const { return client_; }

  private:
    struct Leg {
        std::unique_ptr<TrackerExchange> exchange;  // null once it has ended
        std::optional<Result<wire::AnnounceReply>> outcome;
    };
    struct Announce {
        discovery::AnnounceCommand command;
        std::vector<Leg> legs;
    };

    void pump();
    void begin(discovery::AnnounceCommand command);
    [[nodiscard]] wire::AnnounceRequest request_for(const discovery::AnnounceCommand& command) const;
    void on_leg(std::size_t index, Result<TrackerAnswer> answer);
    void note_answer(const wire::AnnounceReply& reply);
    void end_announce();

    TrackerContext context_;
    AnnouncerHost* host_;
    discovery::TrackerClient client_;
    std::vector<TrackerRoute> routes_;
    WireProfile profile_;
    std::string key_;  // the same for every tracker, family and announce
    telemetry::Telemetry telemetry_;
    std::unique_ptr<env::Timer> timer_;
    std::optional<Announce> announce_;
    bool stopping_ = false;
    TimePoint stop_deadline_ = kNever;
    bool finished_told_ = false;
};

}  // namespace bt::engine
