#include "common/net/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "common/net/child_launch.h"
#include "common/net/signals.h"
#include "tests/unit/net/support.h"

using namespace bt;
using namespace bt::net;
using namespace bt::net::test;

namespace {

struct Watched {
    std::vector<std::string> output;
    std::vector<std::string> errors;
    std::vector<std::string> events;
    std::optional<ChildExit> exit;
    std::unique_ptr<ChildProcess> child;

    ChildSpec spec(const std::string& script) {
        ChildSpec spec;
        spec.argv = {"sh", "-c", script};
        spec.standard_output.on_line = [this](std::string_view line) { output.emplace_back(line); };
        spec.standard_error.on_line = [this](std::string_view line) { errors.emplace_back(line); };
        spec.on_event_line = [this](std::string_view line) { events.emplace_back(line); };
        spec.on_exit = [this](const ChildExit& how) { exit = how; };
        return spec;
    }
    void start(UvLoop& loop, ChildSpec spec) {
        auto started = ChildProcess::start(loop, std::move(spec));
        if (!started) FAIL(started.error().message());
        child = std::move(*started);
    }
    void run_to_end(UvLoop& loop, ChildSpec spec) {
        start(loop, std::move(spec));
        REQUIRE(run_until(loop, [&] { return exit.has_value(); }));
    }
};

using Lines = std::vector<std::string>;

// Waits on the kernel's word; the process need not be our child.
bool ends_soon(const Fd& pid_fd) {
    pollfd waiting{pid_fd.get(), POLLIN, 0};
    return poll(&waiting, 1, 20000) == 1;
}

}  // namespace

TEST_CASE("a child's lines arrive in order, each stream by itself, the last ones before its exit") {
    UvLoop loop;
    Watched watched;
    auto spec = watched.spec("echo one; echo two; echo no >&2; printf 'no newline'; exit 3");
    std::size_t lines_at_exit = 0;
    spec.on_exit = [&](const ChildExit& how) {
        watched.exit = how;
        lines_at_exit = watched.output.size();
    };
    watched.run_to_end(loop, std::move(spec));
    CHECK(watched.output == Lines{"one", "two", "no newline"});
    CHECK(watched.errors == Lines{"no"});
    CHECK(lines_at_exit == 3);
    CHECK_FALSE(watched.exit->signalled);
    CHECK(watched.exit->code == 3);
    CHECK_FALSE(watched.child->is_running());
}

TEST_CASE("a line longer than the limit comes in parts, and empty lines are lines") {
    UvLoop loop;
    Watched watched;
    watched.run_to_end(loop, watched.spec("head -c 1500000 /dev/zero | tr '\\0' x; echo; echo; echo end"));
    REQUIRE(watched.output.size() >= 4);
    std::size_t total = 0;
    for (const auto& line : watched.output) {
        CHECK(line.size() <= kMaxLine);
        total += line.size();
    }
    CHECK(total == 1500000 + 3);
    CHECK(watched.output.back() == "end");
    CHECK(watched.output[watched.output.size() - 2].empty());
}

TEST_CASE("events come over a descriptor of the number that was asked for") {
    UvLoop loop;
    for (const int number : {3, 9, 63}) {
        Watched watched;
        auto spec = watched.spec("");
        // dash knows single-digit numbers only; the path works for all.
        spec.argv = {"sh", "-c", "echo '{\"e\":1}' > /proc/self/fd/" + std::to_string(number)};
        spec.events_fd = number;
        watched.run_to_end(loop, std::move(spec));
        CHECK(watched.events == Lines{"{\"e\":1}"});
        CHECK(watched.exit->code == 0);
    }
    for (const int number : {2, 64}) {
        Watched watched;
        auto spec = watched.spec("true");
        spec.events_fd = number;
        const auto refused = ChildProcess::start(loop, std::move(spec));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::InvalidArgument);
    }
}

TEST_CASE("a child has the environment, the folder and the descriptors it was given and no others") {
    UvLoop loop;
    const TempFolder folder;
    const Fd leaked(open("/dev/null", O_RDONLY));  // without close-on-exec, as a library might have it
    Watched watched;
    auto spec = watched.spec("echo $SWARM_WORD $HOME; pwd; ls /proc/self/fd | tr '\\n' ' '; cat");
    spec.environment = {{"SWARM_WORD", "piece"}, {"HOME", "/nowhere"}};
    spec.directory = folder.path();
    watched.run_to_end(loop, std::move(spec));
    REQUIRE(watched.output.size() == 3);
    CHECK(watched.output[0] == "piece /nowhere");
    CHECK(watched.output[1] == std::filesystem::canonical(folder.path()));
    CHECK(watched.output[2] == "0 1 2 3 ");  // 3 is ls's own view of the folder
}

TEST_CASE("output can go to files, which are emptied first") {
    UvLoop loop;
    const TempFolder folder;
    write_file(folder / "out.log", as_bytes("of an earlier run, longer than the new one"));
    Watched watched;
    auto spec = watched.spec("echo out; echo err >&2; echo more");
    spec.standard_output.path = folder / "out.log";
    spec.standard_error.path = folder / "out.log";
    watched.run_to_end(loop, std::move(spec));
    CHECK(to_string(read_file(folder / "out.log")) == "out\nerr\nmore\n");
    CHECK(watched.output.empty());
}

TEST_CASE("what is written to a child's standard input arrives whole, and closing it ends the input") {
    UvLoop loop;
    Watched watched;
    auto spec = watched.spec("wc -c");
    spec.stdin_pipe = true;
    watched.start(loop, std::move(spec));
    const std::string text(300000, 'x');  // more than a pipe holds
    watched.child->write_stdin(text);
    watched.child->write_stdin("end");
    watched.child->close_stdin();
    watched.child->write_stdin("too late");
    REQUIRE(run_until(loop, [&] { return watched.exit.has_value(); }));
    CHECK(watched.output == Lines{"300003"});
}

TEST_CASE("a child that does not read its input is no obstacle") {
    UvLoop loop;
    Watched watched;
    auto spec = watched.spec("exec <&-; echo closed; read -r unused < /proc/self/fd/9 || exit 4");
    spec.stdin_pipe = true;
    watched.start(loop, std::move(spec));
    REQUIRE(run_until(loop, [&] { return !watched.output.empty(); }));
    watched.child->write_stdin("into the void");
    REQUIRE(run_until(loop, [&] { return watched.exit.has_value(); }));
    CHECK_FALSE(watched.exit->signalled);
}

TEST_CASE("a signal goes to the whole group and is told as the cause of the end") {
    UvLoop loop;
    Watched watched;
    watched.start(loop, watched.spec("sleep 1000 & echo $!; wait"));
    REQUIRE(run_until(loop, [&] { return !watched.output.empty(); }));
    const Fd grandchild = open_process(static_cast<pid_t>(std::stol(watched.output[0])));
    REQUIRE(grandchild.is_open());
    watched.child->kill(SIGTERM);
    REQUIRE(run_until(loop, [&] { return watched.exit.has_value(); }));
    CHECK(watched.exit->signalled);
    CHECK(watched.exit->signal == SIGTERM);
    CHECK(ends_soon(grandchild));
    watched.child->kill(SIGTERM);  // nobody is there any more
}

TEST_CASE("what a child leaves behind in its group ends with it") {
    UvLoop loop;
    Watched watched;
    watched.start(loop, watched.spec("sleep 1000 & echo $!; read -r go; exit 0"));
    REQUIRE(run_until(loop, [&] { return watched.exit.has_value(); }));
    REQUIRE(watched.output.size() == 1);
    const Fd grandchild = open_process(static_cast<pid_t>(std::stol(watched.output[0])));
    CHECK((!grandchild.is_open() || ends_soon(grandchild)));
    CHECK(watched.exit->code == 0);
}

TEST_CASE("destroying a child process kills it, reaps it and calls nobody") {
    UvLoop loop;
    Watched watched;
    watched.start(loop, watched.spec("trap '' TERM; echo up; sleep 1000"));
    REQUIRE(run_until(loop, [&] { return !watched.output.empty(); }));
    const pid_t pid = watched.child->pid();
    watched.child.reset();
    CHECK(::kill(pid, 0) != 0);
    loop.run_ready_turn();
    CHECK_FALSE(watched.exit);
}

TEST_CASE("a child process may be destroyed by its line and by its exit") {
    UvLoop loop;
    Watched watched;
    bool told = false;
    auto spec = watched.spec("echo a; echo b; sleep 1000");
    SECTION("a line") {
        spec.standard_output.on_line = [&](std::string_view) {
            CHECK_FALSE(told);
            told = true;
            watched.child.reset();
        };
    }
    SECTION("the exit") {
        spec.argv = {"true"};
        spec.on_exit = [&](const ChildExit&) {
            told = true;
            watched.child.reset();
        };
    }
    watched.start(loop, std::move(spec));
    REQUIRE(run_until(loop, [&] { return told; }));
    loop.run_ready_turn();
    CHECK_FALSE(watched.child);
}

TEST_CASE("what cannot be started is an error that says why") {
    UvLoop loop;
    const TempFolder folder;
    ChildSpec spec;
    ErrorCode expected = ErrorCode::NotFound;
    SECTION("no such program") { spec.argv = {"swarmlab-no-such-program"}; }
    SECTION("no such folder") {
        spec.argv = {"true"};
        spec.directory = folder / "missing";
    }
    SECTION("no folder for a log") {
        spec.argv = {"true"};
        spec.standard_output.path = folder / "missing/out.log";
    }
    SECTION("not a program") {
        write_file(folder / "text", as_bytes("no program"));
        spec.argv = {folder / "text"};
        expected = ErrorCode::PermissionDenied;
    }
    SECTION("nothing at all") { expected = ErrorCode::InvalidArgument; }
    const auto started = ChildProcess::start(loop, std::move(spec));
    REQUIRE_FALSE(started);
    CHECK(started.error().code == expected);
}

TEST_CASE("one that is not waited for says by itself that it cannot be started, in place of its exit") {
    UvLoop loop;
    const TempFolder folder;
    Watched watched;
    std::optional<Error> problem;
    ChildSpec spec = watched.spec("exit 3");
    spec.on_start_failed = [&](const Error& error) { problem = error; };
    SECTION("no such program") {
        spec.argv = {"swarmlab-no-such-program"};
        watched.start(loop, std::move(spec));
        REQUIRE(run_until(loop, [&] { return problem.has_value(); }));
        CHECK(problem->code == ErrorCode::NotFound);
        CHECK(problem->message().find("start swarmlab-no-such-program") != std::string::npos);
        CHECK_FALSE(watched.exit);
        CHECK_FALSE(watched.child->is_running());
    }
    SECTION("no such folder") {
        spec.directory = folder / "missing";
        watched.start(loop, std::move(spec));
        REQUIRE(run_until(loop, [&] { return problem.has_value(); }));
        CHECK(problem->message().find(folder / "missing") != std::string::npos);
    }
    SECTION("a program that runs") {
        watched.run_to_end(loop, std::move(spec));
        CHECK(watched.exit->code == 3);
        CHECK_FALSE(problem);
    }
    SECTION("one that is killed on its way") {
        watched.start(loop, std::move(spec));
        watched.child->kill(SIGKILL);
        REQUIRE(run_until(loop, [&] { return watched.exit.has_value(); }));
        CHECK_FALSE(problem);
    }
}

TEST_CASE("children that wait at a gate run when it opens, however it does, and none before") {
    UvLoop loop;
    Watched first, second, third;
    auto gate = LaunchGate::make();
    REQUIRE(gate);
    Watched* const all[] = {&first, &second, &third};
    for (Watched* watched : all) {
        ChildSpec spec = watched->spec("echo $$; exec sleep 600");
        spec.gate = &*gate;
        spec.on_start_failed = [](const Error&) {};
        watched->start(loop, std::move(spec));
    }
    for (int i = 0; i < 10; ++i) loop.run_ready_turn();
    for (const Watched* watched : all) CHECK(watched->output.empty());
    first.child->kill(SIGTERM);  // it hears of it when it runs
    second.child->kill(SIGKILL);
    REQUIRE(run_until(loop, [&] { return second.exit.has_value(); }));
    CHECK(first.child->is_running());
    SECTION("opened") { gate->open(); }
    SECTION("destroyed") { gate = fail(local_error(ErrorCode::Cancelled, "gone")); }
    REQUIRE(run_until(loop, [&] { return first.exit.has_value() && third.output.size() == 1; }));
    CHECK(first.exit->signal == SIGTERM);
    CHECK(first.output.empty());
    CHECK(third.output == Lines{std::to_string(third.child->pid())});
}

TEST_CASE("signals are held for a program of ours, also at a gate, and for no other") {
    UvLoop loop;
    Watched ours, other;
    auto gate = LaunchGate::make();
    REQUIRE(gate);
    for (Watched* watched : {&ours, &other}) {
        ChildSpec spec = watched->spec("exec grep SigBlk /proc/self/status");
        spec.holds_signals = watched == &ours;
        spec.gate = &*gate;
        spec.on_start_failed = [](const Error&) {};
        watched->start(loop, std::move(spec));
    }
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ours.child->kill(number);
    gate->open();
    REQUIRE(run_until(loop, [&] { return ours.exit && other.exit; }));
    CHECK(ours.output == Lines{"SigBlk:\t0000000000004003"});
    CHECK_FALSE(ours.exit->signalled);
    CHECK(other.output == Lines{"SigBlk:\t0000000000000000"});
}

TEST_CASE("a child dies when its parent is killed with -9") {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    const pid_t parent = fork();
    if (parent == 0) {
        UvLoop loop;
        ChildSpec spec;
        spec.argv = {"sleep", "1000"};
        const auto child = ChildProcess::start(loop, std::move(spec));
        const pid_t pid = child ? (*child)->pid() : 0;
        if (write(ends[1], &pid, sizeof pid) != sizeof pid) _exit(1);
        for (;;) loop.run_turn();
    }
    REQUIRE(parent > 0);
    writer.reset();
    pid_t pid = 0;
    REQUIRE(read(reader.get(), &pid, sizeof pid) == sizeof pid);
    REQUIRE(pid > 0);
    const Fd child = open_process(pid);
    REQUIRE(child.is_open());
    pollfd alive{child.get(), POLLIN, 0};
    CHECK(poll(&alive, 1, 0) == 0);
    REQUIRE(::kill(parent, SIGKILL) == 0);
    CHECK(ends_soon(child));
    CHECK(waitpid(parent, nullptr, 0) == parent);
}

TEST_CASE("an interrupt and a request to end are told on the loop, and not after the watcher is gone") {
    UvLoop loop;
    std::vector<int> caught;
    {
        const Signals signals(loop, [&](int number) { caught.push_back(number); });
        REQUIRE(raise(SIGINT) == 0);
        REQUIRE(run_until(loop, [&] { return caught.size() == 1; }));
        REQUIRE(raise(SIGTERM) == 0);
        REQUIRE(run_until(loop, [&] { return caught.size() == 2; }));
    }
    CHECK(caught == std::vector<int>{SIGINT, SIGTERM});
    struct sigaction now {};
    REQUIRE(sigaction(SIGPIPE, nullptr, &now) == 0);
    CHECK(now.sa_handler == SIG_IGN);
}

TEST_CASE("a signal that was held comes when somebody watches, and one behind that ends nothing") {
    UvLoop loop;
    sigset_t held, before, pending;
    sigemptyset(&held);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held, number);
    REQUIRE(pthread_sigmask(SIG_BLOCK, &held, &before) == 0);
    std::vector<int> caught;
    REQUIRE(raise(SIGTERM) == 0);
    {
        const Signals signals(loop, [&](int number) { caught.push_back(number); });
        REQUIRE(run_until(loop, [&] { return caught.size() == 1; }));
        REQUIRE(raise(SIGINT) == 0);
        REQUIRE(run_until(loop, [&] { return caught.size() == 2; }));
    }
    CHECK(caught == std::vector<int>{SIGTERM, SIGINT});
    REQUIRE(raise(SIGTERM) == 0);
    REQUIRE(sigpending(&pending) == 0);
    CHECK(sigismember(&pending, SIGTERM) == 1);
    const timespec at_once{};
    CHECK(sigtimedwait(&held, nullptr, &at_once) == SIGTERM);
    REQUIRE(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
    {
        const Signals signals(loop, [](int) {});  // nothing was held: nothing is afterwards
    }
    sigset_t now;
    REQUIRE(pthread_sigmask(SIG_SETMASK, nullptr, &now) == 0);
    CHECK(sigismember(&now, SIGTERM) == 0);
}
