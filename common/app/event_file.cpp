#include "common/app/event_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>

namespace bt::app {
namespace {

// What a pipe or terminal that polls writable takes without blocking (PIPE_BUF).
constexpr std::size_t kPipeStep = 4096;
// Kept free for the line that says how much was dropped.
constexpr std::size_t kRoomForNote = 1024;

bool writable_within(int descriptor, int timeout_ms) {
    pollfd entry{descriptor, POLLOUT, 0};
    return ::poll(&entry, 1, timeout_ms) > 0;
}

}  // namespace

Result<std::unique_ptr<EventFile>> EventFile::open(const std::string& target, std::string node,
                                                   telemetry::Level level) {
    int descriptor = -1;
    bool owned = true;
    if (target.starts_with("fd:")) {
        owned = false;
        const char* end = target.data() + target.size();
        const auto parsed = std::from_chars(target.data() + 3, end, descriptor);
        if (parsed.ec != std::errc{} || parsed.ptr != end || descriptor < 0) {
            return fail(local_error(ErrorCode::InvalidArgument, target + ": fd: wants a number behind it, as in fd:3"));
        }
    } else {
        // O_NONBLOCK: a named pipe that nobody reads is an error here instead of a wait for ever.
        descriptor = ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
        if (descriptor < 0) return fail(system_error(errno, target));
    }
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) {
        return fail(local_error(ErrorCode::InvalidArgument, target + ": no such open descriptor"));
    }
    const Kind kind = S_ISSOCK(status.st_mode) ? Kind::Socket : S_ISREG(status.st_mode) ? Kind::File : Kind::Pipe;
    return std::unique_ptr<EventFile>(new EventFile(descriptor, owned, kind, std::move(node), level));
}

EventFile::EventFile(int descriptor, bool owned, Kind kind, std::string node, telemetry::Level level)
    : descriptor_(descriptor), owned_(owned), kind_(kind), node_(std::move(node)), level_(level) {}

EventFile::~EventFile() { close(); }

bool EventFile::append(std::string_view line) {
    if (buffered() + line.size() + 1 > kMaxBuffered - kRoomForNote) return false;
    buffer_ += line;
    buffer_ += '\n';
    return true;
}

void EventFile::note_dropped(TimePoint time) {
    const telemetry::Field count("count", dropped_);
    const telemetry::Event note{time, telemetry::Level::Summary, "events_dropped", std::nullopt, {&count, 1}};
    buffer_ += telemetry::to_json_line(node_, note);
    buffer_ += '\n';
    dropped_ = 0;
}

void EventFile::on_event(const telemetry::Event& event) {
    if (!wants(event.level)) return;
    if (dropped_ > 0 && buffered() <= kMaxBuffered / 2) note_dropped(event.time);
    if (dropped_ > 0 || !append(telemetry::to_json_line(node_, event))) {
        ++dropped_;
        last_dropped_ = event.time;
    }
    if (buffered() >= kEagerFlush) flush();
}

bool EventFile::write_some() {
    while (!dead_ && buffered() > 0) {
        const char* bytes = buffer_.data() + written_;
        ssize_t n = -1;
        if (kind_ == Kind::Socket) {
            n = ::send(descriptor_, bytes, buffered(), MSG_DONTWAIT | MSG_NOSIGNAL);
        } else {
            if (kind_ == Kind::Pipe && !writable_within(descriptor_, 0)) return false;
            n = ::write(descriptor_, bytes, kind_ == Kind::Pipe ? std::min(buffered(), kPipeStep) : buffered());
        }
        if (n >= 0) {
            written_ += static_cast<std::size_t>(n);
        } else if (errno == EAGAIN) {
            return false;
        } else if (errno != EINTR) {
            die();
        }
    }
    return true;
}

void EventFile::flush() {
    if (dead_ || descriptor_ < 0) return;
    write_some();
    if (written_ == buffer_.size()) {
        buffer_.clear();
        written_ = 0;
    } else if (written_ > buffer_.size() / 2) {
        buffer_.erase(0, written_);
        written_ = 0;
    }
}

void EventFile::close() {
    if (descriptor_ < 0) return;
    if (dropped_ > 0) note_dropped(last_dropped_);
    const auto give_up = std::chrono::steady_clock::now() + kCloseWait;
    while (!dead_ && buffered() > 0 && !write_some()) {
        const auto left = std::chrono::ceil<milliseconds>(give_up - std::chrono::steady_clock::now()).count();
        if (left <= 0 || !writable_within(descriptor_, static_cast<int>(left))) break;
    }
    if (owned_) ::close(descriptor_);
    descriptor_ = -1;
    dead_ = true;
}

void EventFile::die() {
    dead_ = true;
    buffer_ = {};
    written_ = 0;
}

Result<telemetry::Level> parse_event_level(std::string_view text) {
    if (text == "summary") return telemetry::Level::Summary;
    if (text == "decision") return telemetry::Level::Decision;
    if (text == "wire") return telemetry::Level::Wire;
    return fail(local_error(ErrorCode::InvalidArgument,
                            "event level \"" + std::string(text) + "\": summary, decision or wire"));
}

}  // namespace bt::app
