#pragma once

// SIGINT and SIGTERM as a callback on the loop. Making one also has SIGPIPE and SIGXFSZ ignored, for good: a reader
// that went away and a file size limit are errors of the call that meets them, not the end of the process.

#include <functional>
#include <memory>

#include "common/net/uv_loop.h"

namespace bt::net {

class Signals {
  public:
    Signals(UvLoop& loop, std::function<void(int signal_number)> on_signal);
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

  private:
    struct Handle;
    std::shared_ptr<std::function<void(int)>> on_signal_;
    Handle* interrupt_;
    Handle* terminate_;
};

}  // namespace bt::net
