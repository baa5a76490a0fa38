#include "lab/left_behind.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <utility>

#include "lab/slurm.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeader = "swarm-lab run\n";
constexpr std::string_view kKeep = "keep\n";
constexpr int kRounds = 200;  // of 10 ms

std::string read_all(const std::string& path) {
    std::string text;
    const net::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char buffer[1 << 14];
    ssize_t n = 0;
    while (fd.is_open() && (n = read(fd.get(), buffer, sizeof buffer)) > 0) {
        text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
}

bool has_mark(const std::string& pid, const std::string& mark) {
    const std::string environment = read_all("/proc/" + pid + "/environ");
    for (std::size_t at = environment.find(mark); at != std::string::npos; at = environment.find(mark, at + 1)) {
        const std::size_t end = at + mark.size();
        if ((at == 0 || environment[at - 1] == '\0') && (end == environment.size() || environment[end] == '\0')) {
            return true;
        }
    }
    return false;
}

std::size_t kill_marked(const std::string& mark) {
    std::size_t met = 0;
    std::error_code error;
    for (fs::directory_iterator entry("/proc", error), end; entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        pid_t pid = 0;
        const auto [rest, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (bad != std::errc() || rest != name.data() + name.size() || pid == getpid()) continue;
        if (!has_mark(name, mark)) continue;
        ++met;
        kill(pid, SIGKILL);
    }
    return met;
}

bool is_same_file(int fd, const fs::path& path) {
    struct stat ours {};
    struct stat named {};
    return fstat(fd, &ours) == 0 && stat(path.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

// The lock of a run that was left behind, held by us now; closed where that is not so.
net::Fd seize(const fs::path& lock) {
    net::Fd fd(open(lock.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.is_open() || flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return {};
    if (!is_same_file(fd.get(), lock) || !read_all(lock).starts_with(kHeader)) return {};
    return fd;
}

}  // namespace

std::size_t end_marked_processes(const fs::path& folder) {
    const std::string mark = std::string(kMark) + '=' + folder.string();
    std::size_t first = 0;
    bool nobody_before = false;  // a process that is just changing to another program has no environment to be seen
    for (int round = 0; round < kRounds; ++round) {
        const std::size_t met = kill_marked(mark);
        if (first == 0) first = met;
        if (met == 0 && std::exchange(nobody_before, true)) return first;
        if (met > 0) nobody_before = false;
        const timespec pause{0, 10'000'000};
        nanosleep(&pause, nullptr);
    }
    return first;
}

// The file gets its name when it is locked: nobody ever sees it free.
Result<RunLock> RunLock::take(const fs::path& folder, bool keep) {
    const fs::path path = folder / "lock";
    const fs::path first = folder / "lock.new";
    net::Fd fd(open(first.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    const std::string text = std::string(kHeader) + (keep ? std::string(kKeep) : "");
    if (!fd.is_open() || flock(fd.get(), LOCK_EX | LOCK_NB) != 0 ||
        write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        rename(first.c_str(), path.c_str()) != 0) {
        return fail(system_error(errno, path.string()));
    }
    return RunLock(path, std::move(fd));
}

RunLock::~RunLock() {
    if (fd_.is_open()) unlink(path_.c_str());
}

RunState state_of_run(const fs::path& folder) {
    const fs::path lock = folder / "lock";
    const net::Fd fd(open(lock.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.is_open() || !read_all(lock).starts_with(kHeader)) return RunState::Ended;
    return flock(fd.get(), LOCK_SH | LOCK_NB) == 0 ? RunState::LeftBehind : RunState::Alive;
}

bool clean_left_behind(const fs::path& folder) {
    const fs::path lock = folder / "lock";
    const net::Fd held = seize(lock);
    if (!held.is_open()) return false;
    cancel_left_behind(folder);
    end_marked_processes(folder);
    std::error_code ignored;
    if (read_all(lock).ends_with(kKeep)) {
        fs::remove(lock, ignored);
    } else {
        fs::remove_all(folder, ignored);
    }
    return true;
}

std::vector<fs::path> clean_all_left_behind(const fs::path& out) {
    std::vector<fs::path> cleaned;
    std::error_code error;
    const fs::path base = fs::absolute(out, error);
    for (fs::directory_iterator entry(base, error), end; !error && entry != end; entry.increment(error)) {
        if (entry->is_symlink(error) || !clean_left_behind(entry->path())) continue;
        cleaned.push_back(entry->path());
    }
    return cleaned;
}

}  // namespace bt::lab
