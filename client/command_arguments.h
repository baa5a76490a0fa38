#pragma once

// The arguments of swarm-client's subcommands as values. client/arguments.cpp fills them from the command line (or
// --config); who carries them out: create.h, verify.h, inspect.h, scrape.h, wire_commands.h.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/time.h"

namespace bt::client {

struct CreateArguments {
    std::string path;                  // the file or folder
    std::string output;                // FILE.torrent
    std::string name;                  // empty: that of the file or folder
    std::vector<std::string> exclude;  // patterns of paths to leave out
    std::vector<std::vector<std::string>> tracker_tiers;
    std::vector<std::string> web_seeds;
    std::optional<std::uint32_t> piece_length;  // nothing: by size
    std::string comment;
    std::string source;  // `source` in info: another info_hash for the same content
    bool is_private = false;
    std::optional<std::int64_t> creation_date;  // nothing: none is written
    std::uint32_t threads = 0;                  // 0: every core
    bool quiet = false;                         // no progress
};

struct VerifyArguments {
    std::string torrent;
    std::string folder;         // or the file itself, for a single-file torrent
    std::uint32_t threads = 0;  // 0: every core
    bool quiet = false;         // no progress
    bool json = false;          // the report as one JSON object
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

// Commands that use the plain wire profile (common/engine/wire_profile.h). Those of magnets come last.
enum class WireCommand : std::uint8_t {
    Peers,
    Handshake,
    DownloadPiece,
    Download,
    MagnetHandshake,
    MagnetInfo,
    MagnetDownloadPiece,
    MagnetDownload,
};

struct WireArguments {
    WireCommand command = WireCommand::Handshake;
    std::string subject;           // FILE, or URI for the magnet commands
    std::optional<Endpoint> peer;  // Handshake (always there), MagnetHandshake; --peer of the others
    std::string output;            // -o
    std::uint32_t piece = 0;       // INDEX
    bool json = false;             // MagnetInfo
    bool full = false;             // MagnetInfo
    std::optional<Address> bind;
    std::uint16_t port = 0;
    Duration timeout = seconds(60);  // without progress
    std::string ca_file;
};

}  // namespace bt::client
