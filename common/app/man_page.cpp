#include <algorithm>
#include <cctype>

#include "common/app/cli.h"
#include "common/app/option_table.h"

namespace bt::app {
namespace {

// roff reads a backslash, a '-' and a '.' or '\'' at the start of a line in its own way.
std::string escaped(std::string_view text) {
    std::string out;
    bool line_start = true;
    for (const char c : text) {
        if (line_start && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else {
            out += c;
        }
        line_start = c == '\n';
    }
    return out;
}

std::string bold(std::string_view text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + escaped(text) + "\\fR"; }

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

std::string option_entry(const Option& option) {
    std::string names = option.short_name.empty() ? "" : bold("-" + option.short_name) + ", ";
    names += bold("--" + option.name);
    for (const std::string& alias : option.aliases) names += ", " + bold("--" + alias);
    if (!option.is_flag()) names += " " + italic(option.argument);
    std::string text = ".TP\n" + names + "\n" + escaped(option.help) + ".\n";
    if (!option.is_flag() && !option.default_value.empty()) {
        text += "Default: " + escaped(option.default_value) + ".\n";
    }
    if (option.repeatable) text += "May be given more than once.\n";
    return text;
}

std::string option_entries(const Program& program, const Command& command, bool with_groups) {
    std::vector<Option> options = command.options;
    if (with_groups) std::ranges::move(builtin_options(program, command), std::back_inserter(options));
    std::string text;
    std::string group;
    for (const Option& option : options) {
        if (option.hidden) continue;
        if (with_groups && option.group != group) {
            group = option.group;
            text += ".SS " + escaped(group.empty() ? "Options" : group) + "\n";
        }
        text += option_entry(option);
    }
    return text;
}

std::string usage(const Program& program, const Command& command) {
    std::string text = bold(program.name);
    if (!command.name.empty()) text += " " + bold(command.name);
    if (!command.options.empty()) text += " [" + italic("OPTIONS") + "]";
    for (const Positional& positional : command.positionals) {
        std::string name = italic(positional.name) + (positional.repeatable ? " ..." : "");
        text += positional.required ? " " + name : " [" + name + "]";
    }
    return text;
}

std::string as_is(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    return ".nf\n" + escaped(text) + "\n.fi\n";
}

std::string paragraphs(const std::string& text) {
    std::string out;
    std::size_t from = 0;
    while (from < text.size()) {
        std::size_t end = text.find("\n\n", from);
        if (end == std::string::npos) end = text.size();
        if (from > 0) out += ".PP\n";
        out += escaped(text.substr(from, end - from)) + "\n";
        from = end + 2;
    }
    return out;
}

}  // namespace

std::string man_page(const Program& program) {
    std::string text = ".TH " + upper(program.name) + " 1 \"\" \"Swarmlab " + program_version() + "\"\n";
    std::string summary = program.main.summary;
    if (summary.ends_with('.')) summary.pop_back();
    text += ".SH NAME\n" + escaped(program.name) + " \\- " + escaped(summary) + "\n.SH SYNOPSIS\n";
    if (!program.command_required) text += usage(program, program.main) + "\n";
    for (const Command& command : program.commands) {
        if (!text.ends_with("SYNOPSIS\n")) text += ".br\n";
        text += usage(program, command) + "\n";
    }
    text += ".SH DESCRIPTION\n" + escaped(program.main.summary) + "\n";
    if (!program.main.description.empty()) text += ".PP\n" + paragraphs(program.main.description);
    text += ".SH OPTIONS\n" + option_entries(program, program.main, true);
    if (!program.commands.empty()) {
        text += ".SH COMMANDS\nThe names of commands are spelled with _ or \\-.\n";
        for (const Command& command : program.commands) {
            text += ".SS " + usage(program, command) + "\n" + escaped(command.summary) + ".\n";
            if (!command.description.empty()) text += ".PP\n" + paragraphs(command.description);
            for (const Positional& positional : command.positionals) {
                text += ".TP\n" + italic(positional.name) + "\n" + escaped(positional.help) + ".\n";
            }
            text += option_entries(program, command, false);
        }
    }
    if (!program.notes.empty()) text += ".SH NOTES\n" + paragraphs(program.notes);
    std::string_view codes = program.exit_codes;
    if (const std::size_t line = codes.find('\n'); codes.starts_with("Exit codes") && line != std::string_view::npos) {
        codes.remove_prefix(line + 1);
    }
    text += ".SH EXIT STATUS\n" + as_is(codes);
    text += ".SH EXAMPLES\n" + as_is(program.examples);
    return text;
}

}  // namespace bt::app
