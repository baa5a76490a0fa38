#include "lab/guard.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <set>
#include <string>

#include "lab/left_behind.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

// A lab that is killed may have taken its lock just before it said so, or just not: then nothing was made yet.
void clean(const std::set<std::string>& folders) {
    for (const std::string& folder : folders) {
        if (clean_left_behind(folder)) continue;
        end_marked_processes(folder);
        std::error_code ignored;
        fs::remove(fs::path(folder) / "lock.new", ignored);
        fs::remove(folder, ignored);  // where it is empty
    }
}

void on_line(const std::string& line, std::set<std::string>& folders) {
    if (line.starts_with('+')) folders.insert(line.substr(1));
    if (line.starts_with('-')) folders.erase(line.substr(1));
}

[[noreturn]] void keep_guard(int pipe) {
    setsid();
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE}) std::signal(number, SIG_IGN);
    prctl(PR_SET_NAME, "swarm-lab-guard");
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; ++fd) dup2(nothing, fd);
    const int ours = dup2(pipe, 3);
    close_range(4, ~0u, 0);
    std::set<std::string> folders;
    std::string pending;
    char buffer[4096];
    for (;;) {
        const ssize_t n = read(ours, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        pending.append(buffer, static_cast<std::size_t>(n));
        for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
            on_line(pending.substr(0, end), folders);
            pending.erase(0, end + 1);
        }
    }
    clean(folders);
    _exit(0);
}

}  // namespace

Result<Guard> Guard::start() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return fail(system_error(errno, "pipe"));
    const net::Fd reader(ends[0]);
    net::Fd writer(ends[1]);
    const pid_t pid = fork();
    if (pid < 0) return fail(system_error(errno, "fork"));
    if (pid == 0) {
        writer.reset();
        keep_guard(reader.get());
    }
    return Guard(pid, std::move(writer));
}

Guard::Guard(Guard&& other) noexcept : pid_(std::exchange(other.pid_, -1)), pipe_(std::move(other.pipe_)) {}

Guard::~Guard() {
    pipe_.reset();
    if (pid_ <= 0) return;
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void Guard::watch(const fs::path& folder) { tell('+', folder); }
void Guard::forget(const fs::path& folder) { tell('-', folder); }

// One write of less than a pipe takes at once: all or nothing. A guard that is gone cannot be helped.
void Guard::tell(char what, const fs::path& folder) {
    const std::string line = what + folder.string() + '\n';
    const ssize_t written = write(pipe_.get(), line.data(), line.size());
    static_cast<void>(written);
}

}  // namespace bt::lab
