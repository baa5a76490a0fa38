#include "lab/node_status.h"

#include <nlohmann/json.hpp>

#include "lab/query.h"

namespace bt::lab {
namespace {

using Json = nlohmann::json;

// Events come from another process, which may be broken: a field of the wrong type counts as absent.
void read(const Json& event, const char* key, std::uint64_t& out) {
    const auto found = event.find(key);
    if (found == event.end()) return;
    if (found->is_number_unsigned()) {
        out = found->get<std::uint64_t>();
    } else if (found->is_number_float() && found->get<double>() >= 0 && found->get<double>() < 1e18) {
        out = static_cast<std::uint64_t>(found->get<double>());
    }
}

void read(const Json& event, const char* key, double& out) {
    const auto found = event.find(key);
    if (found != event.end() && found->is_number()) out = found->get<double>();
}

void read(const Json& event, const char* key, std::string& out) {
    const auto found = event.find(key);
    if (found != event.end() && found->is_string()) out = found->get<std::string>();
}

void apply_stats(NodeStatus& node, const Json& event) {
    read(event, "state", node.state);
    read(event, "progress", node.progress);
    read(event, "have", node.have);
    read(event, "pieces", node.pieces);
    read(event, "downloaded", node.downloaded);
    read(event, "uploaded", node.uploaded);
    read(event, "down_rate", node.down_rate);
    read(event, "up_rate", node.up_rate);
    read(event, "peers", node.peers);
    read(event, "hash_failures", node.hash_failures);
    read(event, "wasted", node.wasted);
}

void apply_ready(NodeStatus& node, const Json& event, double now_s) {
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

bool apply_event_line(NodeStatus& node, std::string_view line, double now_s) {
    const std::string_view kind = event_kind_of(line);
    if (!kind.empty() && !is_of_interest(kind)) {  // nearly all lines: not worth the parser
        ++node.events;
        return true;
    }
    const Json event = Json::parse(line, nullptr, false);
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
        read(event, "downloaded", node.downloaded);
        read(event, "uploaded", node.uploaded);
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

std::string how_it_ended(const NodeStatus& node) {
    if (node.phase != Phase::Ended) return {};
    if (node.signal) return "signal " + std::to_string(*node.signal) + (node.killed ? " (from the lab)" : "");
    std::string text = "exit code " + std::to_string(node.exit_code.value_or(-1));
    const std::string& why = !node.exit_reason.empty() ? node.exit_reason : node.last_log;
    if (!why.empty()) text += " (" + why + ")";
    return text;
}

}  // namespace bt::lab
