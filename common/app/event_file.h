#pragma once

// Where --events goes: an EventSink that writes one JSON line an event to a file (made or truncated) or to an open
// descriptor ("fd:3").
//
// Rules
//  - It never blocks the loop and never kills the program: lines wait in memory (at most kMaxBuffered) and go out as
//    far as the reader takes them. When the memory is full whole lines are dropped and counted; once half of
//    it is free again, or at the end, a line `events_dropped` {"count":N} takes their place.
//  - A reader that went away (EPIPE) or a disk that refuses ends the sink: is_dead(), and wants() says no.
//  - The owner calls flush() at least every kFlushInterval; a buffer over kEagerFlush goes out by itself. close() (and
//    the destructor) give a slow reader at most kCloseWait.
// Descriptors keep their flags: an inherited one may be shared with the parent, so O_NONBLOCK is not touched; pipes
// and sockets are asked (poll) before each write. Regular files are written directly.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/telemetry/event.h"

namespace bt::app {

class EventFile final : public telemetry::EventSink {
  public:
    static constexpr std::size_t kEagerFlush = 64u << 10;
    static constexpr std::size_t kMaxBuffered = 8u << 20;
    static constexpr Duration kFlushInterval = milliseconds(100);
    static constexpr Duration kCloseWait = seconds(1);

    // target: a path, or fd:N. Error: InvalidArgument for fd:<no open descriptor>, or the system's.
    [[nodiscard]] static Result<std::unique_ptr<EventFile>> open(const std::string& target, std::string node,
                                                                 telemetry::Level level);
    ~EventFile() override;
    EventFile(const EventFile&) = delete;
    EventFile& operator=(const EventFile&) = delete;

    [[nodiscard]] bool wants(telemetry::Level level) const override { return !dead_ && level <= level_; }
    void on_event(const telemetry::Event& event) override;

    void flush();
    void close();
    [[nodiscard]] bool is_dead() const { return dead_; }
    [[nodiscard]] std::size_t buffered() const { return buffer_.size() - written_; }

  private:
    enum class Kind : std::uint8_t { File, Pipe, Socket };

    EventFile(int descriptor, bool owned, Kind kind, std::string node, telemetry::Level level);
    bool append(std::string_view line);
    void note_dropped(TimePoint time);
    // Writes what can be written without waiting. False when the reader takes no more just now.
    bool write_some();
    void die();

    int descriptor_;
    bool owned_;
    Kind kind_;
    std::string node_;
    telemetry::Level level_;
    bool dead_ = false;
    std::string buffer_;
    std::size_t written_ = 0;  // of buffer_
    std::uint64_t dropped_ = 0;
    TimePoint last_dropped_;
};

// "summary", "decision", "wire".
[[nodiscard]] Result<telemetry::Level> parse_event_level(std::string_view text);

}  // namespace bt::app
