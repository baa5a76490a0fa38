#pragma once

// The captures of a run's nodes (common/telemetry/link_capture.h) as one, in time order. Pure.
//
//  - A connection between two captured nodes stands in both captures: each side's own packets are taken, which have the
//    time at which they were said and the reason why. Of a connection to anybody else all is taken.
//  - One interface a connection, "client-1 -> seeder-1", from the side that dialled; every node's address has its name.
//  - What cannot be read of a capture (a node was killed while it wrote) ends that capture, not the others.
// Cost: O(packets log packets); all captures are in memory.

#include <string>
#include <vector>

#include "common/base/bytes.h"

namespace bt::lab {

[[nodiscard]] ByteBuffer merge_captures(const std::vector<ByteBuffer>& captures);

}  // namespace bt::lab
