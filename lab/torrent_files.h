#pragma once

// A run's torrent, and the files that a node has of it on disk, for what the lab does with them from outside.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/meta/metainfo.h"

namespace bt::lab {

[[nodiscard]] Result<meta::Metainfo> load_torrent(const std::filesystem::path& path);

// A link with its trackers; empty where the torrent cannot be read.
[[nodiscard]] std::string magnet_of(const std::filesystem::path& torrent);

// Where a file of the torrent lies below `folder`: under its name, or unfinished with ".part"; empty: nowhere.
[[nodiscard]] std::filesystem::path find_file(const meta::Metainfo& metainfo, const std::filesystem::path& folder,
                                              FileIndex file);

// Whether the bytes of a piece that lie below `folder` are those of the torrent.
[[nodiscard]] bool is_piece_there(const meta::Metainfo& metainfo, const std::filesystem::path& folder,
                                  PieceIndex piece);

// Turns over bytes of a piece that is there and right: `wanted`, or the first such. Answers what was done, in words.
[[nodiscard]] Result<std::string> corrupt_piece(const std::filesystem::path& torrent,
                                                const std::filesystem::path& folder,
                                                std::optional<std::uint32_t> wanted);

[[nodiscard]] Result<std::string> sha1_of_file(const std::filesystem::path& path);  // hex

}  // namespace bt::lab
