#include "common/app/capture_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "common/app/cli.h"
#include "common/app/option_setters.h"

namespace bt::app {

std::vector<Option> capture_options(CaptureOptions& out) {
    const std::string group = "Capture";
    const auto set_size = [](std::uint64_t& target) {
        return set_parsed(target, [](const std::string& text) { return parse_size(text); });
    };
    return {
        {"capture", "", "FILE", "Record every connection as a pcapng file for Wireshark, decisions as comments",
         set_text(out.path), "", "swarm.pcapng", group, ArgumentKind::Path},
        {"capture-block-bytes", "", "SIZE", "Of each block that comes, keep so many bytes", set_size(out.block_bytes),
         "0", "16KiB", group},
        {"capture-limit", "", "SIZE", "The capture ends when its file is so long", set_size(out.max_bytes), "1GiB", "",
         group},
    };
}

Result<std::unique_ptr<CaptureFile>> CaptureFile::open(const CaptureOptions& options, std::string node,
                                                       EventFile* events) {
    const int descriptor = ::open(options.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) return fail(system_error(errno, options.path));
    return std::unique_ptr<CaptureFile>(new CaptureFile(descriptor, options, std::move(node), events));
}

CaptureFile::CaptureFile(int descriptor, const CaptureOptions& options, std::string node, EventFile* events)
    : descriptor_(descriptor),
      path_(options.path),
      left_(options.max_bytes),
      events_(events),
      capture_({std::move(node), std::string("Swarmlab ") + program_version(),
                static_cast<std::size_t>(options.block_bytes), [this](TimePoint now) { return wall_time_ns(now); }},
               [this](ByteView blocks) { add(blocks); }) {}

CaptureFile::~CaptureFile() {
    flush();
    ::close(descriptor_);
}

bool CaptureFile::wants(telemetry::Level level) const {
    return (!ended_ && level <= telemetry::Level::Decision) || (events_ != nullptr && events_->wants(level));
}

void CaptureFile::on_event(const telemetry::Event& event) {
    if (!ended_) capture_.hear(event);
    if (events_ != nullptr && events_->wants(event.level)) events_->on_event(event);
}

void CaptureFile::add(ByteView blocks) {
    if (ended_) return;
    if (blocks.size() > left_) {
        flush();
        ended_ = true;
        error_ = local_error(ErrorCode::LimitReached, path_ + ": the capture has reached --capture-limit and ends");
        return;
    }
    left_ -= blocks.size();
    append(buffer_, blocks);
    if (buffer_.size() >= kEagerFlush) flush();
}

void CaptureFile::flush() {
    ByteView left = buffer_;
    while (!left.empty() && !ended_) {
        const ssize_t written = ::write(descriptor_, left.data(), left.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            error_ = system_error(errno, path_ + ": the capture ends");
            ended_ = true;
            break;
        }
        left = left.subspan(static_cast<std::size_t>(written));
    }
    buffer_.clear();
}

// The node's clock has begun when it first says a time; both clocks are read at that moment.
std::uint64_t CaptureFile::wall_time_ns(TimePoint now) {
    const auto since_start = static_cast<std::uint64_t>(now.time_since_epoch().count());
    if (!origin_ns_) {
        const auto wall = std::chrono::system_clock::now().time_since_epoch();
        origin_ns_ = static_cast<std::uint64_t>(std::chrono::duration_cast<Duration>(wall).count()) - since_start;
    }
    return *origin_ns_ + since_start;
}

}  // namespace bt::app
