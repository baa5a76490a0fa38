#pragma once

// swarm-client scrape: how many seeds, leechers and completed downloads each tracker of a torrent counts. Nothing is
// announced: we are not a peer of the swarm.
//
// Standard output: a line for each tracker that answered, in the order of the torrent; or, with --json, one object with
// all of them and the errors of the others. Standard error: a line for each that did not. Exit code 0 when one
// answered, also when it does not know the torrent; 4 when none did; 3 for a bad torrent or link.

#include <string>
#include <vector>

#include "client/command_arguments.h"
#include "common/app/exit_code.h"
#include "common/base/result.h"
#include "common/engine/scraper.h"

namespace bt::client {

struct ScrapeTarget {
    InfoHash info_hash{};
    std::vector<std::string> trackers;  // each once, in order
};

// FILE, magnet URI or bare info_hash. Error: as load_metainfo and Magnet::parse_link.
[[nodiscard]] Result<ScrapeTarget> scrape_target(const std::string& subject);

// "URL: seeds 5, leechers 2, completed 17" a line; "?" for what a tracker does not say.
[[nodiscard]] std::string scrape_text(const std::vector<engine::TrackerScrape>& results);
// {"info_hash":…,"trackers":[{"url":…,"known":true,"seeds":5,"leechers":2,"completed":17},{"url":…,"error":…}]}, null
// for what a tracker does not say.
[[nodiscard]] std::string scrape_json(const InfoHash& info_hash, const std::vector<engine::TrackerScrape>& results);

[[nodiscard]] app::ExitCode run_scrape(const ScrapeArguments& arguments);

}  // namespace bt::client
