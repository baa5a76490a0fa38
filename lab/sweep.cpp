#include "lab/sweep.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "lab/data_folder.h"
#include "lab/run_folder.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;
using app::ConfigFile;
using app::ConfigNode;
using Json = nlohmann::ordered_json;

Json to_json(const ConfigNode& node) {
    return std::visit(
        []<class T>(const T& value) -> Json {
            if constexpr (std::is_same_v<T, ConfigNode::List>) {
                Json list = Json::array();
                for (const ConfigNode& item : value) list.push_back(to_json(item));
                return list;
            } else if constexpr (std::is_same_v<T, ConfigNode::Table>) {
                Json table = Json::object();
                for (const auto& [key, item] : value) table[key] = to_json(item);
                return table;
            } else if constexpr (std::is_same_v<T, ConfigNode::Null> || std::is_same_v<T, ConfigNode::Other>) {
                return nullptr;
            } else {
                return Json(value);
            }
        },
        node.value);
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// A group's name as the scenario reader gives it.
bool is_called(const Json& group, const std::string& name) {
    for (const char* key : {"name", "persona", "kind"}) {
        if (group.is_object() && group.contains(key)) return group[key] == name;
    }
    return false;
}

// The table that "client.link.up" or "content.piece_length" is a key of; nullptr: there is none.
Json* table_of(Json& root, std::vector<std::string>& path) {
    Json* table = &root;
    if (path.size() > 1 && !root.contains(path.front()) && root.contains("nodes") && root["nodes"].is_array()) {
        const auto group =
            std::ranges::find_if(root["nodes"], [&](const Json& g) { return is_called(g, path.front()); });
        if (group == root["nodes"].end()) return nullptr;
        table = &*group;
        path.erase(path.begin());
    }
    for (; path.size() > 1; path.erase(path.begin())) {
        if (!table->contains(path.front())) (*table)[path.front()] = Json::object();
        table = &(*table)[path.front()];
        if (!table->is_object()) return nullptr;
    }
    return path.empty() ? nullptr : table;
}

std::vector<std::string> split(const std::string& key) {
    std::vector<std::string> parts(1);
    for (const char c : key) c == '.' ? void(parts.emplace_back()) : parts.back().push_back(c);
    return parts;
}

// Files that the scenario names are found from the variant's folder too.
void make_absolute(const ConfigFile& file, Json& root) {
    const auto fix = [&file](Json& table, const char* key) {
        if (!table.is_object() || !table.contains(key) || !table[key].is_string()) return;
        table[key] = fs::absolute(file.resolve_path(table[key].get<std::string>())).string();
    };
    if (root.contains("content")) {
        fix(root["content"], "recipe");
        fix(root["content"], "path");
    }
    if (!root.contains("nodes") || !root["nodes"].is_array()) return;
    for (Json& group : root["nodes"]) {
        if (group.is_object() && group.contains("options")) fix(group["options"], "script");
    }
}

// Columns as wide as their widest cell.
void print_table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += "  " + row[i] + std::string(widths[i] - row[i].size(), ' ');
        std::printf("%s\n", line.c_str());
    }
}

std::string swept_number(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.3f", value);
    return text;
}

// What one run adds to the table, and to sweep.json.
void add_row(const Variant& variant, LabExit exit, const RunRecord& record, std::vector<std::vector<std::string>>& rows,
             Json& out) {
    const std::optional<std::uint64_t> from_seeders = sum_of(record.nodes, &Totals::uploaded, NodeKind::Seeder);
    const std::optional<std::uint64_t> all = sum_of(record.nodes, &Totals::uploaded);
    const std::string seconds = record.completion_time ? swept_number(to_seconds(*record.completion_time)) : "-";
    std::optional<double> share;
    if (all) share = *all == 0 ? 0 : static_cast<double>(*from_seeders) / static_cast<double>(*all);
    std::vector<std::string> row;
    Json one = {{"values", Json::object()}};
    for (const auto& [key, value] : variant.values) {
        row.push_back(value);
        one["values"][key] = value;
    }
    row.insert(row.end(), {exit == LabExit::Held ? "held" : "FAILED", seconds, share ? swept_number(*share) : "-"});
    rows.push_back(std::move(row));
    one["exit_code"] = static_cast<int>(exit);
    one["completion_s"] = record.completion_time ? Json(to_seconds(*record.completion_time)) : Json(nullptr);
    one["seeders_share"] = share ? Json(*share) : Json(nullptr);
    one["folder"] = record.folder;
    out.push_back(std::move(one));
}

LabExit run_sweep(const RunOptions& options, const std::vector<Variant>& variants, const std::string& name) {
    const Result<fs::path> folder = make_run_folder(options.out, name + "-sweep", stamp_now().for_files);
    if (!folder) return report_error(LabExit::Environment, folder.error());
    std::vector<std::vector<std::string>> rows(1);
    for (const auto& [key, value] : variants.front().values) rows[0].push_back(key);
    rows[0].insert(rows[0].end(), {"verdict", "completion s", "seeders' share"});
    Json results = Json::array();
    LabExit worst = LabExit::Held;
    for (std::size_t i = 0; i < variants.size(); ++i) {
        const fs::path file = *folder / ("variant-" + std::to_string(i + 1) + ".json");
        if (const Status written = write_text(file, variants[i].scenario); !written) {
            return report_error(LabExit::Environment, written.error());
        }
        RunOptions one = options;
        one.scenario = file.string();
        one.out = *folder;
        RunRecord record;
        const LabExit exit = run_scenario(one, &record);
        add_row(variants[i], exit, record, rows, results);
        worst = std::max(worst, exit);
        if (exit == LabExit::Interrupted || exit == LabExit::ScenarioWrong || exit == LabExit::Environment) break;
    }
    const std::string text = results.dump(2) + "\n";
    if (const Status written = write_text(*folder / "sweep.json", text); !written) {
        return report_error(LabExit::Environment, written.error());
    }
    options.json ? void(std::fputs(text.c_str(), stdout)) : print_table(rows);
    return worst;
}

}  // namespace

Result<std::vector<Variant>> read_sweep(const ConfigFile& file) {
    std::vector<Variant> variants;
    BT_TRY_ASSIGN(const std::optional<app::ConfigTable> table, file.root().table("sweep"));
    if (!table) return variants;
    Json base = to_json(file.root().node());
    base.erase("sweep");
    make_absolute(file, base);
    std::vector<Json> scenarios;
    for (const std::string& key : table->keys()) {
        const Json values = to_json(*table->node().find(key));
        if (!values.is_array() || values.empty() || values.size() > kMaxSweep) {
            return fail(table->error_at(key, "wanted a list of 1 to 1000 values"));
        }
        if (scenarios.empty()) {
            scenarios.assign(values.size(), base);
            variants.resize(values.size());
        }
        if (values.size() != scenarios.size()) return fail(table->error_at(key, "all lists must be of one length"));
        for (std::size_t i = 0; i < values.size(); ++i) {
            std::vector<std::string> path = split(key);
            Json* owner = table_of(scenarios[i], path);
            if (owner == nullptr) return fail(table->error_at(key, "names no table and no group of nodes"));
            (*owner)[path.front()] = values[i];
            variants[i].values.emplace_back(key, text_of(values[i]));
        }
    }
    if (variants.empty()) return fail(table->error_here("wanted \"TABLE.KEY\" = [values]"));
    for (std::size_t i = 0; i < variants.size(); ++i) {
        variants[i].scenario = scenarios[i].dump(2) + "\n";
        // Keys with many dots nest deeper than a file may.
        const auto read = ConfigFile::parse(variants[i].scenario, app::ConfigFormat::Json, "variant");
        if (!read) return fail(table->error_here("makes what is no scenario: " + read.error().detail));
    }
    return variants;
}

LabExit run_or_sweep(const RunOptions& options) {
    const std::string path = find_scenario(options.bin, options.scenario);
    const Result<ConfigFile> file = ConfigFile::load(path);
    if (!file) return report_error(LabExit::ScenarioWrong, file.error());
    const Result<std::vector<Variant>> variants = read_sweep(*file);
    if (!variants) return report_error(LabExit::ScenarioWrong, variants.error());
    if (variants->empty()) return run_scenario(options);
    return run_sweep(options, *variants, fs::path(path).stem().string());
}

}  // namespace bt::lab
