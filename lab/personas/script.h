#pragma once

// "scripted": a list of steps, done in order on each connection; for teaching and for conformance tests.
//
// `send` sends a message, `send_raw` any bytes, `wait` waits, `close` closes. `expect` waits for a message of that name
// (others are passed over) and emits `script_matched`, or, when its time is over, `script_failed`, which ends the
// script. The end of the steps is `script_done`.

#include "lab/personas/link.h"

namespace bt::persona {

class Scripted final : public Behaviour {
  public:
    static constexpr Duration kExpectWithin = seconds(10);

  private:
    void on_open(Link& link) override { go_on(link); }
    void on_message(Link& link, const wire::Message& message) override;
    void on_tick(Link& link) override;
    void go_on(Link& link);
    void say(Link& link, std::string_view event, std::string_view what);

    std::size_t step_ = 0;
    bool done_ = false;
    std::optional<TimePoint> since_;  // the step that waits began
};

// The message of a step that sends. Views point into the step.
[[nodiscard]] std::optional<wire::Message> message_of(const ScriptStep& step);

}  // namespace bt::persona
