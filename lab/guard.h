#pragma once

// A second process that outlives this one for a moment, to clean up behind it if it dies without doing so itself.
//
// The kernel ends the nodes when the lab dies (PR_SET_PDEATHSIG), but not what they have started, and nobody would
// remove the folder. So a process is forked before anything else; it reads from a pipe whose other end only the lab
// has. When that closes, it cleans every folder that it was told of and not told to forget, and ends. It has a session
// of its own, ignores signals that end and holds no other descriptor: what kills the lab's group or terminal does not
// reach it, and nobody waits for its output. Where it is killed too, the next lab cleans (left_behind.h).

#include <sys/types.h>

#include <filesystem>

#include "common/base/result.h"
#include "common/net/socket.h"

namespace bt::lab {

class Guard {
  public:
    // Call while there is one thread and no loop.
    [[nodiscard]] static Result<Guard> start();
    Guard(Guard&& other) noexcept;
    Guard& operator=(Guard&&) = delete;
    // Tells it that there is nothing to do, and sees it end.
    ~Guard();

    // Folders are absolute, without a line break.
    void watch(const std::filesystem::path& folder);
    void forget(const std::filesystem::path& folder);

  private:
    Guard(pid_t pid, net::Fd pipe) : pid_(pid), pipe_(std::move(pipe)) {}
    void tell(char what, const std::filesystem::path& folder);

    pid_t pid_;
    net::Fd pipe_;
};

}  // namespace bt::lab
