#pragma once

// Another program as a node, as an adapter file describes it (lab/adapters/*.toml; docs/formats.md lists every key):
// how it is started and stopped, which files it wants to find, how one sees that it is ready and complete.
//
// Texts hold {words} that are replaced when a node is planned or started; an unknown word is refused when the file is
// read. Known at planning: name address port port2 folder outdir source torrent announce adapters drivers up down
// up_kib down_kib limited npm; once the torrent is made: magnet info_hash.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "lab/node_kind.h"

namespace bt::lab {

inline constexpr std::string_view kAdapterWords[] = {
    "name",    "address", "port", "port2",  "folder",   "outdir",  "source", "torrent", "announce", "adapters",
    "drivers", "up",      "down", "up_kib", "down_kib", "limited", "npm",    "magnet",  "info_hash"};

// std::regex recurses once a character, of patterns and of lines.
inline constexpr std::size_t kMaxAdapterRegex = 500;
inline constexpr std::size_t kMaxMatchedLine = 2000;  // of a line of output; the rest is not looked at

using Words = std::map<std::string, std::string, std::less<>>;

// Where modules from npm are: $SWARMLAB_NPM, else `npm` beside the adapters.
[[nodiscard]] std::string npm_folder(const std::filesystem::path& adapters);

// {word} replaced where the word is known; everything else stays.
[[nodiscard]] std::string expand(std::string_view text, const Words& words);

struct AdapterRole {
    std::vector<std::string> argv;
    std::vector<std::string> after_ready;  // a command that is run once
};

struct Adapter {
    std::string name;              // of the file
    std::filesystem::path folder;  // that it lies in
    std::string package;           // Debian's
    std::string trap;              // what a user must know, for people
    std::map<NodeKind, AdapterRole> roles;
    std::vector<std::string> needs;                           // programs, looked up in PATH, and files
    std::vector<std::pair<std::string, std::string>> files;   // path below {folder} -> text
    std::vector<std::pair<std::string, std::string>> copies;  // path below {folder} -> from
    std::vector<std::pair<std::string, std::string>> environment;
    bool unprivileged = false;      // refuses to be root: runs as nobody there
    bool dials = true;              // connects to the 127.x peers that a tracker names
    bool limits = false;            // keeps {up} and {down} on loopback too
    bool empty_files = true;        // creates files of no bytes
    bool events = false;            // writes our events to descriptor 3 by itself
    bool needs_torrent = false;     // a tracker that is started when the torrent is there
    std::string announce;           // a tracker's URL
    std::string ready_line;         // regular expression on its output; empty: {address}:{port} listens
    std::string complete_line;      // regular expression; empty: the files on disk are looked at
    std::vector<std::string> poll;  // a command whose output's last line is {"progress":0.5,"uploaded":…}
    int stop_signal = 15;
    std::vector<int> exit_codes = {0};  // when it is stopped; -N: ended by signal N

    [[nodiscard]] bool has(NodeKind kind) const { return roles.contains(kind); }
};

// Errors: InvalidConfig, "FILE:LINE: what".
[[nodiscard]] Result<Adapter> load_adapter(const std::filesystem::path& path);
[[nodiscard]] Result<Adapter> parse_adapter(std::string_view text, const std::filesystem::path& path);

// Everything that it needs is on this machine. Error: NotFound (System), names what is missing and the package.
[[nodiscard]] Status check_installed(const Adapter& adapter, NodeKind kind, const Words& words);

}  // namespace bt::lab
