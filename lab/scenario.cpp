#include "lab/scenario.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "torrents/recipe.h"

namespace bt::lab {
namespace {

using app::ConfigFile;
using app::ConfigNode;
using app::ConfigTable;

constexpr Duration kLongest = std::chrono::hours(24);

// The lab gives these itself, and could not do its work if a scenario gave them too.
constexpr std::string_view kOwnOptions[] = {
    "bind",     "port", "events",  "stats-interval", "node-name",    "t",
    "torrent",  "s",    "source",  "outdir",         "seed-time",    "interval-floor",
    "rng-seed", "help", "version", "config",         "print-config", "die-with-parent"};

// A name becomes part of file names and of the table.
bool is_plain_name(std::string_view name) {
    if (name.empty() || name.size() > 60 || name.front() == '-') return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

Result<std::string> read_name(const ConfigTable& table, std::string_view key, std::optional<std::string> otherwise) {
    BT_TRY_ASSIGN(std::optional<std::string> name, table.string(key));
    if (!name) name = std::move(otherwise);
    if (!name) return table.need<std::string>(key, table.string(key));
    if (!is_plain_name(*name)) return fail(table.error_at(key, "wanted 1 to 60 letters, digits, '-' and '_'"));
    return std::move(*name);
}

Result<std::string> option_value(const ConfigTable& table, std::string_view key, const ConfigNode& node) {
    if (const auto* text = std::get_if<std::string>(&node.value)) return *text;
    if (const auto* number = std::get_if<std::int64_t>(&node.value)) return std::to_string(*number);
    if (const auto* real = std::get_if<double>(&node.value)) {
        char text[40];
        const auto end = std::to_chars(text, text + sizeof text, *real).ptr;
        return std::string(text, end);
    }
    return fail(table.error_at(key, "wanted a string, a number or a boolean"));
}

// options = { max-peers = 4, some-flag = true }  ->  --max-peers 4 --some-flag
Result<std::vector<std::string>> read_options(const ConfigTable& owner) {
    std::vector<std::string> argv;
    BT_TRY_ASSIGN(const std::optional<ConfigTable> table, owner.table("options"));
    if (!table) return argv;
    for (const std::string& key : table->keys()) {
        if (std::ranges::find(kOwnOptions, key) != std::end(kOwnOptions)) {
            return fail(table->error_at(key, "the lab sets this option itself"));
        }
        if (!is_plain_name(key)) return fail(table->error_at(key, "is no option name (write it without the dashes)"));
        const ConfigNode& node = *table->node().find(key);
        if (const auto* flag = std::get_if<bool>(&node.value)) {
            if (*flag) argv.push_back("--" + key);
            continue;
        }
        BT_TRY_ASSIGN(std::string value, option_value(*table, key, node));
        argv.push_back("--" + key);
        argv.push_back(std::move(value));
    }
    return argv;
}

// A number of seconds, or a text with its unit.
Result<std::optional<Duration>> read_duration(const ConfigTable& table, std::string_view key) {
    const ConfigNode* node = table.node().find(key);
    if (node == nullptr) return std::nullopt;
    const auto* text = std::get_if<std::string>(&node->value);
    if (text == nullptr) return table.duration(key, milliseconds(1), kLongest);
    const std::optional<Duration> duration = parse_duration(*text);
    if (!duration || *duration < milliseconds(1) || *duration > kLongest) {
        return fail(table.error_at(key, "wanted a time up to 24 hours, such as 60, \"60s\", \"500ms\" or \"2m\""));
    }
    return duration;
}

Result<std::optional<std::uint64_t>> read_size(const ConfigTable& table, std::string_view key, std::uint64_t max) {
    const ConfigNode* node = table.node().find(key);
    if (node == nullptr) return std::nullopt;
    std::optional<std::uint64_t> size;
    if (const auto* text = std::get_if<std::string>(&node->value)) size = torrents::parse_size(*text);
    if (const auto* number = std::get_if<std::int64_t>(&node->value); number != nullptr && *number > 0) {
        size = static_cast<std::uint64_t>(*number);
    }
    if (!size || *size == 0 || *size > max) {
        return fail(table.error_at(
            key, "wanted a number of bytes or a text such as \"256 KiB\", at most " + std::to_string(max)));
    }
    return size;
}

Result<Content> read_content(const ConfigFile& file, const ConfigTable& root) {
    BT_TRY_ASSIGN(const ConfigTable table, root.need<ConfigTable>("content", root.table("content")));
    BT_TRY(table.allow_only({"recipe", "path", "piece_length"}));
    Content content;
    BT_TRY_ASSIGN(const std::optional<std::string> recipe, table.string("recipe"));
    BT_TRY_ASSIGN(const std::optional<std::string> path, table.string("path"));
    if (recipe.has_value() == path.has_value()) {
        return fail(table.error_here("wanted either recipe (generated content) or path (a real file or folder)"));
    }
    if (recipe) content.recipe = file.resolve_path(*recipe);
    if (path) content.path = file.resolve_path(*path);
    BT_TRY_ASSIGN(const std::optional<std::uint64_t> length, read_size(table, "piece_length", 1u << 29));
    if (length && (*length < 16384 || (*length & (*length - 1)) != 0)) {
        return fail(table.error_at("piece_length", "wanted a power of two from 16 KiB on"));
    }
    if (length) content.piece_length = static_cast<std::uint32_t>(*length);
    return content;
}

Result<NodeGroup> read_group(const ConfigTable& table) {
    BT_TRY(table.allow_only({"kind", "name", "count", "options"}));
    NodeGroup group;
    BT_TRY_ASSIGN(const std::string kind, table.need<std::string>("kind", table.string("kind")));
    if (kind == "client") {
        group.kind = NodeKind::Client;
    } else if (kind == "seeder") {
        group.kind = NodeKind::Seeder;
    } else {
        return fail(table.error_at("kind", "wanted \"client\" or \"seeder\""));
    }
    BT_TRY_ASSIGN(group.name, read_name(table, "name", kind));
    BT_TRY_ASSIGN(const std::optional<std::int64_t> count, table.integer("count", 1, kMaxNodes));
    group.count = static_cast<std::uint32_t>(count.value_or(1));
    BT_TRY_ASSIGN(group.options, read_options(table));
    return group;
}

Status read_groups(const ConfigTable& root, Scenario& scenario) {
    BT_TRY_ASSIGN(const std::vector<ConfigTable> tables, root.tables("nodes"));
    std::set<std::string> names = {"tracker"};
    std::size_t total = 0;
    for (const ConfigTable& table : tables) {
        BT_TRY_ASSIGN(NodeGroup group, read_group(table));
        if (!names.insert(group.name).second) {
            return fail(table.error_here("the name " + group.name + " is taken: give each group its own"));
        }
        total += group.count;
        if (total > kMaxNodes) return fail(table.error_here("more than 250 nodes in all"));
        scenario.groups.push_back(std::move(group));
    }
    for (const NodeKind kind : {NodeKind::Seeder, NodeKind::Client}) {
        if (scenario.count(kind) > 0) continue;
        return fail(root.error_here("wanted [[nodes]] with kind = \"" + std::string(kind_name(kind)) + "\""));
    }
    return {};
}

Status read_tracker(const ConfigTable& root, Scenario& scenario) {
    BT_TRY_ASSIGN(const std::optional<ConfigTable> table, root.table("tracker"));
    if (!table) return {};
    BT_TRY(table->allow_only({"interval", "options"}));
    BT_TRY_ASSIGN(const std::optional<Duration> interval, read_duration(*table, "interval"));
    if (interval && (*interval < seconds(1) || *interval % seconds(1) != Duration::zero())) {
        return fail(table->error_at("interval", "wanted whole seconds, 1 or more"));
    }
    scenario.announce_interval = interval.value_or(scenario.announce_interval);
    BT_TRY_ASSIGN(scenario.tracker_options, read_options(*table));
    return {};
}

Status read_expectations(const ConfigTable& root, Expectations& expect) {
    BT_TRY_ASSIGN(const std::optional<ConfigTable> table, root.table("expect"));
    if (!table) return {};
    BT_TRY(table->allow_only({"all_complete_within", "files_identical", "max_hash_failures", "exit_codes"}));
    BT_TRY_ASSIGN(const std::optional<Duration> within, read_duration(*table, "all_complete_within"));
    BT_TRY_ASSIGN(const std::optional<bool> identical, table->boolean("files_identical"));
    BT_TRY_ASSIGN(const std::optional<std::int64_t> failures, table->integer("max_hash_failures", 0, INT64_MAX));
    expect.all_complete_within = within.value_or(expect.all_complete_within);
    expect.files_identical = identical.value_or(expect.files_identical);
    if (failures) expect.max_hash_failures = static_cast<std::uint64_t>(*failures);

    const ConfigNode* codes = table->node().find("exit_codes");
    if (codes == nullptr) return {};
    const auto* list = std::get_if<ConfigNode::List>(&codes->value);
    expect.exit_codes.clear();
    for (const ConfigNode& code : list == nullptr ? ConfigNode::List{} : *list) {
        const auto* number = std::get_if<std::int64_t>(&code.value);
        if (number != nullptr && *number >= 0 && *number <= 255) expect.exit_codes.push_back(static_cast<int>(*number));
    }
    if (list == nullptr || list->empty() || expect.exit_codes.size() != list->size()) {
        return fail(table->error_at("exit_codes", "wanted a list of exit codes, 0 to 255"));
    }
    return {};
}

Result<Scenario> read_scenario(const ConfigFile& file) {
    const ConfigTable root = file.root();
    BT_TRY(root.allow_only({"name", "rng_seed", "content", "tracker", "nodes", "expect"}));
    Scenario scenario;
    scenario.file = file.file_name();
    BT_TRY_ASSIGN(scenario.name, read_name(root, "name", std::nullopt));
    BT_TRY_ASSIGN(const std::optional<std::int64_t> rng_seed, root.integer("rng_seed", 0, INT64_MAX));
    scenario.rng_seed = static_cast<std::uint64_t>(rng_seed.value_or(1));
    BT_TRY_ASSIGN(scenario.content, read_content(file, root));
    BT_TRY(read_tracker(root, scenario));
    BT_TRY(read_groups(root, scenario));
    BT_TRY(read_expectations(root, scenario.expect));
    return scenario;
}

}  // namespace

std::string_view kind_name(NodeKind kind) {
    switch (kind) {
        case NodeKind::Tracker:
            return "tracker";
        case NodeKind::Seeder:
            return "seeder";
        case NodeKind::Client:
            return "client";
    }
    return "node";
}

std::size_t Scenario::count(NodeKind kind) const {
    std::size_t total = kind == NodeKind::Tracker ? 1 : 0;
    for (const NodeGroup& group : groups) total += group.kind == kind ? group.count : 0;
    return total;
}

Result<Scenario> load_scenario(const std::string& path) {
    BT_TRY_ASSIGN(const ConfigFile file, ConfigFile::load(path));
    return read_scenario(file);
}

Result<Scenario> parse_scenario(std::string_view text, std::string file_name) {
    BT_TRY_ASSIGN(const ConfigFile file, ConfigFile::parse(text, app::ConfigFormat::Toml, std::move(file_name)));
    return read_scenario(file);
}

std::optional<Duration> parse_duration(std::string_view text) {
    static constexpr std::pair<std::string_view, double> kUnits[] = {
        {"ms", 0.001}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}};
    double number = 0;
    const auto [rest, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0) || number > 1e9) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    if (text.size() > 1 && text.front() == ' ') text.remove_prefix(1);
    for (const auto& [unit, factor] : kUnits) {
        if (text == unit) return from_seconds(number * factor);
    }
    return std::nullopt;
}

}  // namespace bt::lab
