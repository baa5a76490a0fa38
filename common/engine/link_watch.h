#pragma once

// Tells a telemetry::LinkTap what goes over one link; costs nothing where there is none. The connection is opened for
// the tap with its first plain byte: what never speaks the protocol is not a conversation.

#include <memory>

#include "common/base/output_queue.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "common/env/env.h"
#include "common/telemetry/link_tap.h"

namespace bt::engine {

class LinkWatch {
  public:
    LinkWatch(ConnectionId id, bool outgoing) : id_(id), outgoing_(outgoing) {}
    void set_tap(telemetry::LinkTap* tap) { tap_ = tap; }

    void on_received(const env::Stream& stream, ByteView bytes, TimePoint now) {
        if (tap_ == nullptr) return;
        open(stream, now);
        tap_->on_bytes(id_, telemetry::Direction::In, bytes, now);
    }
    // What waits in the queue is about to be sent; what of it was told before is not told again.
    void on_sending(const env::Stream& stream, const OutputQueue& queue, TimePoint now);
    // So much of the queue is gone.
    void on_sent(std::uint64_t count) {
        if (tap_ != nullptr) told_ -= count;
    }
    void on_closed(TimePoint now) {
        if (std::exchange(is_open_, false)) tap_->on_closed(id_, now);
    }

  private:
    void open(const env::Stream& stream, TimePoint now);

    ConnectionId id_;
    bool outgoing_;
    telemetry::LinkTap* tap_ = nullptr;
    bool is_open_ = false;
    std::uint64_t told_ = 0;  // bytes at the front of the queue
};

}  // namespace bt::engine
