#pragma once

// The arguments of swarm-client's subcommands as values. client/arguments.cpp fills them from the command line (or
// --config); who carries them out: create.h, inspect.h, scrape.h.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/time.h"

namespace bt::client {

struct CreateArguments {
    std::string path;    // the file or folder
    std::string output;  // FILE.torrent
    std::vector<std::vector<std::string>> tracker_tiers;
    std::optional<std::uint32_t> piece_length;  // nothing: by size
    std::string comment;
    bool is_private = false;
    std::optional<std::int64_t> creation_date;  // nothing: none is written
};

struct ScrapeArguments {
    std::string subject;  // FILE, magnet URI or info_hash
    bool json = false;
    std::optional<Address> bind;  // ask from here
    Duration timeout = seconds(15);
    std::string ca_file;
};

enum class InspectCommand : std::uint8_t { Decode, Info, MagnetParse };

struct InspectArguments {
    InspectCommand command = InspectCommand::Decode;
    std::string subject;  // TEXT or "-"; FILE; URI
    bool json = false;    // info
    bool full = false;    // info
};

}  // namespace bt::client
