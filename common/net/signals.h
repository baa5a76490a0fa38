#pragma once

// SIGINT and SIGTERM as a callback on the loop, and SIGHUP as another where one is given (it ends the process else).
// Making one also has SIGPIPE and SIGXFSZ ignored, for good: a reader that went away and a file size limit are errors
// of the call that meets them, not the end of the process.

#include <functional>
#include <memory>
#include <vector>

#include "common/net/uv_loop.h"

namespace bt::net {

class Signals {
  public:
    Signals(UvLoop& loop, std::function<void(int signal_number)> on_signal, std::function<void()> on_hangup = {});
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

  private:
    struct Handle;
    std::vector<Handle*> handles_;
};

}  // namespace bt::net
