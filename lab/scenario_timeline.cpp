// The part of scenario_parts.h that reads [[timeline]].

#include "lab/scenario_parts.h"
#include "lab/scenario_values.h"

namespace bt::lab {
namespace {

using app::ConfigTable;

constexpr std::string_view kDeedsWanted =
    "wanted start, stop, kill, restart, pause, resume, partition, heal, limit, corrupt, "
    "tracker-down or tracker-up";

Result<Condition> read_condition(const ConfigTable& table, std::string_view key, const std::string& text,
                                 const Scenario& scenario) {
    Result<Condition> condition = parse_condition(text);
    if (!condition) return fail(at_key(table, key, condition.error()));
    const std::string pattern(condition->nodes());
    if (const auto* events = std::get_if<EventsSeen>(&condition->what)) {
        BT_TRY(check_query(table, key, events->query, scenario));
    } else if (!pattern.empty()) {
        BT_TRY(check_nodes(table, key, pattern, scenario));
    }
    return condition;
}

// "tracker-down" and "tracker-up" are short for the tracker killed and started.
Status read_deed(const ConfigTable& table, const Scenario& scenario, TimelineEntry& entry) {
    BT_TRY_ASSIGN(const std::string word, table.need<std::string>("do", table.string("do")));
    if (word == "tracker-down" || word == "tracker-up") {
        entry.deed = word == "tracker-down" ? Deed::Kill : Deed::Start;
        entry.nodes = "tracker";
        if (table.has("nodes")) return fail(table.error_at("nodes", "has no meaning here: it is the tracker"));
        return {};
    }
    const std::optional<Deed> deed = deed_named(word);
    if (!deed) return fail(table.error_at("do", kDeedsWanted));
    entry.deed = *deed;
    BT_TRY_ASSIGN(entry.nodes, read_nodes(table, "nodes", scenario));
    if (!table.has("from")) return {};
    if (entry.deed != Deed::Partition && entry.deed != Deed::Heal) {
        return fail(table.error_at("from", "is for do = \"partition\" and \"heal\""));
    }
    BT_TRY_ASSIGN(entry.others, read_nodes(table, "from", scenario));
    return {};
}

Status read_details(const ConfigTable& table, TimelineEntry& entry) {
    BT_TRY_ASSIGN(entry.lasts, read_duration(table, "for"));
    if (entry.lasts && !undo_of(entry.deed)) {
        return fail(table.error_at("for", std::string(deed_name(entry.deed)) + " cannot be undone"));
    }
    BT_TRY_ASSIGN(entry.limits.upload, read_rate(table, "upload"));
    BT_TRY_ASSIGN(entry.limits.download, read_rate(table, "download"));
    for (const char* key : {"upload", "download"}) {
        if (entry.deed != Deed::Limit && table.has(key)) return fail(table.error_at(key, "is for do = \"limit\""));
    }
    if (entry.deed == Deed::Limit && entry.limits == RateLimits{}) {
        return fail(table.error_here("wanted upload or download, the new rate"));
    }
    BT_TRY_ASSIGN(const std::optional<std::int64_t> piece, table.integer("piece", 0, UINT32_MAX));
    if (piece) entry.piece = static_cast<std::uint32_t>(*piece);
    if (piece && entry.deed != Deed::Corrupt) return fail(table.error_at("piece", "is for do = \"corrupt\""));
    BT_TRY_ASSIGN(const std::optional<bool> optional, table.boolean("optional"));
    entry.optional = optional.value_or(false);
    return {};
}

// Only clients have files of their own; trackers have no limits.
Status check_kinds(const ConfigTable& table, const Scenario& scenario, const TimelineEntry& entry) {
    if (entry.deed != Deed::Limit && entry.deed != Deed::Corrupt) return {};
    if (matches_pattern("tracker", entry.nodes)) return fail(table.error_at("nodes", "fits the tracker"));
    for (const NodeGroup& group : scenario.groups) {
        const bool can = entry.deed == Deed::Limit ? group.program.empty() && group.kind != NodeKind::Peer
                                                   : group.kind == NodeKind::Client;
        for (std::uint32_t i = 1; i <= group.count && !can; ++i) {
            if (!matches_pattern(group.name + '-' + std::to_string(i), entry.nodes)) continue;
            return fail(table.error_at("nodes", std::string(deed_name(entry.deed)) + " is not for this kind of node"));
        }
    }
    return {};
}

}  // namespace

Status read_timeline(const ConfigTable& root, Scenario& scenario) {
    BT_TRY_ASSIGN(const std::vector<ConfigTable> tables, root.tables("timeline"));
    if (tables.size() > kMaxTimeline) return fail(root.error_at("timeline", "more than 1000 entries"));
    for (const ConfigTable& table : tables) {
        BT_TRY(
            table.allow_only({"at", "when", "do", "nodes", "from", "for", "upload", "download", "piece", "optional"}));
        TimelineEntry entry;
        entry.line = table.node().line;
        BT_TRY_ASSIGN(entry.at, read_duration(table, "at", true));
        BT_TRY_ASSIGN(const std::optional<std::string> when, table.string("when"));
        if (entry.at.has_value() == when.has_value()) {
            return fail(table.error_here("wanted either at (a time) or when (a condition)"));
        }
        if (when) {
            BT_TRY_ASSIGN(entry.when, read_condition(table, "when", *when, scenario));
        }
        BT_TRY(read_deed(table, scenario, entry));
        BT_TRY(read_details(table, entry));
        BT_TRY(check_kinds(table, scenario, entry));
        scenario.timeline.push_back(std::move(entry));
    }
    return {};
}

Status read_stop(const ConfigTable& root, Scenario& scenario) {
    BT_TRY_ASSIGN(const std::optional<ConfigTable> table, root.table("stop"));
    if (!table) return {};
    BT_TRY(table->allow_only({"when", "linger", "at"}));
    BT_TRY_ASSIGN(const std::optional<std::string> when, table->string("when"));
    if (when) {
        BT_TRY_ASSIGN(scenario.stop.when, read_condition(*table, "when", *when, scenario));
    }
    BT_TRY_ASSIGN(const std::optional<Duration> linger, read_duration(*table, "linger"));
    scenario.stop.linger = linger.value_or(Duration::zero());
    BT_TRY_ASSIGN(scenario.stop.at, read_duration(*table, "at"));
    return {};
}

}  // namespace bt::lab
