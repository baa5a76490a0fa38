#include "common/net/line_pipe.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bt::net {

namespace {
// Far more than a pipe holds; a writer that outlives its group cannot keep us here.
constexpr int kReadsAtEnd = 64;
}  // namespace

LinePipe::LinePipe(UvLoop& loop, Fd fd, std::function<void(std::string_view)> on_line, std::function<void()> on_end)
    : loop_(loop), fd_(std::move(fd)), on_line_(std::move(on_line)), on_end_(std::move(on_end)), file_(loop, [this] {
          read_file();
      }) {
    poller_ = std::make_unique<Poller>(loop, fd_.get(), this,
                                       [](void* owner, int, int) { static_cast<LinePipe*>(owner)->on_readable(); });
    poller_->watch(UV_READABLE);
    if (poller_->error() != 0) file_.schedule();
}

void LinePipe::on_readable() {
    const Lifetime::Watch watch(lifetime_);
    read_once();
    if (watch.is_over() || fd_.is_open() || !on_end_) return;
    const auto on_end = std::exchange(on_end_, {});
    if (finish()) on_end();
}

void LinePipe::read_file() {
    const Lifetime::Watch watch(lifetime_);
    while (read_once()) {
    }
    if (watch.is_over()) return;
    close();
    on_readable();
}

bool LinePipe::finish() {
    const Lifetime::Watch watch(lifetime_);
    for (int i = 0; i < kReadsAtEnd && read_once(); ++i) {
    }
    if (watch.is_over()) return false;
    close();
    if (pending_.empty()) return true;
    const std::string last = std::exchange(pending_, {});
    const auto on_line = on_line_;
    on_line(last);
    return !watch.is_over();
}

bool LinePipe::read_once() {
    if (!fd_.is_open()) return false;
    const MutableByteView buffer = loop_.receive_buffer();
    const ssize_t n = read(fd_.get(), buffer.data(), buffer.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return errno == EINTR;
    if (n <= 0) {
        close();
        return false;
    }
    pending_.append(as_text(buffer.first(static_cast<std::size_t>(n))));
    return deliver_lines();
}

bool LinePipe::deliver_lines() {
    const Lifetime::Watch watch(lifetime_);
    std::string text = std::exchange(pending_, {});
    const auto on_line = on_line_;
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t newline = rest.find('\n');
        if (newline == std::string_view::npos && rest.size() < kMaxLine) break;
        const std::size_t length = std::min({newline, rest.size(), kMaxLine});
        const std::string_view line = rest.substr(0, length);
        rest.remove_prefix(length == newline ? length + 1 : length);
        on_line(line);
        if (watch.is_over()) return false;
    }
    text.erase(0, text.size() - rest.size());
    pending_ = std::move(text);
    return true;
}

void LinePipe::close() {
    poller_.reset();
    fd_.reset();
}

}  // namespace bt::net
