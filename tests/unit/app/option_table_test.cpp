#include "common/app/option_table.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/app/option_setters.h"
#include "tests/support/catch.h"

namespace bt::app {
namespace {

struct Values {
    std::uint32_t peers = 50;
    std::string dir = ".";
    std::vector<std::string> files;
    bool fast = false;
    bool verify = true;
    std::optional<Duration> time;
    std::string made;
};

Program sample(Values& out) {
    Program program;
    program.name = "sample";
    program.examples = "  sample x\n";
    program.main.summary = "Does things.";
    program.main.positionals = {{"FILE", "What", add_text(out.files), ArgumentKind::Torrent, false, true}};
    program.main.options = {
        {"max-peers", "", "N", "At most so many", set_number<std::uint32_t>(out.peers, 1, 100), "50", "", "Peers"},
        {"dir", "d", "DIR", "Where to", set_text(out.dir), ".", "", "Files", ArgumentKind::Folder},
        {"file", "f", "FILE", "What", add_text(out.files), "", "x.torrent", "Files", ArgumentKind::Torrent},
        {"fast", "", "", "Quickly", set_flag(out.fast), "", "", "Speed"},
        {"no-verify", "", "", "Believe", set_flag(out.verify, false), "", "", "Speed"},
        {"time", "", "TIME", "How long", set_duration(out.time), "", "5m", "Speed"},
    };
    program.main.options[2].repeatable = true;
    Command make{"make_it", "Makes one", "", {{"PATH", "Of what", set_text(out.made), ArgumentKind::Path}}, {}};
    make.options = {{"time", "", "TIME", "How long", set_duration(out.time), "", "5m"}};
    program.commands = {make};
    program.exit_codes = "Exit codes:\n    0  done\n";
    return program;
}

// What the line comes to: the command, or what is printed, or the error.
std::string parsed(Values& out, const std::vector<std::string>& line) {
    const auto result = parse_arguments(sample(out), line);
    if (!result) return result.error().message();
    return result->output.empty() ? "[" + result->command + "]" : result->output;
}

std::string parsed(const std::vector<std::string>& line) {
    Values values;
    return parsed(values, line);
}

struct ConfigOnDisk {
    ConfigOnDisk(const std::string& ending, const std::string& text) {
        std::string folder = std::filesystem::temp_directory_path() / "swarm-options-XXXXXX";
        REQUIRE(mkdtemp(folder.data()) != nullptr);
        path = folder + "/c" + ending;
        std::ofstream(path) << text;
    }
    ~ConfigOnDisk() { std::filesystem::remove_all(std::filesystem::path(path).parent_path()); }
    [[nodiscard]] std::string folder() const { return std::filesystem::path(path).parent_path(); }
    std::string path;
};

TEST_CASE("options, flags and positionals reach their setters") {
    Values values;
    CHECK(parsed(values, {"a", "--max-peers", "7", "-d", "out", "b", "-f", "c", "--file=d", "--fast", "--no-verify",
                          "--time", "1h30m"}) == "[]");
    CHECK(values.peers == 7);
    CHECK(values.dir == "out");
    CHECK(values.files == std::vector<std::string>{"a", "b", "c", "d"});
    CHECK(values.fast);
    CHECK_FALSE(values.verify);
    CHECK(values.time == minutes(90));
}

TEST_CASE("an option that is given twice counts as last given") {
    Values values;
    CHECK(parsed(values, {"--max-peers", "7", "--max-peers", "8"}) == "[]");
    CHECK(values.peers == 8);
}

TEST_CASE("commands are spelled with underscore or dash and have options of their own") {
    for (const char* name : {"make_it", "make-it"}) {
        Values values;
        CHECK(parsed(values, {name, "--time", "5", "thing"}) == "[make_it]");
        CHECK(values.made == "thing");
        CHECK(values.time == seconds(5));
    }
    CHECK(parsed({"make_it", "make_it"}) == "[make_it]");
    CHECK(parsed({"--fast", "make_it", "x"}) == "--fast stands before make_it, which has options of its own");
    CHECK(parsed({"a", "make_it", "x"}) == "\"a\" stands before the command make_it");
}

TEST_CASE("bad input: a mistake on the command line is told with the option and the nearest that there is") {
    CHECK(parsed({"--max-peer", "7"}) == "unknown option --max-peer; did you mean --max-peers?");
    CHECK(parsed({"--zzzzzzzz"}) == "unknown option --zzzzzzzz");
    CHECK(parsed({"--max-peers", "0"}) == "--max-peers: \"0\" is no whole number from 1 to 100");
    CHECK(parsed({"--max-peers", "7x"}) == "--max-peers: \"7x\" is no whole number from 1 to 100");
    CHECK(parsed({"--time", "soon"}).starts_with("--time: \"soon\" is no duration"));
    CHECK(parsed({"make_it"}) == "PATH is required");
    CHECK(parsed({"make_it", "a", "b"}) == "\"b\" is one argument too many");
    CHECK(parsed({"make_it", "a", "--fast"}).starts_with("unknown option --fast"));
}

TEST_CASE("help has examples first, every option with its default, and the exit codes") {
    const std::string help = parsed({"--help"});
    CHECK(help.starts_with("Examples:\n  sample x\n"));
    for (const char* text :
         {"--max-peers N", "(default: 50)", "-d,--dir DIR", "--no-verify", "make_it", "Exit codes:"}) {
        CHECK(help.find(text) != std::string::npos);
    }
    CHECK(help.find("--generate") == std::string::npos);
    CHECK(parsed({"make-it", "--help"}).find("--time") != std::string::npos);
    CHECK(parsed({"--version"}).starts_with("sample "));
}

TEST_CASE("a configuration file says what the command line does not, in TOML and in JSON") {
    const ConfigOnDisk toml(".toml",
                            "max-peers = 9\nfile = ['a', 'magnet:?xt=urn:btih:x']\nno-verify = true\n"
                            "time = '5m'\ndir = 'there'\n[commands.make_it]\ntime = 3\n");
    const ConfigOnDisk json(".json",
                            "{\"max-peers\": 9, \"file\": [\"a\", \"magnet:?xt=urn:btih:x\"], \"no-verify\": true,"
                            " \"time\": \"5m\", \"dir\": \"there\", \"commands\": {\"make-it\": {\"time\": 3}}}");
    for (const ConfigOnDisk* file : {&toml, &json}) {
        Values values;
        CHECK(parsed(values, {"--config", file->path, "--max-peers", "10"}) == "[]");
        CHECK(values.peers == 10);  // the command line rules
        CHECK(values.files == std::vector<std::string>{file->folder() + "/a", "magnet:?xt=urn:btih:x"});
        CHECK(values.dir == file->folder() + "/there");
        CHECK_FALSE(values.verify);
        CHECK(values.time == minutes(5));
        Values made;
        CHECK(parsed(made, {"make_it", "--config", file->path, "x"}) == "[make_it]");
        CHECK(made.time == seconds(3));
        CHECK(made.peers == 50);
    }
}

TEST_CASE("bad input: a configuration file is refused with file, line and nearest key") {
    const auto told = [](const std::string& text) {
        const ConfigOnDisk file(".toml", text);
        std::string line = parsed({"--config", file.path});
        return line.starts_with(file.path) ? line.substr(file.path.size()) : line;
    };
    CHECK(told("fast = true\nmax-peer = 1\n") == ":2: unknown key max-peer; did you mean max-peers?");
    CHECK(told("[commands.make_it]\ntimes = 1\n") == ":2: unknown key commands.make_it.times; did you mean time?");
    CHECK(told("[commands.made_it]\n").find("did you mean make_it?") != std::string::npos);
    CHECK(told("\nmax-peers = 101\n") == ":2: max-peers: \"101\" is no whole number from 1 to 100");
    CHECK(told("fast = 1\n").find(":1: fast: must be a boolean") == 0);
    CHECK(told("dir = ['a']\n") == ":1: dir: must be a text or a number, found list");
    CHECK(told("config = 'x'\n").find("unknown key config") != std::string::npos);
    CHECK(parsed({"--config", "/nowhere.toml"}).find("No such file") != std::string::npos);
    CHECK(parsed({"--config", "/nowhere.ini"}).find("must end in .toml or .json") != std::string::npos);
}

TEST_CASE("the printed configuration has every key, and is good when every '#' before a key is taken away") {
    std::string text = parsed({"--print-config"});
    std::string lines;
    std::size_t keys = 0;
    for (std::size_t from = 0; from < text.size();) {
        const std::size_t end = text.find('\n', from);
        std::string line = text.substr(from, end - from);
        if (line.starts_with('#') && line.find(" = ") != std::string::npos && line[1] != ' ' && line[1] != '#') {
            line.erase(0, 1);
            ++keys;
        }
        lines += line + "\n";
        from = end + 1;
    }
    CHECK(keys == 7);
    const ConfigOnDisk file(".toml", lines);
    Values values;
    CHECK(parsed(values, {"--config", file.path}) == "[]");
    CHECK(values.peers == 50);
    CHECK(values.time == minutes(5));
    CHECK_FALSE(values.fast);
}

TEST_CASE("completions and man page know every option, command and spelling") {
    Values values;
    const Program program = sample(values);
    for (const std::string& text : {completion(program, Shell::Bash), completion(program, Shell::Zsh),
                                    completion(program, Shell::Fish), man_page(program)}) {
        for (const char* name : {"max.peers", "no.verify", "print.config", "make_it"}) {
            std::string dashes = name;
            std::replace(dashes.begin(), dashes.end(), '.', '-');
            std::string roff = name;
            for (std::size_t at = roff.find('.'); at != std::string::npos; at = roff.find('.', at)) {
                roff.replace(at, 1, "\\-");
            }
            CHECK((text.find(dashes) != std::string::npos || text.find(roff) != std::string::npos));
        }
        CHECK(text.find("generate") == std::string::npos);
    }
    CHECK(parsed({"--generate", "bash"}) == completion(program, Shell::Bash));
    CHECK(all_options(program).size() == 13);
}

}  // namespace
}  // namespace bt::app
