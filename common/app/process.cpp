#include "common/app/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace bt::app {

void open_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        if (::open("/dev/null", O_RDWR) < 0) return;  // the lowest number that is free: this one
    }
}

void ignore_sigpipe() { std::signal(SIGPIPE, SIG_IGN); }

std::optional<std::uint64_t> raise_open_file_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
    const std::uint64_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return before;
}

Status die_with_parent(std::optional<pid_t> expected_parent) {
    const pid_t parent = expected_parent.value_or(::getppid());
    if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return fail(system_error(errno, "--die-with-parent"));
    if (::getppid() != parent) {
        return fail(local_error(ErrorCode::Cancelled, "--die-with-parent: the parent process is gone already"));
    }
    return {};
}

}  // namespace bt::app
