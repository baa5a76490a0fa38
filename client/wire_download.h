#pragma once

// download, download_piece, magnet_info and the like: one torrent in a session of its own, in the plain profile, until
// all that was asked for is there. No seeding and no resume data.
//
// download puts a single file at OUT and the files of a folder below OUT; unfinished ones have .part behind their names
// and are gone on with by the next run. download_piece runs over a disk of one piece (one_piece_env.h). For a magnet
// the description is fetched first; a description alone ends the run before any file is touched.

#include "client/wire_commands.h"
#include "common/engine/tls_provider.h"

namespace bt::client {

struct WireOutcome {
    app::ExitCode code = app::ExitCode::Internal;
    std::string reason;                              // one line, where it is not Ok
    std::shared_ptr<const meta::Metainfo> metainfo;  // as far as it is known
};

[[nodiscard]] WireOutcome run_wire_download(const WireArguments& arguments, const WireTarget& target,
                                            std::shared_ptr<engine::TlsProvider> tls, const app::Log& log);

}  // namespace bt::client
