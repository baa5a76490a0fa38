#include "tracker/tracker_node.h"

#include <algorithm>

namespace bt::tracker {

TrackerNode::TrackerNode(env::Env& env, NodeSettings settings, Rng rng, telemetry::Telemetry telemetry)
    : env_(env),
      settings_(std::move(settings)),
      telemetry_(telemetry),
      service_(settings_.announce, rng),
      http_front_(service_, telemetry),
      timer_(env.make_timer([this] { on_timer(); })) {}

TrackerNode::~TrackerNode() { stop(); }

Status TrackerNode::start(const Doors& doors) {
    if (Status opened = open_http(doors.http); !opened) {
        stop();
        return opened;
    }
    const TimePoint now = env_.now();
    next_sweep_ = now + kSweepInterval;
    if (settings_.stats_interval > Duration::zero()) next_stats_ = now + settings_.stats_interval;
    arm();
    telemetry_.emit(now, telemetry::Level::Summary, "ready", std::nullopt,
                    {{"listen", local_endpoint().to_string()}, {"announce", announce_url()}});
    return {};
}

Status TrackerNode::open_http(const std::vector<Endpoint>& locals) {
    for (const Endpoint& local : locals) {
        auto door =
            std::make_unique<HttpDoor>(env_, http_front_, telemetry_, settings_.max_connections, next_connection_);
        BT_TRY(door->open(local));
        http_doors_.push_back(std::move(door));
    }
    return {};
}

void TrackerNode::stop() {
    http_doors_.clear();
    next_sweep_ = next_stats_ = kNever;
    timer_->cancel();
}

Endpoint TrackerNode::local_endpoint() const {
    return http_doors_.empty() ? Endpoint{} : http_doors_.front()->local_endpoint();
}

std::string TrackerNode::announce_url() const {
    Endpoint endpoint = local_endpoint();
    if (endpoint.address.is_unspecified()) {
        std::array<Byte, 16> loopback{};
        loopback[15] = 1;
        endpoint.address = endpoint.address.is_v4() ? Address::v4({127, 0, 0, 1}) : Address::v6(loopback);
    }
    return "http://" + endpoint.to_string() + "/announce";
}

std::size_t TrackerNode::connection_count() const {
    std::size_t count = 0;
    for (const auto& door : http_doors_) count += door->connection_count();
    return count;
}

void TrackerNode::on_timer() {
    const TimePoint now = env_.now();
    if (next_sweep_ <= now) sweep(now);
    if (next_stats_ <= now) emit_stats(now);
    arm();
}

void TrackerNode::sweep(TimePoint now) {
    next_sweep_ = now + kSweepInterval;
    const std::uint64_t count = service_.expire(now, kSweepSwarms);
    if (count > 0) telemetry_.emit(now, telemetry::Level::Decision, "peers_expired", std::nullopt, {{"count", count}});
}

void TrackerNode::emit_stats(TimePoint now) {
    next_stats_ = now + settings_.stats_interval;
    const Registry& registry = service_.registry();
    const FrontCounters& counters = http_front_.counters();
    telemetry_.emit(now, telemetry::Level::Summary, "stats", std::nullopt,
                    {{"torrents", registry.torrent_count()},
                     {"peers", registry.peer_count()},
                     {"complete", registry.seed_count()},
                     {"incomplete", registry.peer_count() - registry.seed_count()},
                     {"announces", counters.announces},
                     {"scrapes", counters.scrapes},
                     {"refused", counters.refused},
                     {"connections", static_cast<std::uint64_t>(connection_count())}});
}

void TrackerNode::arm() {
    const TimePoint next = std::min(next_sweep_, next_stats_);
    if (next != kNever) timer_->arm(next);
}

void TrackerNode::check_invariants() const {
    for (const auto& door : http_doors_) door->check_invariants();
}

}  // namespace bt::tracker
