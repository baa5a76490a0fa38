#pragma once

// fork and exec, with everything prepared before: between the two only async-signal-safe calls are allowed.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/net/socket.h"

namespace bt::net {

// Processes wait at it before they go on to their programs, until it opens (or is destroyed): who forks many is not
// kept from it by those that run already.
class LaunchGate {
  public:
    [[nodiscard]] static Result<LaunchGate> make();
    void open() { writer_.reset(); }
    [[nodiscard]] int reader() const { return reader_.get(); }
    [[nodiscard]] int writer() const { return writer_.get(); }

  private:
    Fd reader_, writer_;
};

struct LaunchPlan {
    std::vector<std::string> argv;
    std::vector<std::string> environment;  // NAME=value, the whole of it
    std::string directory;                 // empty: ours
    struct Descriptor {
        int ours = -1;
        int theirs = -1;  // below kFirstFreeDescriptor
    };
    std::vector<Descriptor> descriptors;  // 0, 1 and 2 among them; all others are closed
    bool own_group = true;                // else it stays in ours
    bool holds_signals = false;           // as ChildSpec's
    std::optional<std::uint64_t> open_files = {};  // as ChildSpec's
    const LaunchGate* gate = nullptr;              // where it waits; for the length of the call
};

inline constexpr int kFirstFreeDescriptor = 64;

// A process that is on its way to its program: between fork and exec. On a machine with more to do than cores that
// takes a while, so that many are launched first and waited for afterwards.
struct Launched {
    pid_t pid = -1;
    Fd report;                       // closed by exec; what kept it from there comes first
    std::string program, directory;  // for that
};
// The descriptors of the plan are not needed any more when it returns.
[[nodiscard]] Result<Launched> begin_launch(const LaunchPlan& plan);
// Waits until the program runs, or says why it does not; then the process ends, and its owner reaps it.
[[nodiscard]] Status wait_for_program(Launched& launched);
// Both: the pid of a program that runs.
[[nodiscard]] Result<pid_t> launch(const LaunchPlan& plan);

// Readable once the process has ended; closed where there is none. (The wrapper of glibc 2.36 has C++ linkage by
// mistake and cannot be linked.)
[[nodiscard]] Fd open_process(pid_t pid);

// Our environment with these names replaced or added.
[[nodiscard]] std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& additions);

}  // namespace bt::net
