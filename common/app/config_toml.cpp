#include <toml++/toml.h>

#include "common/app/config_parse.h"
#include "common/app/toml_outside.h"

namespace bt::app {
namespace {

std::uint32_t line_of(const toml::source_region& region) { return region.begin.line == 0 ? 1 : region.begin.line; }

Result<ConfigNode> convert(const toml::node& from, const std::string& file_name, std::size_t depth) {
    ConfigNode to;
    to.line = to.key_line = line_of(from.source());
    if (depth > kMaxConfigDepth) return fail(config_error(file_name, to.line, "nested too deeply"));
    if (const auto* b = from.as_boolean()) {
        to.value = b->get();
    } else if (const auto* i = from.as_integer()) {
        to.value = i->get();
    } else if (const auto* f = from.as_floating_point()) {
        to.value = f->get();
    } else if (const auto* s = from.as_string()) {
        to.value = s->get();
    } else if (const auto* list = from.as_array()) {
        ConfigNode::List out;
        for (const toml::node& element : *list) {
            BT_TRY_ASSIGN(ConfigNode child, convert(element, file_name, depth + 1));
            out.push_back(std::move(child));
        }
        to.value = std::move(out);
    } else if (const auto* table = from.as_table()) {
        ConfigNode::Table out;
        for (const auto& [key, value] : *table) {
            BT_TRY_ASSIGN(ConfigNode child, convert(value, file_name, depth + 1));
            child.key_line = line_of(key.source());
            out.emplace_back(std::string(key.str()), std::move(child));
        }
        to.value = std::move(out);
    } else {
        to.value = ConfigNode::Other{"date or time"};
    }
    return to;
}

}  // namespace

Result<ConfigNode> parse_toml(std::string_view text, const std::string& file_name) {
    if (const auto line = line_of_bare_non_ascii(text)) {
        return fail(config_error(file_name, *line, "a letter outside ASCII belongs in quotes"));
    }
    try {
        const toml::table root = toml::parse(text);
        return convert(root, file_name, 0);
    } catch (const toml::parse_error& error) {
        return fail(config_error(file_name, line_of(error.source()), error.description()));
    }
}

}  // namespace bt::app
