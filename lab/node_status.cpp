#include "lab/node_status.h"

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "lab/query.h"

namespace bt::lab {
namespace {

using EventJson = nlohmann::json;

// Events come from another process, which may be broken: a field of the wrong type counts as absent.
void read(const EventJson& event, const char* key, std::uint64_t& out) {
    const auto found = event.find(key);
    if (found == event.end()) return;
    if (found->is_number_unsigned()) {
        out = found->get<std::uint64_t>();
    } else if (found->is_number_float() && found->get<double>() >= 0 && found->get<double>() < 1e18) {
        out = static_cast<std::uint64_t>(found->get<double>());
    }
}

void read(const EventJson& event, const char* key, double& out) {
    const auto found = event.find(key);
    if (found != event.end() && found->is_number()) out = found->get<double>();
}

void read(const EventJson& event, const char* key, std::string& out) {
    const auto found = event.find(key);
    if (found != event.end() && found->is_string()) out = found->get<std::string>();
}

std::uint64_t plus(std::uint64_t a, std::uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

void read_total(NodeStatus& node, const EventJson& event, const char* key, std::optional<std::uint64_t> Totals::*what) {
    const auto found = event.find(key);
    if (found == event.end() || !found->is_number()) return;
    std::uint64_t value = 0;
    read(event, key, value);
    node.total.*what = plus((node.before.*what).value_or(0), value);
}

void count_failed_pieces(NodeStatus& node) {
    const std::uint64_t floor = plus(node.before.hash_failures.value_or(0), node.pieces_failed);
    node.total.hash_failures = std::max(node.total.hash_failures.value_or(0), floor);
}

void apply_traffic(NodeStatus& node, const EventJson& event) {
    read_total(node, event, "downloaded", &Totals::downloaded);
    read_total(node, event, "uploaded", &Totals::uploaded);
}

void apply_stats(NodeStatus& node, const EventJson& event) {
    read(event, "state", node.state);
    read(event, "progress", node.progress);
    read(event, "have", node.have);
    read(event, "pieces", node.pieces);
    apply_traffic(node, event);
    read(event, "down_rate", node.down_rate);
    read(event, "up_rate", node.up_rate);
    read(event, "peers", node.peers);
    read_total(node, event, "hash_failures", &Totals::hash_failures);
    read_total(node, event, "wasted", &Totals::wasted);
    if (node.pieces_failed > 0) count_failed_pieces(node);
}

void apply_ready(NodeStatus& node, const EventJson& event, double now_s) {
    read(event, "listen", node.listen);
    read(event, "announce", node.announce);
    if (!node.ready_at) node.ready_at = now_s;
    if (node.phase == Phase::Started) node.phase = Phase::Ready;
}

constexpr std::size_t kMaxBans = 1000;  // remembered of one node

bool is_of_interest(std::string_view kind) {
    return kind == "ready" || kind == "stats" || kind == "completed" || kind == "checked" || kind == "exiting" ||
           kind == "announce_sent" || kind == "events_dropped" || kind == "peer_banned";
}

}  // namespace

void begin_process(NodeStatus& node) {
    ++node.starts;
    if (node.phase == Phase::Ended && (!node.taken_down || is_crash(node.signal))) {
        node.earlier_ends.push_back({node.exit_code, node.signal});
    }
    node.before = node.total;
    node.pieces_failed = 0;
}

std::optional<std::uint64_t> sum_of(std::span<const NodeStatus> nodes, std::optional<std::uint64_t> Totals::*what,
                                    std::optional<NodeKind> kind) {
    std::uint64_t sum = 0;
    for (const NodeStatus& node : nodes) {
        if (kind ? node.kind != *kind : node.kind == NodeKind::Tracker) continue;
        const std::optional<std::uint64_t>& value = node.total.*what;
        if (!value && node.ready_at) return std::nullopt;
        sum = plus(sum, value.value_or(0));
    }
    return sum;
}

bool apply_event_line(NodeStatus& node, std::string_view line, double now_s) {
    const std::string_view kind = event_kind_of(line);
    if (!kind.empty() && !is_of_interest(kind)) {  // nearly all lines: not worth the parser
        ++node.events;
        if (kind == "piece_failed") {
            ++node.pieces_failed;
            count_failed_pieces(node);
        }
        node.scripts_done += kind == "script_done" ? 1 : 0;
        node.scripts_failed += kind == "script_failed" ? 1 : 0;
        return true;
    }
    const EventJson event = EventJson::parse(line, nullptr, false);
    if (kind.empty() || !event.is_object()) {
        ++node.bad_events;
        return false;
    }
    ++node.events;
    if (kind == "ready") {
        apply_ready(node, event, now_s);
    } else if (kind == "stats") {
        apply_stats(node, event);
    } else if (kind == "completed") {
        apply_stats(node, event);
        if (!node.completed_at) node.completed_at = now_s;
        node.progress = 1;
    } else if (kind == "checked") {  // one that was killed behind its last piece says no more that it is complete
        apply_stats(node, event);
        if (!node.completed_at && node.pieces > 0 && node.have == node.pieces) node.completed_at = now_s;
    } else if (kind == "announce_sent") {  // the last one says more than the last stats, which came before the end
        apply_traffic(node, event);
    } else if (kind == "exiting") {
        read(event, "reason", node.exit_reason);
    } else if (kind == "peer_banned") {
        std::string address;
        read(event, "address", address);
        if (node.banned.size() < kMaxBans) node.banned.push_back(std::move(address));
    } else if (kind == "events_dropped") {
        std::uint64_t count = 0;
        read(event, "count", count);
        node.dropped_events += count;
    }
    return true;
}

bool is_crash(const std::optional<int>& signal) {
    return signal == SIGSEGV || signal == SIGABRT || signal == SIGBUS || signal == SIGFPE || signal == SIGILL;
}

std::string how_it_ended(const NodeStatus& node) {
    if (node.phase != Phase::Ended) return {};
    if (node.signal) return "signal " + std::to_string(*node.signal) + (node.killed ? " (from the lab)" : "");
    std::string text = "exit code " + std::to_string(node.exit_code.value_or(-1));
    const std::string& why = !node.exit_reason.empty() ? node.exit_reason : node.last_log;
    if (!why.empty()) text += " (" + why + ")";
    return text;
}

}  // namespace bt::lab
