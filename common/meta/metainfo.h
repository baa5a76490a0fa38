#pragma once

// A .torrent (BEP 3 v1, single and multi-file; BEP 12 tiers; BEP 27 private) as a checked, immutable value.
//
// Every rule on input from outside is applied here once, so nobody behind has to ask again:
//  - file <= 16 MiB; info_hash over the raw bytes of `info` as they stand in the file;
//  - piece length 1 … 2^29 (512 MiB), pieces a multiple of 20 bytes, 1 … 2^21 pieces, exactly as many as the length needs;
//  - lengths >= 0, sum without overflow of 2^62, at least one byte in all;
//  - paths: `name` and each element non-empty UTF-8 or kept byte for byte, <= 240 bytes, depth <= 100, no "." or "..",
//    no '/', '\\', NUL, control or bidirectional-override characters (refused, with the place), no path that is both a file and
//    a folder, no two files at one path; names that differ only in case are told apart by case_clashes().
//  - announce URLs that are not text are dropped; `announce-list` rules over `announce` (BEP 12).
// Errors: InvalidBencode or InvalidMetainfo, fault Remote, with the byte offset of the value that breaks the rule.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/types.h"
#include "common/meta/file_map.h"
#include "common/meta/piece_layout.h"

namespace bt::meta {

inline constexpr std::uint64_t kMaxTorrentFileSize = 16u << 20;
inline constexpr std::uint32_t kMaxPieceCount = 1u << 21;
inline constexpr std::uint32_t kMaxPieceLength = 1u << 29;
inline constexpr std::size_t kMaxPathElement = 240;
inline constexpr std::size_t kMaxPathDepth = 100;

struct FileEntry {
    std::string path;  // below the output folder, '/' between elements; multi-file torrents start with `name`
    std::uint64_t length = 0;
};

class Metainfo {
  public:
    [[nodiscard]] static Result<Metainfo> parse(ByteView torrent_file);

    [[nodiscard]] const InfoHash& info_hash() const { return info_hash_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] bool is_multi_file() const { return multi_file_; }
    [[nodiscard]] bool is_private() const { return private_; }
    [[nodiscard]] const std::vector<FileEntry>& files() const { return files_; }
    [[nodiscard]] const FileMap& file_map() const { return file_map_; }
    [[nodiscard]] const PieceLayout& layout() const { return layout_; }
    [[nodiscard]] const Sha1Digest& piece_hash(PieceIndex piece) const { return piece_hashes_[piece.value()]; }
    // Tiers in order, none empty; URLs as written.
    [[nodiscard]] const std::vector<std::vector<std::string>>& tracker_tiers() const { return tracker_tiers_; }
    [[nodiscard]] const std::string& comment() const { return comment_; }
    [[nodiscard]] const std::string& created_by() const { return created_by_; }
    [[nodiscard]] std::optional<std::int64_t> creation_date() const { return creation_date_; }
    // Pairs of files whose paths are the same but for letter case (a problem on some file systems only).
    [[nodiscard]] bool has_case_clashes() const { return case_clashes_; }
    // Raw bytes of `info`.
    [[nodiscard]] ByteView info_bytes() const { return info_bytes_; }

  private:
    friend class MetainfoParser;
    InfoHash info_hash_{};
    std::string name_;
    bool multi_file_ = false;
    bool private_ = false;
    bool case_clashes_ = false;
    std::vector<FileEntry> files_;
    FileMap file_map_;
    PieceLayout layout_;
    std::vector<Sha1Digest> piece_hashes_;
    std::vector<std::vector<std::string>> tracker_tiers_;
    std::string comment_;
    std::string created_by_;
    std::optional<std::int64_t> creation_date_;
    ByteBuffer info_bytes_;
};

}  // namespace bt::meta
