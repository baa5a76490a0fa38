#pragma once

// The `stats` event that every node emits now and then: what the lab's table and a progress bar are drawn from.

#include "common/engine/torrent_node.h"
#include "common/telemetry/event.h"

namespace bt::engine {

void emit_stats(const telemetry::Telemetry& telemetry, TimePoint now, const TorrentSnapshot& snapshot);

}  // namespace bt::engine
