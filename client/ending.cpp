#include "client/ending.h"

namespace bt::client {

Ending ending_of(TorrentEnd end, const std::optional<Error>& error) {
    const std::string why = error ? ": " + error->message() : "";
    switch (end) {
        case TorrentEnd::Done:
        case TorrentEnd::Removed:
            return {app::ExitCode::Ok, "complete"};
        case TorrentEnd::TrackersFailed:
            return {app::ExitCode::TrackersFailed, "no tracker answers and no peer is known" + why};
        case TorrentEnd::NoProgress:
            return {app::ExitCode::NoProgress, "nothing came within --timeout" + why};
        case TorrentEnd::Interrupted:
            return {app::ExitCode::Interrupted, "interrupted"};
        case TorrentEnd::BadMetadata:
            return {app::ExitCode::BadTorrent, "what the peers sent is no torrent that can be used" + why};
        case TorrentEnd::DiskTrouble: {
            // Whatever the disk said while a torrent was being written is disk trouble to the user.
            const auto code = error ? app::exit_code_for(*error) : app::ExitCode::DiskError;
            const bool has_own_code = code == app::ExitCode::DiskFull || code == app::ExitCode::FolderInUse;
            return {has_own_code ? code : app::ExitCode::DiskError, error ? error->message() : "the disk failed"};
        }
    }
    return {};
}

}  // namespace bt::client
