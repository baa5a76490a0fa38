#include "tracker/tracker_node.h"

#include <algorithm>

namespace bt::tracker {
namespace {

constexpr std::uint64_t kRuleDice = 0x72756c65;

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

bool may_miss(const Endpoint& wanted, const Doors& doors, const Error& error) {
    return doors.everywhere_without_v6 && !wanted.address.is_v4() && wanted.address.is_unspecified() &&
           error.code != ErrorCode::AddressInUse && error.code != ErrorCode::PermissionDenied;
}

}  // namespace

TrackerNode::TrackerNode(env::Env& env, NodeSettings settings, Rng rng, telemetry::Telemetry telemetry)
    : env_(env),
      settings_(std::move(settings)),
      telemetry_(telemetry),
      service_(settings_.announce, rng, settings_.share ? settings_.share->registry() : nullptr),
      http_front_(service_, settings_.http, telemetry),
      udp_front_(service_, settings_.udp_key ? *settings_.udp_key : drawn_key(rng), settings_.udp_ids, telemetry),
      created_(env.now()),
      lookout_(settings_.lookout, {http_front_, udp_front_, [this](TimePoint now) { return numbers(now); }},
               Rng(rng).fork(kRuleDice), created_, telemetry),
      timer_(env.make_timer([this] { on_timer(); })) {}

TrackerNode::~TrackerNode() { stop(); }

Status TrackerNode::start(const Doors& doors) {
    BT_TRY_ASSIGN(Plan planned, plan(settings_, doors));
    adopt(std::move(planned));
    const TimePoint now = env_.now();
    next_sweep_ = now + kSweepInterval;
    if (settings_.stats_interval > Duration::zero()) next_stats_ = now + settings_.stats_interval;
    if (lookout_.wants_samples()) {
        lookout_.sample(now);
        next_sample_ = now + kSampleInterval;
    }
    arm();
    telemetry_.emit(now, telemetry::Level::Summary, "ready", std::nullopt,
                    {{"listen", local_endpoint().to_string()}, {"announce", announce_url()}, {"udp", udp_url()}});
    return {};
}

Status TrackerNode::reload(NodeSettings settings, const Doors& doors) {
    BT_TRY_ASSIGN(Plan planned, plan(settings, doors));
    settings_ = std::move(settings);
    adopt(std::move(planned));
    service_.configure(settings_.announce);
    http_front_.configure(settings_.http);
    udp_front_.configure(settings_.udp_ids);
    for (const auto& opened : http_doors_) {
        opened.door->configure({settings_.max_connections, opened.kind == Door::Https ? settings_.tls : nullptr});
    }
    const bool has_stats = settings_.stats_interval > Duration::zero();
    next_stats_ = has_stats ? env_.now() + settings_.stats_interval : kNever;
    lookout_.configure(settings_.lookout, env_.now());
    next_sample_ = lookout_.wants_samples() ? env_.now() : kNever;
    arm();
    return {};
}

Result<TrackerNode::Plan> TrackerNode::plan(const NodeSettings& settings, const Doors& doors) {
    if (!doors.https.empty() && !settings.tls) {
        return fail(local_error(ErrorCode::InvalidArgument, "HTTPS without a certificate"));
    }
    const bool may_retry = std::ranges::any_of(doors.http, [](const Endpoint& local) { return local.port == 0; });
    for (int tries = 1;; ++tries) {
        Plan planned;
        Status opened = add_http(settings, doors, Door::Http, planned);
        if (opened) opened = add_http(settings, doors, Door::Https, planned);
        if (opened) opened = add_udp(doors, planned);
        if (opened) return planned;
        if (!may_retry || tries == kPortTries || opened.error().code != ErrorCode::AddressInUse) {
            return fail(std::move(opened).error());
        }
    }
}

Status TrackerNode::add_http(const NodeSettings& settings, const Doors& doors, Door kind, Plan& plan) {
    const HttpDoorSettings own{settings.max_connections, kind == Door::Https ? settings.tls : nullptr};
    for (const Endpoint& wanted : kind == Door::Https ? doors.https : doors.http) {
        HttpDoor* door = find_http(wanted, kind);
        std::unique_ptr<HttpDoor> made;
        if (door == nullptr) {
            made = std::make_unique<HttpDoor>(env_, http_front_, telemetry_, own, next_connection_);
            door = made.get();
            Endpoint local = wanted;
            if (local.port == 0 && kind == Door::Http) local.port = plan.shared_port;
            const Status opened = door->open(local);
            if (!opened && may_miss(wanted, doors, opened.error())) continue;
            BT_TRY(opened);
        }
        if (kind == Door::Http && plan.shared_port == 0) plan.shared_port = door->local_endpoint().port;
        plan.http.push_back({kind, wanted, std::move(made)});
    }
    return {};
}

Status TrackerNode::add_udp(const Doors& doors, Plan& plan) {
    for (const Endpoint& wanted : doors.udp) {
        const bool is_open = std::ranges::find(udp_doors_, wanted, &Opened<UdpDoor>::wanted) != udp_doors_.end();
        std::unique_ptr<UdpDoor> made;
        if (!is_open) {
            made = std::make_unique<UdpDoor>(env_, udp_front_);
            Endpoint local = wanted;
            if (local.port == 0) local.port = plan.shared_port;
            const Status opened = made->open(local);
            if (!opened && may_miss(wanted, doors, opened.error())) continue;
            BT_TRY(opened);
            if (plan.shared_port == 0) plan.shared_port = made->local_endpoint().port;
        }
        plan.udp.push_back({Door::Udp, wanted, std::move(made)});
    }
    return {};
}

HttpDoor* TrackerNode::find_http(const Endpoint& wanted, Door kind) const {
    const auto found = std::ranges::find_if(
        http_doors_, [&](const auto& opened) { return opened.wanted == wanted && opened.kind == kind; });
    return found == http_doors_.end() ? nullptr : found->door.get();
}

void TrackerNode::adopt(Plan plan) {
    // What stays is taken over where it stands in the plan; the rest ends with the old lists.
    const auto take = [](auto& from, auto& to) {
        for (auto& opened : from) {
            if (to.door == nullptr && opened.kind == to.kind && opened.wanted == to.wanted) {
                to.door = std::move(opened.door);
            }
        }
    };
    for (auto& opened : plan.http) take(http_doors_, opened);
    for (auto& opened : plan.udp) take(udp_doors_, opened);
    http_doors_ = std::move(plan.http);
    udp_doors_ = std::move(plan.udp);
}

void TrackerNode::stop() {
    http_doors_.clear();
    udp_doors_.clear();
    next_sweep_ = next_stats_ = next_sample_ = kNever;
    timer_->cancel();
}

Endpoint TrackerNode::local_endpoint() const {
    const auto open = endpoints();
    return open.empty() ? Endpoint{} : open.front().second;
}

std::string TrackerNode::announce_url() const {
    const auto open = endpoints();
    return open.empty() ? std::string() : url_of(door_name(open.front().first), open.front().second);
}

std::string TrackerNode::udp_url() const {
    return udp_doors_.empty() ? std::string() : url_of("udp", udp_doors_.front().door->local_endpoint());
}

std::vector<std::pair<Door, Endpoint>> TrackerNode::endpoints() const {
    std::vector<std::pair<Door, Endpoint>> out;
    for (const auto& opened : http_doors_) out.emplace_back(opened.kind, opened.door->local_endpoint());
    for (const auto& opened : udp_doors_) out.emplace_back(opened.kind, opened.door->local_endpoint());
    return out;
}

std::size_t TrackerNode::connection_count() const {
    std::size_t count = 0;
    for (const auto& opened : http_doors_) count += opened.door->connection_count();
    return count;
}

void TrackerNode::on_timer() {
    const TimePoint now = env_.now();
    if (next_sweep_ <= now) sweep(now);
    if (next_stats_ <= now) emit_stats(now);
    if (next_sample_ <= now) {
        lookout_.sample(now);
        next_sample_ = now + kSampleInterval;
    }
    arm();
}

// Of this node; with others beside it, which it tells, of all.
WorkerTotals TrackerNode::totals() const {
    const FrontCounters& http = http_front_.counters();
    const UdpCounters& udp = udp_front_.counters();
    const WorkerTotals own{http.announces + udp.announces, http.scrapes + udp.scrapes, http.refused + udp.refused,
                           connection_count()};
    if (!settings_.share) return own;
    settings_.share->tell(settings_.worker, own);
    return settings_.share->sum();
}

void TrackerNode::sweep(TimePoint now) {
    if (settings_.worker > 0) {
        (void)totals();
        next_sweep_ = now + kSweepInterval;
        return;
    }
    if (is_round_over_) round_began_ = now;
    const Registry::Sweep sweep = service_.expire(now, kSweepBudget);
    is_round_over_ = sweep.is_round_over;
    round_expired_ += sweep.expired;
    next_sweep_ = is_round_over_ ? std::max(round_began_ + kSweepInterval, now + kSweepPause) : now + kSweepPause;
    if (!is_round_over_ || round_expired_ == 0) return;
    telemetry_.emit(now, telemetry::Level::Decision, "peers_expired", std::nullopt, {{"count", round_expired_}});
    round_expired_ = 0;
}

Numbers TrackerNode::numbers(TimePoint now) const {
    const FrontCounters& http = http_front_.counters();
    const UdpCounters& udp = udp_front_.counters();
    const Registry& registry = service_.registry();
    Numbers out;
    out.now = now;
    out.uptime = now - created_;
    out.http = {0, http.announces, http.scrapes, http.refused, 0};
    out.udp = {udp.connects, udp.announces, udp.scrapes, udp.refused, udp.silent};
    out.torrents = registry.torrent_count();
    out.peers = registry.peer_count();
    out.complete = registry.seed_count();
    out.incomplete = out.peers - out.complete;
    out.connections = connection_count();
    out.memory_bytes = registry.memory_bytes();
    return out;
}

void TrackerNode::emit_stats(TimePoint now) {
    next_stats_ = now + settings_.stats_interval;
    const Registry& registry = service_.registry();
    const WorkerTotals all = totals();
    telemetry_.emit(now, telemetry::Level::Summary, "stats", std::nullopt,
                    {{"torrents", registry.torrent_count()},
                     {"peers", registry.peer_count()},
                     {"complete", registry.seed_count()},
                     {"incomplete", registry.peer_count() - registry.seed_count()},
                     {"announces", all.announces},
                     {"scrapes", all.scrapes},
                     {"refused", all.refused},
                     {"connections", all.connections}});
}

void TrackerNode::arm() {
    const TimePoint next = std::min({next_sweep_, next_stats_, next_sample_});
    if (next != kNever) timer_->arm(next);
}

void TrackerNode::check_invariants() const {
    for (const auto& opened : http_doors_) opened.door->check_invariants();
}

}  // namespace bt::tracker
