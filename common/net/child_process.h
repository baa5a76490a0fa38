#pragma once

// Programs that the lab starts: nothing of them is left behind.
//
//  - The child leads a process group of its own; signals go to the whole group. When the leader ends, what is left
//    of the group is killed before the leader is reaped. One that shares our terminal stays in our group instead, so
//    that Ctrl-C and Ctrl-Z reach it as they reach us; then signals go to it alone.
//  - The kernel kills the child when the thread that started it dies, also by SIGKILL. (The child's own children see
//    only the group's end.)
//  - The child inherits the descriptors named here and no other; all signals are at their defaults and unblocked, but
//    for those that a program of ours holds until it watches for them (ChildSpec::holds_signals).
//  - Lines are delivered on the loop, the last ones before on_exit. Of on_exit and on_start_failed one comes, once.
//  - Destruction kills the group and reaps the child; no callback comes afterwards. It may happen inside a callback.
// SIGPIPE is ignored in our process once a child has a pipe for standard input.

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/net/child_launch.h"
#include "common/net/line_pipe.h"

namespace bt::net {

// Where a child's output goes: a file (made or emptied; its folder must exist), else a callback per line, else nowhere.
struct ChildOutput {
    std::string path;
    std::function<void(std::string_view)> on_line;
};

struct ChildExit {
    bool signalled = false;
    int code = 0;    // exit code, where not signalled
    int signal = 0;  // else the signal that ended it
};

struct ChildSpec {
    std::vector<std::string> argv;                                 // argv[0] is looked up in PATH unless it has a '/'
    std::vector<std::pair<std::string, std::string>> environment;  // added to ours, or instead of ours
    std::string directory;                                         // empty: ours
    bool share_terminal = false;                                   // it has our standard input, output and error
    bool stdin_pipe = false;                                       // else /dev/null
    // It makes a net::Signals: what comes earlier or later waits, so that none of kHeldSignals ever ends it. Any other
    // program would not hear of them at all.
    bool holds_signals = false;
    std::optional<std::uint64_t> open_files;  // its soft limit on them; nothing: ours
    ChildOutput standard_output;
    ChildOutput standard_error;
    // The writing end of one more pipe, open in the child under this number (3 … 63).
    std::optional<int> events_fd;
    std::function<void(std::string_view)> on_event_line;
    std::function<void(const ChildExit&)> on_exit;
    // Where it is given, start() does not wait until the program runs, and what keeps it from running comes here, in
    // place of on_exit.
    std::function<void(const Error&)> on_start_failed;
    const LaunchGate* gate = nullptr;  // of child_launch.h; with on_start_failed alone, for nothing runs behind it
};

class ChildProcess {
  public:
    // Error: what the system refused (a missing program is NotFound). Returns when the program runs, or is on its way
    // there (on_start_failed).
    [[nodiscard]] static Result<std::unique_ptr<ChildProcess>> start(UvLoop& loop, ChildSpec spec);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool is_running() const { return !exit_; }
    [[nodiscard]] const std::optional<ChildExit>& exit() const { return exit_; }
    // To the whole group, or to it alone where that is ours; nothing when the child has ended.
    void kill(int signal_number);

    // To the child's standard input; kept until the child reads. Nothing where it has no pipe, or closed it.
    void write_stdin(std::string_view text);
    // After what was written has gone out.
    void close_stdin();

  private:
    explicit ChildProcess(UvLoop& loop) : loop_(loop) {}
    Status spawn(ChildSpec& spec);
    Status begin(const LaunchPlan& plan, const ChildSpec& spec);
    Status watch(ChildSpec& spec);
    void pump_stdin();
    void on_process_event();

    // Ends what is left of the group and takes the child's end off the kernel.
    ChildExit reap();

    UvLoop& loop_;
    pid_t pid_ = -1;
    bool own_group_ = true;
    std::optional<ChildExit> exit_;
    std::function<void(const ChildExit&)> on_exit_;
    std::function<void(const Error&)> on_start_failed_;
    Launched launched_;
    Fd pid_fd_;
    Fd stdin_;
    Fd output_ends_[3];  // until they are watched
    std::string stdin_pending_;
    bool stdin_closing_ = false;
    Lifetime lifetime_;
    std::unique_ptr<Poller> process_poller_;
    std::unique_ptr<Poller> stdin_poller_;
    std::unique_ptr<LinePipe> pipes_[3];  // standard output, standard error, events
};

}  // namespace bt::net
