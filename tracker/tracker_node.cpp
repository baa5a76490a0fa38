#include "tracker/tracker_node.h"

#include <algorithm>

namespace bt::tracker {
namespace {

crypto::SipKey drawn_key(Rng& rng) {
    crypto::SipKey key;
    rng.fork(0x636f6e6e).fill(key);
    return key;
}

std::string url_of(std::string_view scheme, Endpoint endpoint) {
    if (endpoint.address.is_unspecified()) {
        std::array<Byte, 16> loopback{};
        loopback[15] = 1;
        endpoint.address = endpoint.address.is_v4() ? Address::v4({127, 0, 0, 1}) : Address::v6(loopback);
    }
    return std::string(scheme) + "://" + endpoint.to_string() + "/announce";
}

}  // namespace

TrackerNode::TrackerNode(env::Env& env, NodeSettings settings, Rng rng, telemetry::Telemetry telemetry)
    : env_(env),
      settings_(std::move(settings)),
      telemetry_(telemetry),
      service_(settings_.announce, rng),
      http_front_(service_, settings_.http, telemetry),
      udp_front_(service_, settings_.udp_key ? *settings_.udp_key : drawn_key(rng), settings_.udp_ids, telemetry),
      timer_(env.make_timer([this] { on_timer(); })) {}

TrackerNode::~TrackerNode() { stop(); }

Status TrackerNode::start(const Doors& doors) {
    const bool may_retry =
        std::any_of(doors.http.begin(), doors.http.end(), [](const Endpoint& e) { return e.port == 0; });
    Status opened = open(doors);
    for (int i = 1; i < kPortTries && !opened && may_retry && opened.error().code == ErrorCode::AddressInUse; ++i) {
        close_doors();
        opened = open(doors);
    }
    if (!opened) {
        stop();
        return opened;
    }
    const TimePoint now = env_.now();
    next_sweep_ = now + kSweepInterval;
    if (settings_.stats_interval > Duration::zero()) next_stats_ = now + settings_.stats_interval;
    arm();
    telemetry_.emit(now, telemetry::Level::Summary, "ready", std::nullopt,
                    {{"listen", local_endpoint().to_string()}, {"announce", announce_url()}, {"udp", udp_url()}});
    return {};
}

Status TrackerNode::open(const Doors& doors) {
    if (!doors.https.empty() && !settings_.tls) {
        return fail(local_error(ErrorCode::InvalidArgument, "HTTPS without a certificate"));
    }
    BT_TRY(open_http(doors.http, {settings_.max_connections, nullptr}));
    BT_TRY(open_http(doors.https, {settings_.max_connections, settings_.tls}));
    return open_udp(doors.udp);
}

Status TrackerNode::open_udp(const std::vector<Endpoint>& locals) {
    for (Endpoint local : locals) {
        for (const auto& http : http_doors_) {
            if (local.port == 0 && http->kind() == Door::Http && http->local_endpoint().address == local.address) {
                local.port = http->local_endpoint().port;
            }
        }
        auto door = std::make_unique<UdpDoor>(env_, udp_front_);
        BT_TRY(door->open(local));
        udp_doors_.push_back(std::move(door));
    }
    return {};
}

Status TrackerNode::open_http(const std::vector<Endpoint>& locals, const HttpDoorSettings& settings) {
    for (const Endpoint& local : locals) {
        auto door = std::make_unique<HttpDoor>(env_, http_front_, telemetry_, settings, next_connection_);
        BT_TRY(door->open(local));
        http_doors_.push_back(std::move(door));
    }
    return {};
}

void TrackerNode::close_doors() {
    http_doors_.clear();
    udp_doors_.clear();
}

void TrackerNode::stop() {
    close_doors();
    next_sweep_ = next_stats_ = kNever;
    timer_->cancel();
}

Endpoint TrackerNode::local_endpoint() const {
    return http_doors_.empty() ? Endpoint{} : http_doors_.front()->local_endpoint();
}

std::string TrackerNode::announce_url() const { return url_of("http", local_endpoint()); }

std::string TrackerNode::udp_url() const {
    return udp_doors_.empty() ? std::string() : url_of("udp", udp_doors_.front()->local_endpoint());
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
    if (is_round_over_) round_began_ = now;
    const Registry::Sweep sweep = service_.expire(now, kSweepBudget);
    is_round_over_ = sweep.is_round_over;
    round_expired_ += sweep.expired;
    next_sweep_ = is_round_over_ ? std::max(round_began_ + kSweepInterval, now + kSweepPause) : now + kSweepPause;
    if (!is_round_over_ || round_expired_ == 0) return;
    telemetry_.emit(now, telemetry::Level::Decision, "peers_expired", std::nullopt, {{"count", round_expired_}});
    round_expired_ = 0;
}

void TrackerNode::emit_stats(TimePoint now) {
    next_stats_ = now + settings_.stats_interval;
    const Registry& registry = service_.registry();
    const FrontCounters& http = http_front_.counters();
    const UdpCounters& udp = udp_front_.counters();
    telemetry_.emit(now, telemetry::Level::Summary, "stats", std::nullopt,
                    {{"torrents", registry.torrent_count()},
                     {"peers", registry.peer_count()},
                     {"complete", registry.seed_count()},
                     {"incomplete", registry.peer_count() - registry.seed_count()},
                     {"announces", http.announces + udp.announces},
                     {"scrapes", http.scrapes + udp.scrapes},
                     {"refused", http.refused + udp.refused},
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
