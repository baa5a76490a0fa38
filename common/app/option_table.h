#pragma once

// The command line of a program as one table, and everything that is made of it: parsing (CLI11), --help, --config and
// --print-config, completions for bash, zsh and fish, the man page. What stands in the table once cannot differ between
// them.
//
// Rules
//  - A setter is handed text and answers InvalidArgument with what is wrong; the option's name is put in front. For a
//    flag the text is "true", or "false" where a configuration file says so.
//  - The command line rules: an option that is given there is not read from the file at all. Otherwise the file's
//  setters
//    run first, then those of the command line in the order of the table.
//  - The key in a configuration file is the long name without dashes. Commands have a table of their own there
//  ([create]). Keys
//    that are unknown are refused with file, line and the nearest known one, in every table, also those of other
//    commands.
//  - Options that are paths: in a configuration file they are relative to that file.
//  - Commands are spelled with '_' or '-'. Options of the program itself are not for its commands.
//  - Every program has --help, --version, and where it reads configuration --config and --print-config. The hidden
//    --generate bash|zsh|fish|man|options prints what is installed beside the program.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/app/exit_code.h"
#include "common/base/result.h"

namespace bt::app {

using Setter = std::function<Status(const std::string& text)>;

enum class ArgumentKind : std::uint8_t { Text, Path, Folder, Words, Torrent };  // Torrent: a path, magnet or info_hash

struct Option {
    std::string name{};        // long, without dashes
    std::string short_name{};  // a letter, or empty
    std::string argument{};    // "FILE"; empty: a flag
    std::string help{};
    Setter set{};
    std::string default_value{};  // as one would write it; empty: none
    std::string example{};        // a good value for an option without default
    std::string group{};
    ArgumentKind kind = ArgumentKind::Text;
    std::vector<std::string> words{};    // of kind Words
    std::vector<std::string> aliases{};  // further long names
    bool repeatable = false;
    bool in_config = true;
    bool hidden = false;

    [[nodiscard]] bool is_flag() const { return argument.empty(); }
};

struct Positional {
    std::string name{};  // "FILE"
    std::string help{};
    Setter set{};
    ArgumentKind kind = ArgumentKind::Text;
    bool required = true;
    bool repeatable = false;
};

struct Command {
    std::string name{};         // "download_piece"; empty for the program itself
    std::string summary{};      // one line
    std::string description{};  // for the man page and the command's own --help, below the summary; may be empty
    std::vector<Positional> positionals{};
    std::vector<Option> options{};
};

struct Program {
    std::string name{};      // "swarm-client"
    std::string examples{};  // lines, each indented by two blanks
    Command main;
    std::vector<Command> commands{};
    std::string exit_codes{};  // "Exit codes:\n" and lines
    std::string notes{};       // for the man page: paragraphs between empty lines
    bool reads_config = true;
    bool command_required = false;
};

// The command that was chosen (empty: the program itself) when every setter has run; or the code to end with at once:
// something was printed on standard output as asked, or a mistake was told in one line on standard error.
[[nodiscard]] std::variant<std::string, ExitCode> parse_command_line(const Program& program, int argc, char** argv);

// The same as values, for tests: the error's code is InvalidArgument (command line) or InvalidConfig (file).
struct ParsedLine {
    std::string command;
    std::string output;  // for standard output; then nothing else is to be done
};
[[nodiscard]] Result<ParsedLine> parse_arguments(const Program& program, const std::vector<std::string>& arguments);

// Every option of every command, with those that all programs have; "swarm-client create --comment" each.
[[nodiscard]] std::vector<std::string> all_options(const Program& program);

// A configuration with every key, its default and its help; every key is behind a '#'.
[[nodiscard]] std::string default_config(const Program& program);
// Applies the file to command `name`, passing over options in `given`. Error: InvalidConfig, or the system's.
[[nodiscard]] Status apply_config(const Program& program, const std::string& name, const std::string& path,
                                  const std::vector<std::string>& given);

enum class Shell : std::uint8_t { Bash, Zsh, Fish };
[[nodiscard]] std::string completion(const Program& program, Shell shell);
[[nodiscard]] std::string man_page(const Program& program);

// --help, --version, --config, --print-config, as far as the command has them.
[[nodiscard]] std::vector<Option> builtin_options(const Program& program, const Command& command);
// The other spelling of a command's name, or nothing.
[[nodiscard]] std::string dashed(const std::string& command);

}  // namespace bt::app
