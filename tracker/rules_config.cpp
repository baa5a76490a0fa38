#include "tracker/rules_config.h"

#include <algorithm>
#include <cmath>

#include "common/app/node_setup.h"
#include "common/base/encoding.h"

namespace bt::tracker {
namespace {

using app::ConfigFile;
using app::ConfigNode;
using app::ConfigTable;
using Keys = std::vector<std::string_view>;

constexpr Duration kLongestAge = std::chrono::hours(24 * 365);
constexpr Duration kLongestWait = minutes(10);

// What an action takes besides the conditions.
Keys parameters_of(ActionKind kind) {
    switch (kind) {
        case ActionKind::Failure:
            return {"reason", "retryIn"};
        case ActionKind::Warning:
            return {"text"};
        case ActionKind::Status:
            return {"status", "text"};
        case ActionKind::Reset:
        case ActionKind::Truncate:
        case ActionKind::Oversize:
        case ActionKind::Chunked:
            return {"bytes"};
        case ActionKind::Drip:
            return {"bytesPerSecond"};
        case ActionKind::Delay:
        case ActionKind::Reorder:
            return {"delay"};
        case ActionKind::WrongLength:
            return {"offBy"};
        case ActionKind::Redirect:
            return {"status", "to"};
        case ActionKind::Duplicate:
            return {"copies"};
        case ActionKind::ExpiredId:
            return {"text"};
        case ActionKind::AddKeys:
        case ActionKind::RemoveKeys:
            return {"keys"};
        case ActionKind::PeersInvented:
            return {"peers", "range"};
        default:
            return {};
    }
}

const Keys& common_keys() {
    static const Keys keys = {"name",  "action", "infoHash", "torrent", "peer",  "peerId", "door", "kind",
                              "event", "nth",    "every",    "first",   "count", "share",  "from", "until"};
    return keys;
}

Status allow_keys(const ConfigTable& table, ActionKind kind) {
    Keys keys = common_keys();
    const Keys own = parameters_of(kind);
    keys.insert(keys.end(), own.begin(), own.end());
    for (const std::string& key : table.keys()) {
        if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
        // Right for another action: say so, nothing near it was meant.
        for (const std::string_view name : action_names()) {
            const Keys others = parameters_of(*parse_action(name));
            if (std::find(others.begin(), others.end(), key) == others.end()) continue;
            return fail(table.error_at(key, "is nothing that action \"" + std::string(action_info(kind).name) +
                                                "\" takes (\"" + std::string(name) + "\" does)"));
        }
    }
    return table.allow_only(keys);
}

template <class T>
std::unexpected<Error> none_of(const ConfigTable& table, std::string_view key, const std::string& text,
                               const T& names) {
    std::vector<std::string_view> all(std::begin(names), std::end(names));
    std::string what = "\"" + text + "\" is none of";
    for (const std::string_view name : all) what += std::string(name == all.front() ? " " : ", ") + std::string(name);
    if (const auto near = app::nearest_word(text, all)) what += "; did you mean \"" + std::string(*near) + "\"?";
    return fail(table.error_at(key, what));
}

Status read_torrent(const ConfigFile& file, const ConfigTable& table, RuleMatch& match) {
    BT_TRY_ASSIGN(const auto hex, table.string("infoHash"));
    BT_TRY_ASSIGN(const auto path, table.string("torrent"));
    if (hex && path) return fail(table.error_at("torrent", "and infoHash cannot both be given"));
    if (hex) {
        const auto bytes = from_hex(*hex);
        if (!bytes || bytes->size() != InfoHash{}.size()) {
            return fail(table.error_at("infoHash", "must be 40 hex digits"));
        }
        std::copy(bytes->begin(), bytes->end(), match.info_hash.emplace().begin());
    }
    if (path) {
        const auto metainfo = app::load_metainfo(file.resolve_path(*path));
        if (!metainfo) return fail(table.error_at("torrent", metainfo.error().message()));
        match.info_hash = (*metainfo)->info_hash();
    }
    return {};
}

Status read_door_and_kind(const ConfigTable& table, ActionKind action, RuleMatch& match) {
    const ActionInfo& info = action_info(action);
    const std::string name = "action \"" + std::string(info.name) + "\"";
    BT_TRY_ASSIGN(const auto door, table.string("door"));
    if (door) {
        constexpr std::array kDoors = {Door::Http, Door::Https, Door::Udp};
        const auto found = std::find_if(kDoors.begin(), kDoors.end(), [&](Door d) { return door_name(d) == *door; });
        if (found == kDoors.end()) return none_of(table, "door", *door, std::array{"http", "https", "udp"});
        match.door = *found;
        if (*found == Door::Udp ? !info.over_udp : !info.over_http) {
            return fail(table.error_at("door", name + " does not work over " + *door));
        }
    }
    BT_TRY_ASSIGN(const auto kind, table.string("kind"));
    if (!kind) return {};
    const std::pair<ExchangeKind, bool> kinds[] = {{ExchangeKind::Connect, info.connect},
                                                   {ExchangeKind::Announce, info.announce},
                                                   {ExchangeKind::Scrape, info.scrape}};
    for (const auto& [value, works] : kinds) {
        if (kind_name(value) != *kind) continue;
        if (!works) return fail(table.error_at("kind", name + " does not work on a " + *kind));
        match.kind = value;
        return {};
    }
    return none_of(table, "kind", *kind, std::array{"connect", "announce", "scrape"});
}

Status read_who(const ConfigTable& table, RuleMatch& match) {
    BT_TRY_ASSIGN(const auto peer, table.string("peer"));
    if (peer) {
        match.source = AddressRange::parse(*peer);
        if (!match.source) return fail(table.error_at("peer", "\"" + *peer + "\" is no address and no range of them"));
    }
    BT_TRY_ASSIGN(const auto peer_id, table.string("peerId"));
    if (peer_id) {
        if (peer_id->empty() || peer_id->size() > PeerId{}.size()) {
            return fail(table.error_at("peerId", "must be the first 1 to 20 bytes of a peer id"));
        }
        match.peer_id_prefix = *peer_id;
    }
    BT_TRY_ASSIGN(const auto event, table.string("event"));
    if (!event) return {};
    using wire::AnnounceEvent;
    for (const AnnounceEvent value : {AnnounceEvent::None, AnnounceEvent::Started, AnnounceEvent::Completed,
                                      AnnounceEvent::Stopped, AnnounceEvent::Paused}) {
        const std::string_view name = value == AnnounceEvent::None ? "none" : wire::event_name(value);
        if (name != *event) continue;
        match.event = value;
        return {};
    }
    return none_of(table, "event", *event, std::array{"none", "started", "completed", "stopped", "paused"});
}

Status read_when(const ConfigTable& table, RuleMatch& match) {
    const auto read_count = [&](std::string_view key, std::uint64_t& to) -> Status {
        BT_TRY_ASSIGN(const auto value, table.integer(key, 1, INT64_MAX));
        if (value) to = static_cast<std::uint64_t>(*value);
        return {};
    };
    BT_TRY(read_count("nth", match.nth));
    BT_TRY(read_count("every", match.every));
    BT_TRY(read_count("first", match.first));
    BT_TRY_ASSIGN(const auto count, table.string("count"));
    if (count && *count != "peer" && *count != "all") {
        return none_of(table, "count", *count, std::array{"peer", "all"});
    }
    match.count_all = count == "all";
    BT_TRY_ASSIGN(const auto share, table.number("share", 0, 1));
    if (share) match.share = static_cast<std::uint32_t>(std::lround(*share * kShareWhole));
    BT_TRY_ASSIGN(const auto from, table.duration("from", seconds(0), kLongestAge));
    BT_TRY_ASSIGN(const auto until, table.duration("until", seconds(0), kLongestAge));
    match.from = from.value_or(match.from);
    match.until = until.value_or(match.until);
    if (match.until <= match.from) return fail(table.error_at("until", "must be later than from"));
    return {};
}

Status read_failure(const ConfigTable& table, Action& action) {
    BT_TRY_ASSIGN(const auto reason, table.string("reason"));
    action.text = reason.value_or("refused by a rule");
    const ConfigNode* retry = table.node().find("retryIn");
    if (retry == nullptr) return {};
    if (const auto* text = std::get_if<std::string>(&retry->value)) {
        if (*text != "never") return fail(table.error_at("retryIn", "must be a number of minutes or \"never\""));
        action.retry_in.emplace();
        return {};
    }
    BT_TRY_ASSIGN(const auto in_minutes, table.integer("retryIn", 0, INT32_MAX));
    action.retry_in = wire::RetryIn{static_cast<std::uint32_t>(*in_minutes)};
    return {};
}

Status read_status(const ConfigTable& table, Action& action) {
    const bool redirects = action.kind == ActionKind::Redirect;
    BT_TRY_ASSIGN(const auto status, redirects ? table.integer("status", 300, 399) : table.integer("status", 200, 599));
    action.status = static_cast<int>(status.value_or(redirects ? 302 : 503));
    BT_TRY_ASSIGN(const auto text, table.string(redirects ? "to" : "text"));
    action.text = text.value_or(redirects ? "" : "refused by a rule");
    const bool is_one_line = action.text.find_first_of("\r\n") == std::string::npos;
    if (!is_one_line) return fail(table.error_at(redirects ? "to" : "text", "must be one line"));
    return {};
}

Status read_keys(const ConfigTable& table, Action& action) {
    if (action.kind == ActionKind::RemoveKeys) {
        BT_TRY_ASSIGN(const auto keys, table.need("keys", table.strings("keys")));
        for (const std::string& key : keys) action.keys.emplace_back(key, std::int64_t{0});
        return {};
    }
    BT_TRY_ASSIGN(const ConfigTable keys, table.need("keys", table.table("keys")));
    for (const std::string& key : keys.keys()) {
        const ConfigNode& value = *keys.node().find(key);
        if (const auto* text = std::get_if<std::string>(&value.value)) {
            action.keys.emplace_back(key, *text);
        } else {
            BT_TRY_ASSIGN(const auto number, keys.integer(key, INT64_MIN, INT64_MAX));
            action.keys.emplace_back(key, *number);
        }
    }
    return {};
}

Status read_invented(const ConfigTable& table, Action& action) {
    BT_TRY_ASSIGN(const auto count, table.integer("peers", 1, static_cast<std::int64_t>(kMaxInvented)));
    action.count = static_cast<std::uint64_t>(count.value_or(10));
    BT_TRY_ASSIGN(const auto range, table.string("range"));
    if (!range) return {};
    action.range = AddressRange::parse(*range);
    if (!action.range) return fail(table.error_at("range", "\"" + *range + "\" is no range of addresses"));
    return {};
}

Status read_bytes(const ConfigTable& table, std::string_view key, std::int64_t min, Action& action) {
    BT_TRY_ASSIGN(const auto bytes, table.integer(key, min, static_cast<std::int64_t>(kMaxOversize)));
    if (bytes) action.bytes = static_cast<std::uint64_t>(*bytes);
    return {};
}

Status read_parameters(const ConfigTable& table, Action& action) {
    switch (action.kind) {
        case ActionKind::Failure:
            return read_failure(table, action);
        case ActionKind::Status:
        case ActionKind::Redirect:
            return read_status(table, action);
        case ActionKind::Warning:
        case ActionKind::ExpiredId: {
            BT_TRY_ASSIGN(const auto text, table.string("text"));
            action.text =
                text.value_or(action.kind == ActionKind::Warning ? "warned by a rule" : "connection id expired");
            return {};
        }
        case ActionKind::Reset:
        case ActionKind::Truncate:
            return read_bytes(table, "bytes", 0, action);
        case ActionKind::Oversize:
        case ActionKind::Chunked:
            return read_bytes(table, "bytes", 1, action);
        case ActionKind::Drip:
            return read_bytes(table, "bytesPerSecond", 1, action);
        case ActionKind::Delay:
        case ActionKind::Reorder: {
            BT_TRY_ASSIGN(const auto wait, table.duration("delay", milliseconds(1), kLongestWait));
            action.wait = wait.value_or(seconds(1));
            return {};
        }
        case ActionKind::WrongLength: {
            BT_TRY_ASSIGN(const auto off_by, table.integer("offBy", -1'000'000'000, 1'000'000'000));
            action.off_by = off_by.value_or(10);
            if (action.off_by == 0) return fail(table.error_at("offBy", "of 0 would be right"));
            return {};
        }
        case ActionKind::Duplicate: {
            BT_TRY_ASSIGN(const auto copies, table.integer("copies", 2, static_cast<std::int64_t>(kMaxCopies)));
            action.count = static_cast<std::uint64_t>(copies.value_or(2));
            return {};
        }
        case ActionKind::AddKeys:
        case ActionKind::RemoveKeys:
            return read_keys(table, action);
        case ActionKind::PeersInvented:
            return read_invented(table, action);
        default:
            return {};
    }
}

Result<Rule> read_rule(const ConfigFile& file, const ConfigTable& table, std::size_t number) {
    if (!table.has("action")) {
        // A misspelt key is named before a missing one.
        Keys all = common_keys();
        for (const std::string_view name : action_names()) {
            const Keys own = parameters_of(*parse_action(name));
            all.insert(all.end(), own.begin(), own.end());
        }
        BT_TRY(table.allow_only(all));
    }
    BT_TRY_ASSIGN(const std::string action, table.need("action", table.string("action")));
    const auto kind = parse_action(action);
    if (!kind) return none_of(table, "action", action, action_names());
    BT_TRY(allow_keys(table, *kind));
    Rule rule;
    rule.action.kind = *kind;
    BT_TRY_ASSIGN(const auto name, table.string("name"));
    rule.name = name.value_or("rule " + std::to_string(number));
    if (rule.name.empty()) return fail(table.error_at("name", "must not be empty"));
    BT_TRY(read_torrent(file, table, rule.match));
    BT_TRY(read_door_and_kind(table, *kind, rule.match));
    BT_TRY(read_who(table, rule.match));
    BT_TRY(read_when(table, rule.match));
    BT_TRY(read_parameters(table, rule.action));
    return rule;
}

}  // namespace

Result<std::vector<Rule>> read_rules(const ConfigFile& file, const ConfigTable& root) {
    BT_TRY_ASSIGN(const auto tables, root.tables("rules"));
    if (tables.size() > kMaxRules) {
        return fail(root.error_at("rules", "are more than " + std::to_string(kMaxRules)));
    }
    std::vector<Rule> rules;
    for (const ConfigTable& table : tables) {
        BT_TRY_ASSIGN(Rule rule, read_rule(file, table, rules.size() + 1));
        const bool taken = std::any_of(rules.begin(), rules.end(), [&](const Rule& r) { return r.name == rule.name; });
        if (taken) return fail(table.error_at("name", "\"" + rule.name + "\" is the name of another rule"));
        rules.push_back(std::move(rule));
    }
    return rules;
}

std::string rules_config_text() {
    return R"(
# Answers that are wrong on purpose: conditions (all must hold), one action and what it needs. The first rule that
# holds wins. docs/formats.md lists the actions.
#[[rules]]
#name = "third time unlucky"          # for the events; "rule 1" and so on where it is missing
#infoHash = "0123456789abcdef0123456789abcdef01234567"  # or torrent = "x.torrent"
#peer = "127.0.0.0/8"                 # where the request comes from
#peerId = "-TR"                       # how the peer id begins
#door = "http"                        # http, https or udp
#kind = "announce"                    # connect, announce or scrape
#event = "started"                    # none, started, completed, stopped or paused
#nth = 3                              # this one only; every = 5: each fifth; first = 2: the first two
#count = "peer"                       # of each peer, or of "all"
#share = 0.25                         # of those, by the dice of rngSeed
#from = 10                            # seconds since the start
#until = 60
#action = "failure"
#reason = "come back later"
#retryIn = 5                          # minutes, or "never"
)";
}

}  // namespace bt::tracker
