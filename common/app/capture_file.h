#pragma once

// --capture FILE: a node's connections as a pcapng file (common/telemetry/link_capture.h), beside the events that it
// hands on to the event file.
//
// Rules
//  - Only whole blocks are written, at kEagerFlush and whenever flush() is called: a program that is killed leaves a file
//    that Wireshark opens.
//  - A disk that refuses ends the capture, never the program: take_error() says it once.
//  - A file grows to max_bytes at the most; what comes then is not recorded, and take_error() says that too.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/app/event_file.h"
#include "common/app/option_table.h"
#include "common/base/result.h"
#include "common/telemetry/link_capture.h"

namespace bt::app {

struct CaptureOptions {
    std::string path;  // empty: none
    std::uint64_t block_bytes = 0;
    std::uint64_t max_bytes = 1ull << 30;
};

// --capture, --capture-block-bytes, --capture-limit.
[[nodiscard]] std::vector<Option> capture_options(CaptureOptions& out);

class CaptureFile final : public telemetry::EventSink {
  public:
    static constexpr std::size_t kEagerFlush = 64u << 10;

    // events: where events go besides, or null; must outlive this. Error: the system's.
    [[nodiscard]] static Result<std::unique_ptr<CaptureFile>> open(const CaptureOptions& options, std::string node,
                                                                   EventFile* events);
    ~CaptureFile() override;
    CaptureFile(const CaptureFile&) = delete;
    CaptureFile& operator=(const CaptureFile&) = delete;

    [[nodiscard]] telemetry::LinkTap& tap() { return capture_; }
    [[nodiscard]] bool wants(telemetry::Level level) const override;
    void on_event(const telemetry::Event& event) override;
    void flush();
    // Once, when the capture has ended early.
    [[nodiscard]] std::optional<Error> take_error() { return std::exchange(error_, std::nullopt); }

  private:
    CaptureFile(int descriptor, const CaptureOptions& options, std::string node, EventFile* events);
    void add(ByteView blocks);
    [[nodiscard]] std::uint64_t wall_time_ns(TimePoint now);

    int descriptor_;
    std::string path_;
    std::uint64_t left_;  // bytes that may still be written
    EventFile* events_;
    bool ended_ = false;
    ByteBuffer buffer_;
    std::optional<Error> error_;
    std::optional<std::uint64_t> origin_ns_;  // when the node's clock was at zero
    telemetry::LinkCapture capture_;
};

}  // namespace bt::app
