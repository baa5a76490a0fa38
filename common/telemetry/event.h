#pragma once

// What a node does, as typed events: the lab's raw material (event logs, reports, replay comparison).
//
// An event has the node's time, a kind (past tense, snake_case: "piece_verified"), the connection it happened on
// and fields; where it is a decision, the field "reason". The views in an event live for the duration of on_event.
// Kinds and their fields are listed in docs/formats.md.
//
// Levels: Summary is a handful a torrent (state changes, completion, failures); Decision is each choice of a policy
// and each piece; Wire is each message on a connection. A sink says what it wants, and nothing else is built.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/time.h"
#include "common/base/types.h"

namespace bt::telemetry {

enum class Level : std::uint8_t { Summary, Decision, Wire };

struct Field {
    std::string_view key;
    std::variant<std::int64_t, std::uint64_t, double, bool, std::string_view> value;

    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
    Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
    Field(std::string_view k, bool v) : key(k), value(v) {}
    Field(std::string_view k, double v) : key(k), value(v) {}
    Field(std::string_view k, int v) : key(k), value(std::int64_t{v}) {}
    Field(std::string_view k, std::int64_t v) : key(k), value(v) {}
    Field(std::string_view k, std::uint64_t v) : key(k), value(v) {}
    Field(std::string_view k, std::uint32_t v) : key(k), value(std::uint64_t{v}) {}
};

struct Event {
    TimePoint time;
    Level level = Level::Summary;
    std::string_view kind;
    std::optional<ConnectionId> connection;
    std::span<const Field> fields;
};

class EventSink {
  public:
    virtual ~EventSink() = default;
    [[nodiscard]] virtual bool wants(Level level) const = 0;
    virtual void on_event(const Event& event) = 0;
};

// The handle that modules hold: emits nothing when there is no sink or the sink does not want the level.
class Telemetry {
  public:
    Telemetry() = default;
    explicit Telemetry(EventSink* sink) : sink_(sink) {}

    [[nodiscard]] bool wants(Level level) const { return sink_ != nullptr && sink_->wants(level); }

    void emit(TimePoint now, Level level, std::string_view kind, std::optional<ConnectionId> connection,
              std::initializer_list<Field> fields) const {
        if (!wants(level)) return;
        sink_->on_event({now, level, kind, connection, {fields.begin(), fields.size()}});
    }

  private:
    EventSink* sink_ = nullptr;
};

// One line of JSON without the newline:
// {"t":1.234567890,"node":"client-1","event":"piece_verified","conn":3,"piece":7}. Strings are escaped, bytes that
// are not UTF-8 become U+FFFD; the same event always gives the same bytes.
[[nodiscard]] std::string to_json_line(std::string_view node, const Event& event);

// As JSON.
void append_field_value(std::string& out, const Field& field);
// The quoted, escaped JSON string for text.
void append_json_string(std::string& out, std::string_view text);

}  // namespace bt::telemetry
