#pragma once

// The reading end of a pipe, cut into lines. A last line without its newline is delivered by finish(); a line over
// kMaxLine is delivered in parts. Where an on_end is given the end of the pipe delivers that last line too, then tells.
// A regular file counts as a pipe that holds it all.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/net/lifetime.h"
#include "common/net/socket.h"
#include "common/net/uv_loop.h"

namespace bt::net {

inline constexpr std::size_t kMaxLine = 1u << 20;

class LinePipe {
  public:
    // The descriptor must be non-blocking. The callback may destroy the pipe.
    LinePipe(UvLoop& loop, Fd fd, std::function<void(std::string_view)> on_line, std::function<void()> on_end = {});
    LinePipe(const LinePipe&) = delete;
    LinePipe& operator=(const LinePipe&) = delete;

    // Delivers what is in the pipe now, and what is left of a line, then closes. False when a callback destroyed us.
    bool finish();

  private:
    // False at the end of the pipe, when it is empty for now, or when we were destroyed.
    bool read_once();
    // False when we were destroyed.
    bool deliver_lines();
    void close();
    void on_readable();
    void read_file();

    UvLoop& loop_;
    Fd fd_;
    std::function<void(std::string_view)> on_line_;
    std::function<void()> on_end_;
    std::string pending_;
    Lifetime lifetime_;
    std::unique_ptr<Poller> poller_;
    Deferred file_;  // where there is nothing to wait for
};

}  // namespace bt::net
