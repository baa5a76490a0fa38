#include "common/net/child_launch.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "common/net/signals.h"

namespace bt::net {

namespace {

enum class Step : int { Setup, Directory, Program };

struct Failure {
    Step step = Step::Setup;
    int error = 0;
};

// What the child needs, in memory that both share.
struct Prepared {
    const LaunchPlan* plan = nullptr;
    std::vector<char*> argv;
    std::vector<char*> environment;
    std::vector<int> high;  // our descriptors, moved out of the way; room for one per descriptor
    pid_t parent = 0;
    int report = -1;
    int gate_reader = -1, gate_writer = -1;
};

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const auto& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));  // exec does not write
    pointers.push_back(nullptr);
    return pointers;
}

[[noreturn]] void give_up(int report, Step step) {
    const Failure failure{step, errno};
    const ssize_t written = write(report, &failure, sizeof failure);
    _exit(written == sizeof failure ? 127 : 126);
}

void reset_signals(bool hold) {
    struct sigaction plain {};
    plain.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) sigaction(number, &plain, nullptr);
    sigset_t blocked;
    sigemptyset(&blocked);
    if (hold) {
        for (const int number : kHeldSignals) sigaddset(&blocked, number);
    }
    sigprocmask(SIG_SETMASK, &blocked, nullptr);
}

void limit_open_files(std::uint64_t count) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = std::min<rlim_t>(count, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
}

// Ours is one of the writing ends, too.
void wait_at_gate(const Prepared& prepared) {
    if (prepared.gate_reader < 0) return;
    close(prepared.gate_writer);
    char nothing = 0;
    while (read(prepared.gate_reader, &nothing, 1) < 0 && errno == EINTR) {
    }
}

// In the child. Async-signal-safe calls only.
[[noreturn]] void run_child(Prepared& prepared) {
    const LaunchPlan& plan = *prepared.plan;
    int report = prepared.report;
    if (plan.own_group) setpgid(0, 0);
    // The parent may have died before the kernel knew that we care.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(report, Step::Setup);
    if (getppid() != prepared.parent) _exit(126);
    wait_at_gate(prepared);
    // First everything up, so that no number which is wanted below is in use above.
    report = fcntl(report, F_DUPFD_CLOEXEC, kFirstFreeDescriptor);
    if (report < 0) give_up(prepared.report, Step::Setup);
    for (std::size_t i = 0; i < plan.descriptors.size(); ++i) {
        prepared.high[i] = fcntl(plan.descriptors[i].ours, F_DUPFD_CLOEXEC, kFirstFreeDescriptor);
        if (prepared.high[i] < 0) give_up(report, Step::Setup);
    }
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);  // ours are close-on-exec anyway; this is for those of libraries
    for (std::size_t i = 0; i < plan.descriptors.size(); ++i) {
        if (dup2(prepared.high[i], plan.descriptors[i].theirs) < 0) give_up(report, Step::Setup);
    }
    if (!plan.directory.empty() && chdir(plan.directory.c_str()) != 0) give_up(report, Step::Directory);
    reset_signals(plan.holds_signals);
    if (plan.open_files) limit_open_files(*plan.open_files);
    execvpe(prepared.argv[0], prepared.argv.data(), prepared.environment.data());
    give_up(report, Step::Program);
}

Error describe(const Failure& failure, const Launched& launched) {
    switch (failure.step) {
        case Step::Setup:
            break;
        case Step::Directory:
            return system_error(failure.error, "start in folder " + launched.directory);
        case Step::Program:
            return system_error(failure.error, "start " + launched.program);
    }
    return system_error(failure.error, "prepare to start " + launched.program);
}

}  // namespace

Result<LaunchGate> LaunchGate::make() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return fail(system_error(errno, "pipe"));
    LaunchGate gate;
    gate.reader_ = Fd(ends[0]);
    gate.writer_ = Fd(ends[1]);
    return gate;
}

Result<Launched> begin_launch(const LaunchPlan& plan) {
    if (plan.argv.empty()) return fail(local_error(ErrorCode::InvalidArgument, "no program to start"));
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) return fail(system_error(errno, "pipe"));
    Fd report_reader(report[0]);
    const Fd report_writer(report[1]);

    Prepared prepared;
    prepared.plan = &plan;
    prepared.argv = pointers_to(plan.argv);
    prepared.environment = pointers_to(plan.environment);
    prepared.high.resize(plan.descriptors.size());
    prepared.parent = getpid();
    prepared.report = report_writer.get();
    if (plan.gate != nullptr) {
        prepared.gate_reader = plan.gate->reader();
        prepared.gate_writer = plan.gate->writer();
    }

    // Our handlers must not run in the child: they would tell our loop of signals that are not ours.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = fork();
    if (pid == 0) run_child(prepared);
    const int fork_error = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return fail(system_error(fork_error, "fork"));
    if (plan.own_group) setpgid(pid, pid);  // the child does the same; who is first does not matter
    return Launched{pid, std::move(report_reader), plan.argv[0], plan.directory};
}

Status wait_for_program(Launched& launched) {
    const Fd report = std::move(launched.report);
    if (!report.is_open()) return {};
    Failure failure;
    ssize_t n = 0;
    do n = read(report.get(), &failure, sizeof failure);
    while (n < 0 && errno == EINTR);
    if (n == 0) return {};  // closed by exec
    return fail(describe(failure, launched));
}

Result<pid_t> launch(const LaunchPlan& plan) {
    BT_TRY_ASSIGN(Launched launched, begin_launch(plan));
    if (const Status runs = wait_for_program(launched); !runs) {
        int status = 0;
        while (waitpid(launched.pid, &status, 0) < 0 && errno == EINTR) {
        }
        return fail(runs.error());
    }
    return launched.pid;
}

Fd open_process(pid_t pid) { return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& additions) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry; ++entry) {
        const std::string text = *entry;
        const std::string name = text.substr(0, text.find('='));
        bool replaced = false;
        for (const auto& addition : additions) replaced = replaced || addition.first == name;
        if (!replaced) all.push_back(text);
    }
    for (const auto& [name, value] : additions) all.push_back(name + "=" + value);
    return all;
}

}  // namespace bt::net
