#pragma once

// `swarm-lab probe HOST:PORT TORRENT`: tries the rules of the protocol on a client that has the torrent's content.
// The lines of questioning run side by side, each over connections of its own (on loopback from addresses of their
// own); whether it is still alive is asked last. Blocks the calling thread: at most about two minutes, where a client
// unchokes late.

#include <string>
#include <vector>

#include "common/base/result.h"
#include "lab/probe/rule.h"

namespace bt::probe {

struct ProbeReport {
    Endpoint endpoint;
    std::string torrent;  // its name
    std::string client;   // what it calls itself, or its peer_id
    std::vector<Finding> findings;

    [[nodiscard]] std::size_t count(Verdict verdict) const;
};

// Error: nobody answers there.
[[nodiscard]] Result<ProbeReport> run_probe(const Target& target);

// A table for people; one JSON object, documented in docs/formats.md.
[[nodiscard]] std::string report_text(const ProbeReport& report);
[[nodiscard]] std::string report_json(const ProbeReport& report);

}  // namespace bt::probe
