#pragma once

// The command line of swarm-client as values.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "client/command_arguments.h"
#include "common/app/cli.h"

namespace bt::client {

struct DownloadArguments {
    app::CommonOptions common;
    std::string torrent;
    std::string outdir;
    std::string peers_file;
    std::uint32_t max_peers = 50;
    std::optional<Duration> seed_time = Duration(0);   // nothing: for ever
    std::optional<Duration> timeout;
    std::optional<Duration> interval_floor;
    std::optional<std::uint64_t> rng_seed;
};

using Arguments = std::variant<DownloadArguments, CreateArguments>;

// The arguments, or the code to end with at once (help, version, a mistake).
[[nodiscard]] std::variant<Arguments, app::ExitCode> parse_arguments(int argc, char** argv);

}  // namespace bt::client
