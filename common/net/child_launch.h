#pragma once

// fork and exec, with everything prepared before: between the two only async-signal-safe calls are allowed.

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/net/socket.h"

namespace bt::net {

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
};

inline constexpr int kFirstFreeDescriptor = 64;

// The pid of a program that runs: exec has succeeded.
[[nodiscard]] Result<pid_t> launch(const LaunchPlan& plan);

// Readable once the process has ended; closed where there is none. (The wrapper of glibc 2.36 has C++ linkage by
// mistake and cannot be linked.)
[[nodiscard]] Fd open_process(pid_t pid);

// Our environment with these names replaced or added.
[[nodiscard]] std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& additions);

}  // namespace bt::net
