#pragma once

// Makes a .torrent's bytes from a description and its piece hashes. Canonical bencode, keys in order.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/types.h"
#include "common/meta/metainfo.h"

namespace bt::meta {

struct TorrentDescription {
    std::string name;                            // file or folder name
    bool multi_file = false;
    std::vector<FileEntry> files;                // single file: one entry; multi-file: paths WITHOUT the leading name
    std::uint32_t piece_length = 0;
    std::vector<Sha1Digest> piece_hashes;        // exactly as many as the lengths need
    std::vector<std::vector<std::string>> tracker_tiers;
    std::vector<std::string> web_seeds;          // BEP 19, `url-list`
    bool is_private = false;
    std::string source;                          // in `info`: another info_hash for the same content
    std::string comment;
    std::string created_by;
    std::optional<std::int64_t> creation_date;   // absent: key left out, so that output is reproducible
};

// Error: InvalidArgument (local) when the description breaks a rule that Metainfo::parse would refuse.
[[nodiscard]] Result<ByteBuffer> write_metainfo(const TorrentDescription& description);

// A .torrent around the raw bytes of an `info`, as peers send it (BEP 9), so that its hash stays what it is. Nothing is
// judged here: Metainfo::parse does.
[[nodiscard]] ByteBuffer wrap_info(ByteView info, const std::vector<std::vector<std::string>>& tracker_tiers);

// A piece length for so many bytes: a power of two from 16 KiB to 16 MiB aiming at 1,000 to 2,000 pieces.
[[nodiscard]] std::uint32_t choose_piece_length(std::uint64_t total_length);

}  // namespace bt::meta
