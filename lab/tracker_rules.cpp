#include "lab/tracker_rules.h"

#include <nlohmann/json.hpp>

#include "tracker/rules_config.h"

namespace bt::lab {
namespace {

using app::ConfigNode;

// JSON's strings are TOML's, but for DEL.
std::string toml_string(const std::string& text) {
    std::string out = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    for (std::size_t at = 0; (at = out.find('\x7f', at)) != std::string::npos;) out.replace(at, 1, "\\u007f");
    return out;
}

}  // namespace

std::string toml_value(const ConfigNode& node) {
    return std::visit(
        []<class T>(const T& value) -> std::string {
            if constexpr (std::is_same_v<T, ConfigNode::List>) {
                std::string out = "[";
                for (const ConfigNode& item : value) out += (out.size() > 1 ? ", " : "") + toml_value(item);
                return out + "]";
            } else if constexpr (std::is_same_v<T, ConfigNode::Table>) {
                std::string out = "{";
                for (const auto& [key, item] : value) {
                    out += (out.size() > 1 ? ", " : "") + toml_string(key) + " = " + toml_value(item);
                }
                return out + "}";
            } else if constexpr (std::is_same_v<T, std::string>) {
                return toml_string(value);
            } else if constexpr (std::is_same_v<T, ConfigNode::Null> || std::is_same_v<T, ConfigNode::Other>) {
                return "\"\"";  // no rule takes them: refused before
            } else {
                return nlohmann::json(value).dump();
            }
        },
        node.value);
}

Status read_tracker_rules(const app::ConfigFile& file, const app::ConfigTable& table, Scenario& scenario) {
    if (!table.has("rules")) return {};
    if (!scenario.tracker_program.empty()) return fail(table.error_at("rules", "are our own tracker's"));
    BT_TRY(tracker::read_rules(file, table));
    BT_TRY_ASSIGN(const auto rules, table.tables("rules"));
    for (const app::ConfigTable& rule : rules) {
        scenario.tracker_config += "\n[[rules]]\n";
        for (const std::string& key : rule.keys()) {
            ConfigNode value = *rule.node().find(key);
            if (auto* path = std::get_if<std::string>(&value.value); path != nullptr && key == "torrent") {
                *path = file.resolve_path(*path);
            }
            scenario.tracker_config += toml_string(key) + " = " + toml_value(value) + "\n";
        }
    }
    return {};
}

}  // namespace bt::lab
