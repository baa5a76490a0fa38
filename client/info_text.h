#pragma once

// What `info` and `magnet_info` print about a torrent, in their three forms. Pure. Trackers are handed in, because
// those of a magnet stand in the magnet.
//   fixed  for scripts: "Tracker URL: …", "Length: N", "Info Hash: …", "Piece Length: N", "Piece Hashes:" and one a
//   line json   one object on one line; names by the rules of bencode_json.h full   for people: the files with the
//   numbers that --select takes, tiers, flags, dates

#include <string>
#include <vector>

#include "common/meta/metainfo.h"

namespace bt::client {

using TrackerTiers = std::vector<std::vector<std::string>>;

[[nodiscard]] std::string info_fixed(const meta::Metainfo& metainfo, const TrackerTiers& tiers);
[[nodiscard]] std::string info_json(const meta::Metainfo& metainfo, const TrackerTiers& tiers);
[[nodiscard]] std::string info_full(const meta::Metainfo& metainfo, const TrackerTiers& tiers);

// "2026-11-21 12:00:00 UTC"
[[nodiscard]] std::string date_text(std::int64_t unix_time);

}  // namespace bt::client
