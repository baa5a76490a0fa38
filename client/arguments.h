#pragma once

// The command line of swarm-client as values.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

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

struct CreateArguments {
    std::string path;
    std::string output;
    std::vector<std::string> trackers;
    std::optional<std::uint32_t> piece_length;
    std::string comment;
    bool is_private = false;
    std::optional<std::int64_t> creation_date;
};

using Arguments = std::variant<DownloadArguments, CreateArguments>;

// The arguments, or the code to end with at once (help, version, a mistake).
[[nodiscard]] std::variant<Arguments, app::ExitCode> parse_arguments(int argc, char** argv);

}  // namespace bt::client
