#pragma once

// A persona as a node of a swarm: listens, announces, dials the peers that trackers name, and gives each connection a
// behaviour. Runs over the env ports: in the lab's processes and in the simulator alike.
//
// Rules: at most kMaxLinks connections; one to each endpoint; one that ended is dialled again after kRedial, for as
// long as the trackers name it. Personas with content announce as seeds. stop() says farewell to the tracker, then
// on_finished.

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "common/engine/announcer.h"
#include "lab/personas/link.h"

namespace bt::persona {

struct NodeSettings {
    Endpoint listen;
    std::optional<Address> source;
    Options options;
    Duration stats_interval = seconds(1);
    Duration interval_floor = seconds(1);
    bool dials = true;
    std::vector<Endpoint> peers;  // dialled besides
};

class PersonaNode final : private engine::AnnouncerHost {
  public:
    static constexpr std::size_t kMaxLinks = 200;
    static constexpr Duration kRedial = seconds(2);

    PersonaNode(env::Env& env, NodeSettings settings, std::shared_ptr<const meta::Metainfo> metainfo,
                ContentReader content, telemetry::Telemetry telemetry, Rng rng, std::function<void()> on_finished);
    ~PersonaNode() override;

    [[nodiscard]] Result<Endpoint> start();
    void stop();

    [[nodiscard]] const World& world() const { return world_; }
    [[nodiscard]] std::size_t link_count() const { return links_.size(); }

  private:
    void tick();
    void dial_some();
    void emit_stats(std::string_view event);
    void on_piece(std::uint32_t piece);
    void add_link(std::unique_ptr<env::Stream> stream, bool outgoing);

    [[nodiscard]] wire::AnnounceRequest announce_request() const override;
    void on_tracker_peers(const std::vector<wire::AnnouncePeer>& peers) override;
    void on_tracker_failed(const Error& error) override;
    void on_announcer_finished() override;

    env::Env& env_;
    NodeSettings settings_;
    World world_;
    bool has_content_;
    PeerId peer_id_;
    std::function<void()> on_finished_;
    engine::Announcer announcer_;
    std::unique_ptr<env::Listener> listener_;
    Endpoint listening_;
    std::vector<std::unique_ptr<Link>> links_;
    std::map<Endpoint, TimePoint> known_;  // when to dial it next
    std::unique_ptr<env::Timer> tick_timer_, stats_timer_;
    bool stopping_ = false;
    bool completed_ = false;
};

}  // namespace bt::persona
