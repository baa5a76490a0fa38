#include <algorithm>

#include "common/app/option_table.h"

namespace bt::app {
namespace {

// What is offered of a command: its own options and the built-in ones, none hidden.
std::vector<Option> offered(const Program& program, const Command& command) {
    std::vector<Option> options = command.options;
    std::ranges::move(builtin_options(program, command), std::back_inserter(options));
    std::erase_if(options, [](const Option& option) { return option.hidden; });
    return options;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

std::string function_name(const Program& program) { return "_" + replaced(program.name, "-", "_"); }

std::string all_names(const Option& option, std::string_view between) {
    std::string text = "--" + option.name;
    for (const std::string& alias : option.aliases) text += std::string(between) + "--" + alias;
    if (!option.short_name.empty()) text += std::string(between) + "-" + option.short_name;
    return text;
}

// bash: what stands behind an option, as the command that fills COMPREPLY.
std::string bash_argument(const Option& option) {
    switch (option.kind) {
        case ArgumentKind::Path:
        case ArgumentKind::Torrent:
            return "COMPREPLY=($(compgen -f -- \"$cur\"))";
        case ArgumentKind::Folder:
            return "COMPREPLY=($(compgen -d -- \"$cur\"))";
        case ArgumentKind::Words:
            return "COMPREPLY=($(compgen -W '" + joined(option.words) + "' -- \"$cur\"))";
        case ArgumentKind::Text:
            break;
    }
    return "COMPREPLY=()";
}

std::string bash_case(const Program& program, const Command& command, const std::string& label) {
    std::string words;
    std::string cases;
    for (const Option& option : offered(program, command)) {
        words += (words.empty() ? "" : " ") + all_names(option, " ");
        if (!option.is_flag()) {
            cases += "                " + all_names(option, "|") + ") " + bash_argument(option) + "; return ;;\n";
        }
    }
    std::string text = "        " + label + ")\n";
    if (!cases.empty()) text += "            case \"$prev\" in\n" + cases + "            esac\n";
    return text + "            options='" + words + "' ;;\n";
}

std::string bash(const Program& program) {
    std::string commands;
    std::string labels;
    for (const Command& command : program.commands) {
        const std::string other = dashed(command.name);
        commands += (commands.empty() ? "" : " ") + (other.empty() ? command.name : other);
        labels += (labels.empty() ? "" : "|") + command.name + (other.empty() ? "" : "|" + other);
    }
    const std::string function = function_name(program);
    std::string text =
        "# bash completion of " + program.name + "\n" + function + "() {\n" +
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command='' options='' i\n"
        "    local commands='" +
        commands + "'\n";
    if (!labels.empty()) {
        text += "    for ((i = 1; i < COMP_CWORD; i++)); do\n        case \"${COMP_WORDS[i]}\" in\n            " +
                labels + ") command=${COMP_WORDS[i]}; break ;;\n        esac\n    done\n";
    }
    text += "    case \"$command\" in\n" + bash_case(program, program.main, "''");
    for (const Command& command : program.commands) {
        const std::string other = dashed(command.name);
        text += bash_case(program, command, command.name + (other.empty() ? "" : "|" + other));
    }
    text +=
        "    esac\n    if [[ $cur == -* ]]; then\n        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
        "    else\n        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
        "        if [[ -z $command ]]; then COMPREPLY+=($(compgen -W \"$commands\" -- \"$cur\")); fi\n    fi\n}\n"
        "complete -o filenames -F " +
        function + " " + program.name + "\n";
    return text;
}

// Inside single quotes of zsh's _arguments: quotes, brackets and colons have a meaning there.
std::string zsh_text(std::string text) {
    text = replaced(std::move(text), "\\", "\\\\");
    for (const char* special : {"[", "]", ":"}) text = replaced(std::move(text), special, std::string("\\") + special);
    return replaced(std::move(text), "'", "'\\''");
}

std::string zsh_action(ArgumentKind kind, const std::vector<std::string>& words) {
    switch (kind) {
        case ArgumentKind::Path:
        case ArgumentKind::Torrent:
            return "_files";
        case ArgumentKind::Folder:
            return "_files -/";
        case ArgumentKind::Words:
            return "(" + joined(words) + ")";
        case ArgumentKind::Text:
            break;
    }
    return " ";
}

std::string zsh_arguments(const Program& program, const Command& command) {
    std::string text = "_arguments -S";
    for (const Option& option : offered(program, command)) {
        std::vector<std::string> names = {"--" + option.name};
        for (const std::string& alias : option.aliases) names.push_back("--" + alias);
        if (!option.short_name.empty()) names.push_back("-" + option.short_name);
        for (const std::string& name : names) {
            text += " \\\n            '";
            if (option.repeatable) text += "*";
            text += name + (!option.is_flag() && name.starts_with("--") ? "=" : "") + "[" + zsh_text(option.help) + "]";
            if (!option.is_flag()) {
                text += ":" + zsh_text(option.argument) + ":" + zsh_action(option.kind, option.words);
            }
            text += "'";
        }
    }
    for (const Positional& positional : command.positionals) {
        text += std::string(" \\\n            '") + (positional.repeatable ? "*" : "") + ":" +
                zsh_text(positional.name) + ":" + zsh_action(positional.kind, {}) + "'";
    }
    return text + "\n";
}

std::string zsh(const Program& program) {
    const std::string function = function_name(program);
    std::string text = "#compdef " + program.name + "\n\n" + function + "() {\n";
    if (!program.commands.empty()) {
        text += "    local -a commands\n    commands=(\n";
        for (const Command& command : program.commands) {
            const std::string other = dashed(command.name);
            text += "        '" + (other.empty() ? command.name : other) + ":" + zsh_text(command.summary) + "'\n";
        }
        text += "    )\n    local i\n    for ((i = 2; i < CURRENT; i++)); do\n        case $words[i] in\n";
        for (const Command& command : program.commands) {
            const std::string other = dashed(command.name);
            text += "        " + command.name + (other.empty() ? "" : "|" + other) +
                    ")\n            shift $((i - 1)) words\n            (( CURRENT -= i - 1 ))\n            " +
                    zsh_arguments(program, command) + "            return ;;\n";
        }
        text += "        esac\n    done\n    [[ $words[CURRENT] == -* ]] || _describe command commands\n";
    }
    text += "    " + zsh_arguments(program, program.main) + "}\n\n" + function + " \"$@\"\n";
    return text;
}

std::string fish_quoted(const std::string& text) {
    return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
}

std::string fish_line(const Program& program, const Option& option, const std::string& condition) {
    std::string text = "complete -c " + program.name;
    if (!condition.empty()) text += " -n " + fish_quoted(condition);
    if (!option.short_name.empty()) text += " -s " + option.short_name;
    text += " -l " + option.name;
    for (const std::string& alias : option.aliases) text += " -l " + alias;
    switch (option.kind) {
        case ArgumentKind::Path:
        case ArgumentKind::Torrent:
            text += " -r -F";
            break;
        case ArgumentKind::Folder:
            text += " -x -a '(__fish_complete_directories)'";
            break;
        case ArgumentKind::Words:
            text += " -x -a " + fish_quoted(joined(option.words));
            break;
        case ArgumentKind::Text:
            if (!option.is_flag()) text += " -x";
            break;
    }
    return text + " -d " + fish_quoted(option.help) + "\n";
}

std::string fish(const Program& program) {
    std::string text = "# fish completion of " + program.name + "\n";
    std::string names;
    for (const Command& command : program.commands) {
        names += " " + command.name;
        if (const std::string other = dashed(command.name); !other.empty()) names += " " + other;
    }
    const std::string none = names.empty() ? "" : "not __fish_seen_subcommand_from" + names;
    for (const Command& command : program.commands) {
        const std::string other = dashed(command.name);
        text += "complete -c " + program.name + " -n " + fish_quoted(none) + " -a " +
                (other.empty() ? command.name : other) + " -d " + fish_quoted(command.summary) + "\n";
    }
    for (const Option& option : offered(program, program.main)) text += fish_line(program, option, none);
    for (const Command& command : program.commands) {
        const std::string other = dashed(command.name);
        const std::string seen = "__fish_seen_subcommand_from " + command.name + (other.empty() ? "" : " " + other);
        for (const Option& option : offered(program, command)) text += fish_line(program, option, seen);
    }
    return text;
}

}  // namespace

std::string completion(const Program& program, Shell shell) {
    switch (shell) {
        case Shell::Bash:
            return bash(program);
        case Shell::Zsh:
            return zsh(program);
        case Shell::Fish:
            return fish(program);
    }
    return "";
}

}  // namespace bt::app
