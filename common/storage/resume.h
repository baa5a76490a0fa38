#pragma once

// Resume data: which pieces of a torrent were verified when it was last looked at, and what the files looked like then.
//
// It is believed only when nothing can have changed behind it:
//  - the info_hash is that of the torrent, the bitfield has the right size;
//  - every file exists or not, and has the size and modification time, exactly as recorded;
//  - the data reached the device (flushed), or the machine has not been started anew since (same boot_id): data
//    that a killed process had written is then still in the page cache.
// Anything else means: check every piece. A process killed in the middle has newer times than its last record, so its
// files are checked, and no verified piece is fetched twice.
// Form: bencode, documented in docs/formats.md.

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/types.h"
#include "common/meta/bitfield.h"
#include "common/storage/storage_spec.h"

namespace bt::storage {

struct ResumeData {
    InfoHash info_hash{};
    meta::Bitfield pieces;
    std::vector<FileStat> files;
    std::string boot_id;      // of the machine's running time in which it was written; empty: unknown
    bool flushed = false;     // the data was brought to the device before this was written

    [[nodiscard]] ByteBuffer encode() const;
    // Error: InvalidBencode or WrongSize (remote): simply not believed.
    [[nodiscard]] static Result<ResumeData> decode(ByteView bytes, std::uint32_t piece_count);

    // Whether it speaks of this torrent and of files as they are now.
    [[nodiscard]] bool is_trusted(const InfoHash& torrent, const std::vector<FileStat>& files_now,
                                  const std::string& boot_id_now) const;
};

}  // namespace bt::storage
