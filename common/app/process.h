#pragma once

// What every program does to its process before anything else.

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "common/base/result.h"

namespace bt::app {

// First in main(): opens /dev/null for what is closed of standard input, output and error, so that no descriptor of ours
// gets such a number.
void open_standard_descriptors();

// A peer, a pipe or a terminal that goes away is an error value (EPIPE), not the end of the process.
void ignore_sigpipe();

// Connections are descriptors: raises the soft limit on open ones to the hard limit, and answers to what it was, for
// programs of others that we start.
std::optional<std::uint64_t> raise_open_file_limit();

// Ask the kernel for SIGTERM when the parent dies. The parent may be gone before we ask: then nobody would ever tell
// us, so this is an error (Cancelled) when it is no longer `expected_parent`, or changed during the call.
[[nodiscard]] Status die_with_parent(std::optional<pid_t> expected_parent = std::nullopt);

}  // namespace bt::app
