#include <algorithm>
#include <cctype>
#include <filesystem>

#include "common/app/config_tree.h"
#include "common/app/option_table.h"

namespace bt::app {
namespace {

constexpr const char* kCommands = "commands";

bool is_bare_hash(std::string_view text) {
    return (text.size() == 40 || text.size() == 32) &&
           std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0; });
}

// The text as if it stood on a command line that was typed in the file's folder.
std::string placed(const Option& option, const ConfigFile& file, const std::string& text) {
    const bool is_path = option.kind == ArgumentKind::Path || option.kind == ArgumentKind::Folder ||
                         (option.kind == ArgumentKind::Torrent && !text.starts_with("magnet:") && !is_bare_hash(text));
    return is_path && !text.empty() ? file.resolve_path(text) : text;
}

std::string shortest(double value) {
    std::string text = std::to_string(value);
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
    return text;
}

Result<std::string> scalar(const ConfigTable& table, const Option& option, const ConfigNode& node) {
    if (const auto* text = std::get_if<std::string>(&node.value)) return *text;
    if (const auto* number = std::get_if<std::int64_t>(&node.value)) return std::to_string(*number);
    if (const auto* number = std::get_if<double>(&node.value)) return shortest(*number);
    return fail(table.error_at(option.name, "must be a text or a number, found " + std::string(node.type_name())));
}

Status apply_option(const ConfigFile& file, const ConfigTable& table, const Option& option) {
    const ConfigNode* node = table.node().find(option.name);
    if (node == nullptr) return {};
    std::vector<std::string> texts;
    if (option.is_flag()) {
        BT_TRY_ASSIGN(const auto value, table.boolean(option.name));
        texts.push_back(*value ? "true" : "false");
    } else if (const auto* list = std::get_if<ConfigNode::List>(&node->value); list != nullptr && option.repeatable) {
        for (const ConfigNode& element : *list) {
            BT_TRY_ASSIGN(std::string text, scalar(table, option, element));
            texts.push_back(std::move(text));
        }
    } else {
        BT_TRY_ASSIGN(std::string text, scalar(table, option, *node));
        texts.push_back(std::move(text));
    }
    for (const std::string& text : texts) {
        if (auto status = option.set(placed(option, file, text)); !status) {
            return fail(table.error_at(option.name, status.error().message()));
        }
    }
    return {};
}

std::vector<std::string_view> keys_of(const Command& command) {
    std::vector<std::string_view> keys;
    for (const Option& option : command.options) {
        if (option.in_config) keys.push_back(option.name);
    }
    return keys;
}

const Command* find_command(const Program& program, std::string_view name) {
    for (const Command& command : program.commands) {
        if (command.name == name || dashed(command.name) == name) return &command;
    }
    return nullptr;
}

// 12, 0.5, true stand as they are; everything else is a string.
std::string as_toml(const Option& option, const std::string& text) {
    if (option.is_flag()) return "false";
    const bool number = !text.empty() && text.find_first_not_of("-0123456789.") == std::string::npos &&
                        std::isdigit(static_cast<unsigned char>(text.back())) != 0 &&
                        std::ranges::count(text, '.') <= 1;
    std::string value = number ? text : "'" + text + "'";
    return option.repeatable ? "[" + value + "]" : value;
}

void print_table(std::string& out, const Command& command) {
    std::string group;
    for (const Option& option : command.options) {
        if (!option.in_config) continue;
        if (option.group != group) {
            group = option.group;
            out += "\n## " + group + "\n";
        }
        out += "\n# " + option.help + "\n#" + option.name + " = " +
               as_toml(option, option.default_value.empty() ? option.example : option.default_value) + "\n";
    }
}

// Every table is looked at for keys that nobody knows; only that of `name` is applied.
template <class Wanted>
Status apply_command_tables(const Program& program, const std::string& name, const ConfigFile& file,
                            const ConfigTable& commands, Wanted wanted) {
    std::vector<std::string> names;
    for (const Command& command : program.commands) {
        names.push_back(command.name);
        if (const std::string other = dashed(command.name); !other.empty()) names.push_back(other);
    }
    BT_TRY(commands.allow_only(std::vector<std::string_view>(names.begin(), names.end())));
    for (const std::string& key : commands.keys()) {
        const Command& command = *find_command(program, key);
        BT_TRY_ASSIGN(const auto table, commands.table(key));
        BT_TRY(table->allow_only(keys_of(command)));
        if (command.name != name) continue;
        for (const Option& option : command.options) {
            if (wanted(option)) BT_TRY(apply_option(file, *table, option));
        }
    }
    return {};
}

}  // namespace

Status apply_config(const Program& program, const std::string& name, const std::string& path,
                    const std::vector<std::string>& given) {
    BT_TRY_ASSIGN(const ConfigFile file, ConfigFile::load(path));
    const ConfigTable root = file.root();
    std::vector<std::string_view> known = keys_of(program.main);
    if (!program.commands.empty()) known.push_back(kCommands);
    BT_TRY(root.allow_only(known));

    const auto wanted = [&](const Option& option) {
        return option.in_config && std::ranges::find(given, option.name) == given.end();
    };
    if (name.empty()) {
        for (const Option& option : program.main.options) {
            if (wanted(option)) BT_TRY(apply_option(file, root, option));
        }
    }
    BT_TRY_ASSIGN(const auto commands, root.table(kCommands));
    return commands ? apply_command_tables(program, name, file, *commands, wanted) : Status();
}

std::string default_config(const Program& program) {
    std::string out =
        "# " + program.name + " --config FILE.toml: every key, with its default (or, where there is none, an " +
        "example).\n# Take the '#' away in front of what you want to say. The command line rules over this.\n";
    print_table(out, program.main);
    for (const Command& command : program.commands) {
        if (keys_of(command).empty()) continue;
        out += "\n\n# " + command.summary + "\n[" + kCommands + "." + command.name + "]\n";
        print_table(out, command);
    }
    return out;
}

}  // namespace bt::app
