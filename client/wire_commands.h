#pragma once

// The commands of swarm-client that go on the network for one thing: peers, handshake, download_piece, download and
// their magnet_ forms. All speak plainly (common/engine/wire_profile.h) and without encryption; Level 7, blocking.
// Standard output gets the result alone, standard error one line why it failed and what peers did wrong.
//
// Exit codes: BadTorrent (file or magnet cannot be used, or what peers sent for it), BadArguments (no such piece),
// TrackersFailed (no tracker answers, or the one peer asked is not there or not one of this torrent), NoProgress
// (nothing within --timeout), those of the disk, CannotListen, Interrupted.

#include "client/command_arguments.h"
#include "common/app/exit_code.h"
#include "common/app/log.h"
#include "common/meta/magnet.h"
#include "common/meta/metainfo.h"

namespace bt::client {

// What a command is about: a torrent file or a magnet.
struct WireTarget {
    std::shared_ptr<const meta::Metainfo> metainfo;  // null: a magnet
    meta::Magnet magnet;
    InfoHash info_hash{};
    std::vector<std::vector<std::string>> tracker_tiers;
    std::uint64_t left = 1;  // what an announce says
};

// Error: InvalidMetainfo, InvalidBencode, InvalidMagnet; that of check_piece().
[[nodiscard]] Result<WireTarget> wire_target(const WireArguments& arguments);

// Error: InvalidArgument, the torrent has no such piece.
[[nodiscard]] Status check_piece(const meta::Metainfo& metainfo, std::uint32_t piece);

[[nodiscard]] app::ExitCode run_wire(const WireArguments& arguments);

}  // namespace bt::client
