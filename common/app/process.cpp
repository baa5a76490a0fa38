#include "common/app/process.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace bt::app {

void ignore_sigpipe() { std::signal(SIGPIPE, SIG_IGN); }

Status die_with_parent(std::optional<pid_t> expected_parent) {
    const pid_t parent = expected_parent.value_or(::getppid());
    if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return fail(system_error(errno, "--die-with-parent"));
    if (::getppid() != parent) {
        return fail(local_error(ErrorCode::Cancelled, "--die-with-parent: the parent process is gone already"));
    }
    return {};
}

}  // namespace bt::app
