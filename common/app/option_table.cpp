#include "common/app/option_table.h"

#include <algorithm>

namespace bt::app {
namespace {

Option question(const char* name, const char* short_name, const char* help) {
    Option option;
    option.name = name;
    option.short_name = short_name;
    option.help = help;
    option.group = "General";
    option.in_config = false;
    return option;
}

}  // namespace

std::string dashed(const std::string& command) {
    if (command.find('_') == std::string::npos) return "";
    std::string text = command;
    std::ranges::replace(text, '_', '-');
    return text;
}

std::vector<Option> builtin_options(const Program& program, const Command& command) {
    std::vector<Option> options = {question("help", "h", "Print this and end")};
    const bool in_file = std::ranges::any_of(command.options, [](const Option& option) { return option.in_config; });
    if (program.reads_config && in_file) {
        Option config = question("config", "", "Read options from here; .toml or .json");
        config.argument = "FILE";
        config.kind = ArgumentKind::Path;
        options.push_back(std::move(config));
    }
    if (!command.name.empty()) return options;
    if (program.reads_config) {
        options.push_back(
            question("print-config", "", "Print a configuration with every key and its default, and end"));
    }
    options.push_back(question("version", "", "Print the version and end"));
    Option generate = question("generate", "", "Print a completion, the man page or all options, and end");
    generate.argument = "WHAT";
    generate.kind = ArgumentKind::Words;
    generate.words = {"bash", "zsh", "fish", "man", "options"};
    generate.hidden = true;
    options.push_back(std::move(generate));
    return options;
}

std::vector<std::string> all_options(const Program& program) {
    std::vector<std::string> lines;
    const auto add = [&](const Command& command) {
        const std::string front = program.name + (command.name.empty() ? "" : " " + command.name);
        for (const Option& option : command.options) lines.push_back(front + " --" + option.name);
        for (const Option& option : builtin_options(program, command)) {
            if (!option.hidden) lines.push_back(front + " --" + option.name);
        }
    };
    add(program.main);
    for (const Command& command : program.commands) add(command);
    return lines;
}

}  // namespace bt::app
