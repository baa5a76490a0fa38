#pragma once

// What a scenario expects of its run, and when the run ends. The keys are in docs/formats.md; judge.cpp compares.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "lab/condition.h"
#include "lab/query.h"

namespace bt::lab {

// How many events of the whole run fit a query.
struct EventCount {
    Query query;
    std::optional<std::uint64_t> min, max;
};

// A number of each node between two bounds.
struct Bound {
    enum class What : std::uint8_t {
        Ratio,          // uploaded / downloaded
        UploadShare,    // of all that seeders, clients and peers uploaded, 0 to 1
        DownloadShare,  // of all that they downloaded
        Uploaded,       // bytes
        Downloaded,
        HashFailures,
        Wasted,      // bytes
        CompletedS,  // seconds from the start of the clients
        Progress,    // 0 to 1
        ExitCode,
    };
    std::string nodes;  // pattern
    What what = What::Ratio;
    std::optional<double> min, max;
};
[[nodiscard]] std::string_view bound_name(Bound::What what);
[[nodiscard]] std::optional<Bound::What> bound_named(std::string_view name);

struct FileHash {
    std::string nodes;  // pattern
    std::string path;   // below the torrent's top, or its name where it is one file
    std::string sha1;   // 40 hex digits
};

struct Ban {
    std::string node;            // who is banned
    std::string by = "*";        // pattern
    std::uint64_t at_least = 1;  // by so many nodes
};

struct Expectations {
    Duration all_complete_within = seconds(120);
    std::optional<Duration> nobody_completes_for;  // in place of it
    bool files_identical = true;
    bool scripts_done = true;  // each scripted peer did its script to the end, and failed nowhere
    std::uint64_t max_hash_failures = 0;
    std::vector<int> exit_codes = {0, 130};  // with which a node may end when it is told to
    std::vector<EventCount> events;
    std::vector<Bound> bounds;
    std::vector<FileHash> files;
    std::vector<Ban> bans;
};

// When the run ends, if not as soon as every client is complete.
struct Stop {
    std::optional<Condition> when;
    Duration linger{};           // goes on for so long afterwards
    std::optional<Duration> at;  // at the latest, from the start of the clients
};

}  // namespace bt::lab
