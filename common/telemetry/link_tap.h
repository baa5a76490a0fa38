#pragma once

// What goes over a node's connections, for whoever listens in (link_capture.h): the peer wire protocol as both sides
// speak it, also where the link is encrypted. A connection is opened once, closed once, and its bytes are in order in
// each direction. The content of a block that goes from a file to the socket passes nobody: only its length is told.

#include <cstdint>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/base/time.h"
#include "common/base/types.h"

namespace bt::telemetry {

enum class Direction : std::uint8_t { In, Out };

class LinkTap {
  public:
    virtual ~LinkTap() = default;
    virtual void on_opened(ConnectionId id, const Endpoint& local, const Endpoint& remote, bool outgoing,
                           TimePoint now) = 0;
    virtual void on_bytes(ConnectionId id, Direction direction, ByteView bytes, TimePoint now) = 0;
    virtual void on_file_sent(ConnectionId id, std::uint64_t length, TimePoint now) = 0;
    virtual void on_closed(ConnectionId id, TimePoint now) = 0;
};

}  // namespace bt::telemetry
