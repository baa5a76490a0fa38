#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>

#include "common/app/cli.h"
#include "common/app/config_tree.h"
#include "common/app/option_table.h"

namespace bt::app {
namespace {

struct Bound {
    const Option* option;
    CLI::Option* cli;
};

// One CLI::App with its options; texts are taken out after the parse and go through the setters then.
struct Level {
    const Command* command = nullptr;
    CLI::App* app = nullptr;
    std::vector<Option> builtin{};
    std::vector<Bound> options{};
    std::vector<std::pair<const Positional*, CLI::Option*>> positionals{};
};

bool keep(const CLI::results_t&) { return true; }

std::string spelling(const Option& option) {
    std::string text = option.short_name.empty() ? "" : "-" + option.short_name + ",";
    text += "--" + option.name;
    for (const std::string& alias : option.aliases) text += ",--" + alias;
    return text;
}

std::string help_of(const Option& option) {
    if (option.default_value.empty() || option.is_flag()) return option.help;
    return option.help + " (default: " + option.default_value + ")";
}

void bind_option(Level& level, const Option& option) {
    CLI::Option* cli = nullptr;
    if (option.is_flag()) {
        cli = level.app->add_flag_callback(
            spelling(option), [] {}, help_of(option));
    } else {
        cli = level.app->add_option(spelling(option), CLI::callback_t(keep), help_of(option));
        cli->type_name(option.argument)->expected(1);
        cli->multi_option_policy(option.repeatable ? CLI::MultiOptionPolicy::TakeAll
                                                   : CLI::MultiOptionPolicy::TakeLast);
    }
    cli->group(option.hidden ? "" : option.group.empty() ? "Options" : option.group);
    level.options.push_back({&option, cli});
}

void bind_level(Level& level, const Program& program) {
    for (const Positional& positional : level.command->positionals) {
        CLI::Option* cli = level.app->add_option(positional.name, CLI::callback_t(keep), positional.help);
        cli->type_name("");
        if (positional.required) cli->required();
        if (positional.repeatable) cli->expected(-1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        level.positionals.emplace_back(&positional, cli);
    }
    for (const Option& option : level.command->options) bind_option(level, option);
    level.builtin = builtin_options(program, *level.command);
    level.app->set_help_flag();  // ours stands in the table
    for (const Option& option : level.builtin) bind_option(level, option);
}

bool has(const Level& level, std::string_view name) {
    return std::ranges::any_of(level.options,
                               [&](const Bound& b) { return b.option->name == name && b.cli->count() > 0; });
}

std::string text_of(const Level& level, std::string_view name) {
    for (const Bound& b : level.options) {
        if (b.option->name == name && b.cli->count() > 0) return b.cli->results().back();
    }
    return "";
}

std::unexpected<Error> mistake(std::string what) {
    return fail(local_error(ErrorCode::InvalidArgument, std::move(what)));
}

// CLI11's words where they serve; unknown options are told with the nearest that there is.
Error told(const CLI::ParseError& error, const Level& level, const CLI::App& app) {
    const auto* extras = dynamic_cast<const CLI::ExtrasError*>(&error);
    if (extras == nullptr) return local_error(ErrorCode::InvalidArgument, error.what());
    std::vector<std::string> names;
    for (const Bound& b : level.options) names.push_back("--" + b.option->name);
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::vector<std::string> left = app.remaining(true);
    const std::string first = left.empty() ? "" : left.front();
    std::string what =
        first.starts_with('-') ? "unknown option " + first : "\"" + first + "\" is one argument too many";
    if (first.starts_with("--")) {
        if (const auto near = nearest_word(first.substr(0, first.find('=')), views)) {
            what += "; did you mean " + std::string(*near) + "?";
        }
    }
    return local_error(ErrorCode::InvalidArgument, what);
}

std::string first_lines(const Program& program, const Command& command) {
    if (command.name.empty()) return "Examples:\n" + program.examples + "\n" + command.summary;
    return command.description.empty() ? command.summary : command.summary + "\n" + command.description;
}

Result<std::string> generated(const Program& program, const std::string& what) {
    if (what == "bash") return completion(program, Shell::Bash);
    if (what == "zsh") return completion(program, Shell::Zsh);
    if (what == "fish") return completion(program, Shell::Fish);
    if (what == "man") return man_page(program);
    if (what == "options") {
        std::string lines;
        for (const std::string& option : all_options(program)) lines += option + "\n";
        return lines;
    }
    return mistake("--generate: bash, zsh, fish, man or options");
}

// What the command line says through the setters; the configuration file first.
Status apply(const Program& program, const Level& level) {
    if (const std::string path = text_of(level, "config"); !path.empty()) {
        std::vector<std::string> given;
        for (const Bound& b : level.options) {
            if (b.cli->count() > 0) given.push_back(b.option->name);
        }
        BT_TRY(apply_config(program, level.command->name, path, given));
    }
    for (const auto& [positional, cli] : level.positionals) {
        for (const std::string& text : cli->results()) {
            if (auto status = positional->set(text); !status) {
                return mistake(positional->name + ": " + status.error().message());
            }
        }
    }
    for (const Bound& b : level.options) {
        if (b.cli->count() == 0 || !b.option->set) continue;
        const auto& texts = b.cli->results();
        for (std::size_t i = b.option->repeatable ? 0 : texts.size() - 1; i < texts.size(); ++i) {
            if (auto status = b.option->set(texts[i]); !status) {
                return mistake("--" + b.option->name + ": " + status.error().message());
            }
        }
    }
    return {};
}

}  // namespace

Result<ParsedLine> parse_arguments(const Program& program, const std::vector<std::string>& arguments) {
    CLI::App app("", program.name);
    app.require_subcommand(program.command_required ? 1 : 0, 1);
    std::vector<Level> levels(1 + program.commands.size());
    levels[0].command = &program.main;
    levels[0].app = &app;
    for (std::size_t i = 0; i < program.commands.size(); ++i) {
        const Command& command = program.commands[i];
        levels[i + 1].command = &command;
        levels[i + 1].app = app.add_subcommand(command.name, command.summary);
        if (const std::string other = dashed(command.name); !other.empty()) levels[i + 1].app->alias(other);
    }
    for (Level& level : levels) bind_level(level, program);
    Level* chosen = &levels[0];
    std::optional<Error> wrong;
    try {
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::ParseError& error) {
        for (Level& level : levels) {
            if (&level != chosen && level.app->parsed()) chosen = &level;
        }
        wrong = told(error, *chosen, app);
    }
    for (Level& level : levels) {
        if (level.app != &app && level.app->parsed()) chosen = &level;
    }
    // Questions about the program are answered also where something required is missing.
    if (has(*chosen, "help") || has(levels[0], "help")) {
        chosen->app->description(first_lines(program, *chosen->command));
        chosen->app->footer("\n" + program.exit_codes);
        return ParsedLine{chosen->command->name, chosen->app->help()};
    }
    if (has(levels[0], "version")) return ParsedLine{"", program.name + " " + program_version() + "\n"};
    if (program.reads_config && has(levels[0], "print-config")) return ParsedLine{"", default_config(program)};
    if (has(levels[0], "generate")) {
        BT_TRY_ASSIGN(std::string text, generated(program, text_of(levels[0], "generate")));
        return ParsedLine{"", std::move(text)};
    }
    if (wrong) return fail(*wrong);
    if (chosen != &levels[0]) {
        for (const Bound& b : levels[0].options) {
            if (b.cli->count() > 0) {
                return mistake("--" + b.option->name + " stands before " + chosen->command->name +
                               ", which has options of its own");
            }
        }
        for (const auto& [positional, cli] : levels[0].positionals) {
            if (cli->count() > 0) {
                return mistake("\"" + cli->results().front() + "\" stands before the command " + chosen->command->name);
            }
        }
    }
    BT_TRY(apply(program, *chosen));
    return ParsedLine{chosen->command->name, ""};
}

std::variant<std::string, ExitCode> parse_command_line(const Program& program, int argc, char** argv) {
    const auto parsed = parse_arguments(program, std::vector<std::string>(argv + 1, argv + argc));
    if (!parsed) {
        std::string line = parsed.error().message();
        if (parsed.error().code == ErrorCode::InvalidArgument) line += " (see " + program.name + " --help)";
        std::fprintf(stderr, "%s\n", format_log_line(program.name, Severity::Error, line).c_str());
        return parsed.error().code == ErrorCode::InvalidArgument ? ExitCode::BadArguments : ExitCode::BadConfig;
    }
    if (!parsed->output.empty()) {
        std::fputs(parsed->output.c_str(), stdout);
        return ExitCode::Ok;
    }
    return parsed->command;
}

}  // namespace bt::app
