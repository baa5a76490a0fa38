// The part of scenario_parts.h that reads [expect].

#include <algorithm>

#include "lab/event_names.h"
#include "lab/scenario_parts.h"
#include "lab/scenario_values.h"

namespace bt::lab {
namespace {

using app::ConfigNode;
using app::ConfigTable;

constexpr std::pair<std::string_view, Bound::What> kBounds[] = {
    {"ratio", Bound::What::Ratio},
    {"upload_share", Bound::What::UploadShare},
    {"download_share", Bound::What::DownloadShare},
    {"uploaded", Bound::What::Uploaded},
    {"downloaded", Bound::What::Downloaded},
    {"hash_failures", Bound::What::HashFailures},
    {"wasted", Bound::What::Wasted},
    {"completed_s", Bound::What::CompletedS},
    {"progress", Bound::What::Progress},
    {"exit_code", Bound::What::ExitCode},
};

Status read_exit_codes(const ConfigTable& table, std::vector<int>& exit_codes) {
    const ConfigNode* codes = table.node().find("exit_codes");
    if (codes == nullptr) return {};
    const auto* list = std::get_if<ConfigNode::List>(&codes->value);
    exit_codes.clear();
    for (const ConfigNode& code : list == nullptr ? ConfigNode::List{} : *list) {
        const auto* number = std::get_if<std::int64_t>(&code.value);
        if (number != nullptr && *number >= 0 && *number <= 255) exit_codes.push_back(static_cast<int>(*number));
    }
    if (list == nullptr || list->empty() || exit_codes.size() != list->size()) {
        return fail(table.error_at("exit_codes", "wanted a list of exit codes, 0 to 255"));
    }
    return {};
}

template <class Number>
Status check_range(const ConfigTable& table, const std::optional<Number>& min, const std::optional<Number>& max) {
    if (!min && !max) return fail(table.error_here("wanted min, max or both"));
    if (min && max && *min > *max) return fail(table.error_at("min", "min is more than max"));
    return {};
}

Status read_counts(const ConfigTable& expect, const Scenario& scenario, std::vector<EventCount>& counts) {
    BT_TRY_ASSIGN(const std::vector<ConfigTable> tables, expect.tables("events"));
    for (const ConfigTable& table : tables) {
        BT_TRY(table.allow_only({"query", "min", "max"}));
        BT_TRY_ASSIGN(const std::string text, table.need<std::string>("query", table.string("query")));
        Result<Query> query = Query::parse(text);
        if (!query) return fail(at_key(table, "query", query.error()));
        BT_TRY(check_query(table, "query", *query, scenario));
        BT_TRY_ASSIGN(const std::optional<std::int64_t> min, table.integer("min", 0, INT64_MAX));
        BT_TRY_ASSIGN(const std::optional<std::int64_t> max, table.integer("max", 0, INT64_MAX));
        BT_TRY(check_range(table, min, max));
        EventCount count{std::move(*query), std::nullopt, std::nullopt};
        if (min) count.min = static_cast<std::uint64_t>(*min);
        if (max) count.max = static_cast<std::uint64_t>(*max);
        counts.push_back(std::move(count));
    }
    return {};
}

Status read_bounds(const ConfigTable& expect, const Scenario& scenario, std::vector<Bound>& bounds) {
    BT_TRY_ASSIGN(const std::vector<ConfigTable> tables, expect.tables("bounds"));
    for (const ConfigTable& table : tables) {
        BT_TRY(table.allow_only({"nodes", "what", "min", "max"}));
        Bound bound;
        BT_TRY_ASSIGN(bound.nodes, read_nodes(table, "nodes", scenario));
        BT_TRY_ASSIGN(const std::string what, table.need<std::string>("what", table.string("what")));
        const std::optional<Bound::What> known = bound_named(what);
        if (!known) {
            std::string names;
            for (const auto& [name, value] : kBounds) names += (names.empty() ? "" : ", ") + std::string(name);
            return fail(table.error_at("what", "wanted one of " + names));
        }
        bound.what = *known;
        BT_TRY_ASSIGN(bound.min, table.number("min", 0, 1e18));
        BT_TRY_ASSIGN(bound.max, table.number("max", 0, 1e18));
        BT_TRY(check_range(table, bound.min, bound.max));
        bounds.push_back(std::move(bound));
    }
    return {};
}

Status read_files(const ConfigTable& expect, const Scenario& scenario, std::vector<FileHash>& files) {
    BT_TRY_ASSIGN(const std::vector<ConfigTable> tables, expect.tables("files"));
    for (const ConfigTable& table : tables) {
        BT_TRY(table.allow_only({"nodes", "path", "sha1"}));
        FileHash file;
        BT_TRY_ASSIGN(file.nodes, read_nodes(table, "nodes", scenario));
        BT_TRY_ASSIGN(file.path, table.need<std::string>("path", table.string("path")));
        BT_TRY_ASSIGN(file.sha1, table.need<std::string>("sha1", table.string("sha1")));
        const bool hex =
            std::ranges::all_of(file.sha1, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
        if (file.sha1.size() != 40 || !hex) return fail(table.error_at("sha1", "wanted 40 hex digits, small letters"));
        files.push_back(std::move(file));
    }
    return {};
}

Status read_bans(const ConfigTable& expect, const Scenario& scenario, std::vector<Ban>& bans) {
    BT_TRY_ASSIGN(const std::vector<ConfigTable> tables, expect.tables("banned"));
    for (const ConfigTable& table : tables) {
        BT_TRY(table.allow_only({"node", "by", "at_least"}));
        Ban ban;
        BT_TRY_ASSIGN(ban.node, read_nodes(table, "node", scenario));
        if (table.has("by")) {
            BT_TRY_ASSIGN(ban.by, read_nodes(table, "by", scenario));
        }
        BT_TRY_ASSIGN(const std::optional<std::int64_t> at_least, table.integer("at_least", 1, kMaxNodes));
        ban.at_least = static_cast<std::uint64_t>(at_least.value_or(1));
        bans.push_back(std::move(ban));
    }
    return {};
}

}  // namespace

std::string_view bound_name(Bound::What what) {
    for (const auto& [name, value] : kBounds) {
        if (value == what) return name;
    }
    return "unknown";
}

std::optional<Bound::What> bound_named(std::string_view name) {
    for (const auto& [known, value] : kBounds) {
        if (known == name) return value;
    }
    return std::nullopt;
}

Status check_query(const ConfigTable& table, std::string_view key, const Query& query, const Scenario& scenario) {
    BT_TRY(check_nodes(table, key, query.nodes(), scenario));
    for (const NodeGroup& group : scenario.groups) {
        for (std::uint32_t i = 1; i <= group.count && !group.program.empty(); ++i) {
            if (matches_pattern(group.name + '-' + std::to_string(i), query.nodes())) return {};
        }
    }
    if (is_known_event(query.event())) return {};
    const std::optional<std::string_view> nearest = nearest_event(query.event());
    return fail(table.error_at(
        key, "no event is called " + query.event() + (nearest ? "; did you mean " + std::string(*nearest) + "?" : "")));
}

Status read_expectations(const ConfigTable& root, Scenario& scenario) {
    Expectations& expect = scenario.expect;
    BT_TRY_ASSIGN(const std::optional<ConfigTable> table, root.table("expect"));
    if (!table) return {};
    BT_TRY(table->allow_only({"all_complete_within", "nobody_completes_for", "files_identical", "scripts_done",
                              "max_hash_failures", "exit_codes", "events", "bounds", "files", "banned"}));
    BT_TRY_ASSIGN(const std::optional<Duration> within, read_duration(*table, "all_complete_within"));
    BT_TRY_ASSIGN(expect.nobody_completes_for, read_duration(*table, "nobody_completes_for"));
    if (within && expect.nobody_completes_for) {
        return fail(table->error_at("nobody_completes_for", "and all_complete_within exclude each other"));
    }
    if (expect.nobody_completes_for && root.has("stop")) {
        return fail(
            table->error_at("nobody_completes_for", "says how long the run lasts: [stop] has no place beside it"));
    }
    BT_TRY_ASSIGN(const std::optional<bool> identical, table->boolean("files_identical"));
    BT_TRY_ASSIGN(const std::optional<bool> scripts, table->boolean("scripts_done"));
    expect.scripts_done = scripts.value_or(expect.scripts_done);
    BT_TRY_ASSIGN(const std::optional<std::int64_t> failures, table->integer("max_hash_failures", 0, INT64_MAX));
    expect.all_complete_within = within.value_or(expect.all_complete_within);
    expect.files_identical = identical.value_or(expect.files_identical);
    if (failures) expect.max_hash_failures = static_cast<std::uint64_t>(*failures);
    BT_TRY(read_exit_codes(*table, expect.exit_codes));
    BT_TRY(read_counts(*table, scenario, expect.events));
    BT_TRY(read_bounds(*table, scenario, expect.bounds));
    BT_TRY(read_files(*table, scenario, expect.files));
    return read_bans(*table, scenario, expect.bans);
}

}  // namespace bt::lab
