#include "lab/left_behind.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "common/net/child_launch.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

namespace fs = std::filesystem;

struct Folder {
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "swarmlab-left-XXXXXX").string();
        path = mkdtemp(pattern.data());
    }
    ~Folder() { fs::remove_all(path); }
    [[nodiscard]] fs::path make(const char* name) const {
        fs::create_directory(path / name);
        return path / name;
    }
    fs::path path;
};

void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What a lab that was killed leaves: the file, and nobody who holds it.
void leave_lock(const fs::path& run, bool keep) {
    std::string text;
    {
        const Result<RunLock> lock = RunLock::take(run, keep);
        REQUIRE(lock);
        text = text_of(run / "lock");
    }
    write(run / "lock", text);
}

// Waits on the kernel's word.
bool ends_within(const net::Fd& handle, int milliseconds) {
    pollfd waiting{handle.get(), POLLIN, 0};
    return poll(&waiting, 1, milliseconds) == 1;
}

// A process that waits for its end, with or without a mark; gone with the test.
class Sleeper {
  public:
    explicit Sleeper(const std::string& mark, const char* script = "exec sleep 600", int output = 1) {
        net::LaunchPlan plan;
        plan.argv = {"sh", "-c", script};
        plan.environment = {"PATH=/usr/bin:/bin"};
        if (!mark.empty()) plan.environment.push_back(mark);
        plan.descriptors = {{0, 0}, {output, 1}, {2, 2}};
        const Result<pid_t> started = net::launch(plan);
        REQUIRE(started);
        pid_ = *started;
        handle_ = net::open_process(pid_);
    }
    ~Sleeper() {
        kill(-pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;

    [[nodiscard]] bool ends_soon() const { return ends_within(handle_, 20000); }
    [[nodiscard]] bool lives() const { return !ends_within(handle_, 0); }

  private:
    pid_t pid_ = -1;
    net::Fd handle_;
};

std::string mark_of(const fs::path& folder) { return std::string(kMark) + '=' + folder.string(); }

}  // namespace

TEST_CASE("a run's folder is alive while its lock is held, and ended when the lock is given back") {
    const Folder folder;
    CHECK(state_of_run(folder.path) == RunState::Ended);
    {
        const Result<RunLock> lock = RunLock::take(folder.path, false);
        REQUIRE(lock);
        CHECK(state_of_run(folder.path) == RunState::Alive);
        CHECK_FALSE(fs::exists(folder.path / "lock.new"));
        CHECK_FALSE(clean_left_behind(folder.path));
        CHECK(fs::exists(folder.path / "lock"));
        CHECK_FALSE(RunLock::take(folder.path / "no such folder", false));
    }
    CHECK_FALSE(fs::exists(folder.path / "lock"));
    CHECK(state_of_run(folder.path) == RunState::Ended);
}

TEST_CASE("a lock that moved is given back once") {
    const Folder folder;
    Result<RunLock> lock = RunLock::take(folder.path, false);
    REQUIRE(lock);
    {
        const RunLock moved = std::move(*lock);
        CHECK(state_of_run(folder.path) == RunState::Alive);
    }
    write(folder.path / "lock", "somebody else's");
    lock = fail(local_error(ErrorCode::NotFound, "over"));  // what was moved from removes nothing
    CHECK(fs::exists(folder.path / "lock"));
}

TEST_CASE("what was left behind goes with all that is in it, or only its lock where it was to be kept") {
    const Folder folder;
    const fs::path gone = folder.make("gone");
    const fs::path kept = folder.make("kept");
    leave_lock(gone, false);
    leave_lock(kept, true);
    for (const fs::path& run : {gone, kept}) {
        fs::create_directories(run / "nodes/client-1");
        write(run / "nodes/client-1/log", "text");
        CHECK(state_of_run(run) == RunState::LeftBehind);
        CHECK(clean_left_behind(run));
    }
    CHECK_FALSE(fs::exists(gone));
    CHECK(text_of(kept / "nodes/client-1/log") == "text");
    CHECK(state_of_run(kept) == RunState::Ended);
}

TEST_CASE("of an output folder the left-behind runs are cleaned, the others and what links point to stay") {
    const Folder folder;
    const fs::path left = folder.make("left");
    const fs::path ended = folder.make("ended");
    const fs::path alive = folder.make("alive");
    const fs::path elsewhere = folder.make("elsewhere");
    const fs::path out = folder.make("out");
    for (const char* name : {"left", "ended", "alive"}) fs::rename(folder.path / name, out / name);
    leave_lock(out / "left", false);
    leave_lock(elsewhere, false);
    fs::create_directory_symlink(elsewhere, out / "latest");
    write(out / "a file", "text");
    const Result<RunLock> held = RunLock::take(out / "alive", false);
    REQUIRE(held);
    CHECK(clean_all_left_behind(out) == std::vector<fs::path>{out / "left"});
    CHECK_FALSE(fs::exists(out / "left"));
    CHECK(fs::exists(out / "ended"));
    CHECK(fs::exists(out / "alive"));
    CHECK(fs::exists(out / "a file"));
    CHECK(fs::exists(elsewhere / "lock"));
    CHECK(clean_all_left_behind(out).empty());
    CHECK(clean_all_left_behind(out / "missing").empty());
}

TEST_CASE("bad input: a lock that no lab wrote, or that is a link, makes nobody remove a folder") {
    const Folder folder;
    const fs::path foreign = folder.make("foreign");
    const fs::path empty = folder.make("empty");
    const fs::path linked = folder.make("linked");
    const fs::path real = folder.make("real");
    write(foreign / "lock", "12345\n");
    write(empty / "lock", "");
    leave_lock(real, false);
    fs::create_symlink(real / "lock", linked / "lock");
    for (const fs::path& run : {foreign, empty, linked}) {
        CHECK(state_of_run(run) == RunState::Ended);
        CHECK_FALSE(clean_left_behind(run));
        CHECK(fs::exists(run / "lock"));
    }
    CHECK(state_of_run(real) == RunState::LeftBehind);
}

TEST_CASE("processes with a run's mark are ended, also those with sessions of their own; others live") {
    const Folder folder;
    const Sleeper marked(mark_of(folder.path));
    const Sleeper other(mark_of(folder.path.string() + "-2"));  // a longer name
    const Sleeper no_mark("");
    const Sleeper similar("OTHER_" + mark_of(folder.path));
    CHECK(end_marked_processes(folder.path) == 1);
    CHECK(marked.ends_soon());
    for (const Sleeper* sleeper : {&other, &no_mark, &similar}) CHECK(sleeper->lives());
    CHECK(end_marked_processes(folder.path) == 0);
}

TEST_CASE("what a marked process has started is ended too when its run is cleaned") {
    const Folder folder;
    const fs::path run = folder.make("run");
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const net::Fd reader(ends[0]);
    const net::Fd writer(ends[1]);
    const Sleeper parent(mark_of(run), "setsid sleep 600 & echo $!; exec sleep 600", writer.get());
    leave_lock(run, false);
    char child[32] = {};
    REQUIRE(read(reader.get(), child, sizeof child - 1) > 0);
    const net::Fd handle = net::open_process(static_cast<pid_t>(std::stoi(child)));
    CHECK(clean_left_behind(run));
    CHECK(parent.ends_soon());
    CHECK(ends_within(handle, 20000));
}
