#pragma once

// `swarm-lab peer`: one scripted peer as a program of its own, with the events and exit codes of the others.

#include <optional>
#include <string>

#include "common/app/cli.h"
#include "lab/personas/persona.h"

namespace bt::lab {

struct PeerArguments {
    app::CommonOptions common;
    persona::Options options;
    std::string torrent;
    std::string source;
    std::string script;
    std::string peers_file;
    bool no_dial = false;
    Duration interval_floor = seconds(1);
    std::optional<std::uint64_t> rng_seed;
};

[[nodiscard]] app::Command peer_command(PeerArguments& out);
[[nodiscard]] app::ExitCode run_peer(PeerArguments& arguments);

// A script's steps: [[step]] with one of send, send_raw (hex), expect, wait, close. Errors: InvalidConfig, "FILE:LINE:
// …".
[[nodiscard]] Result<std::vector<persona::ScriptStep>> load_script(const std::string& path);
[[nodiscard]] Result<std::vector<persona::ScriptStep>> parse_script(std::string_view text, const std::string& name);

}  // namespace bt::lab
