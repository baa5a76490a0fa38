#pragma once

// Flushes an EventFile every kFlushInterval for as long as it lives, on the world's own timer.

#include <memory>

#include "common/app/event_file.h"
#include "common/env/env.h"

namespace bt::app {

class EventPump {
  public:
    // events may be null: nothing happens then.
    EventPump(env::Env& env, EventFile* events) : env_(env), events_(events) {
        if (events_ == nullptr) return;
        timer_ = env_.make_timer([this] {
            events_->flush();
            arm();
        });
        events_->flush();
        arm();
    }
    EventPump(const EventPump&) = delete;
    EventPump& operator=(const EventPump&) = delete;

  private:
    void arm() {
        if (!events_->is_dead()) timer_->arm(env_.now() + EventFile::kFlushInterval);
    }

    env::Env& env_;
    EventFile* events_;
    std::unique_ptr<env::Timer> timer_;
};

}  // namespace bt::app
