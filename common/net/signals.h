#pragma once

// SIGINT and SIGTERM as a callback on the loop, and SIGHUP as another where one is given (it ends the process else).
// Making one also has SIGPIPE and SIGXFSZ ignored, for good: a reader that went away and a file size limit are errors
// of the call that meets them, not the end of the process.
// Who starts a program may do so with kHeldSignals blocked (ChildSpec::holds_signals): then they are let through for as
// long as this is there. What comes before waits for it; what comes behind it waits for ever, and a program that is
// about to end does so in order. Made and destroyed on the first thread; threads from before it never get them.

#include <array>
#include <csignal>
#include <functional>
#include <memory>
#include <vector>

#include "common/net/uv_loop.h"

namespace bt::net {

inline constexpr std::array kHeldSignals = {SIGINT, SIGTERM, SIGHUP};

class Signals {
  public:
    Signals(UvLoop& loop, std::function<void(int signal_number)> on_signal, std::function<void()> on_hangup = {});
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

  private:
    struct Handle;
    std::vector<Handle*> handles_;
    sigset_t blocked_before_{};
};

}  // namespace bt::net
