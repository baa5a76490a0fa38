#pragma once

// Resume data: which pieces of a torrent were verified when it was last looked at, and what the files looked like then.
//
// It is believed file by file, only where nothing can have changed behind it:
//  - the info_hash is that of the torrent, the bitfield has the right size;
//  - the data reached the device (flushed), or the machine has not been started anew since (same boot_id): data
//    that a killed process had written is then still in the page cache;
//  - the file exists or not, and has the size and modification time, exactly as recorded.
// Pieces of other files are checked. While a torrent runs, a record is made in this order: the files are looked at,
// then the pieces are noted, then flushed, then recorded. So a piece in it is on the device, and a file that was
// written to behind that look has a newer time than its record: a process killed in the middle has those files checked,
// and no piece that it had written is fetched twice. (Times stand still for some milliseconds: a piece that was written
// within the same tick as the look, and nothing behind it in any of its files, is taken for missing. Never the other
// way.) Behind the files of the torrent stands the hidden file of its placement, where it has one. Form: bencode,
// documented in docs/formats.md.

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/types.h"
#include "common/meta/bitfield.h"
#include "common/meta/metainfo.h"
#include "common/storage/storage_spec.h"

namespace bt::storage {

struct ResumeData {
    InfoHash info_hash{};
    meta::Bitfield pieces;
    std::vector<FileStat> files;
    std::string boot_id;   // of the machine's running time in which it was written; empty: unknown
    bool flushed = false;  // the data was brought to the device before this was written

    [[nodiscard]] ByteBuffer encode() const;
    // Error: InvalidBencode or WrongSize (remote): simply not believed.
    [[nodiscard]] static Result<ResumeData> decode(ByteView bytes, std::uint32_t piece_count);

    // The pieces of which it says nothing that can be believed: all, or those that lie in files that have changed.
    [[nodiscard]] meta::Bitfield unknown_pieces(const meta::Metainfo& metainfo, const std::vector<FileStat>& files_now,
                                                const std::string& boot_id_now) const;
};

}  // namespace bt::storage
