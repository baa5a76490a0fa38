#pragma once

// The events of all nodes of a run in the order in which they happened, as JSON lines: two runs are the same when
// their logs are the same bytes.

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "common/telemetry/event.h"

namespace bt::sim {

class EventLog {
  public:
    // Watchers see every event of the kept levels before it is written down.
    using Watcher = std::function<void(const std::string& node, const telemetry::Event& event)>;

    // Events up to `level` are kept; nothing at all when `keep_text` is off (watchers still hear them).
    explicit EventLog(telemetry::Level level, bool keep_text = true) : level_(level), keep_text_(keep_text) {}
    EventLog(const EventLog&) = delete;
    EventLog& operator=(const EventLog&) = delete;

    // A handle for one node's modules; lives as long as the log.
    [[nodiscard]] telemetry::Telemetry telemetry_of(std::string node);
    void add_watcher(Watcher watcher) { watchers_.push_back(std::move(watcher)); }
    void forget_watchers() { watchers_.clear(); }

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::uint64_t event_count() const { return event_count_; }

  private:
    class Sink final : public telemetry::EventSink {
      public:
        Sink(EventLog& log, std::string node) : log_(log), node_(std::move(node)) {}
        [[nodiscard]] bool wants(telemetry::Level level) const override { return level <= log_.level_; }
        void on_event(const telemetry::Event& event) override { log_.on_event(node_, event); }

      private:
        EventLog& log_;
        std::string node_;
    };

    void on_event(const std::string& node, const telemetry::Event& event);

    telemetry::Level level_;
    bool keep_text_;
    std::string text_;
    std::uint64_t event_count_ = 0;
    std::deque<Sink> sinks_;
    std::vector<Watcher> watchers_;
};

// The value of a field, as text; empty when the event has no such field.
[[nodiscard]] std::string field_text(const telemetry::Event& event, std::string_view key);

}  // namespace bt::sim
