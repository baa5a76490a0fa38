#include "common/net/child_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "common/net/socket.h"

namespace bt::net {

namespace {

struct PipeEnds {
    Fd reader;
    Fd writer;
};

Result<PipeEnds> make_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return fail(system_error(errno, "pipe"));
    return PipeEnds{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> open_path(const std::string& path, int flags) {
    Fd fd(open(path.c_str(), flags | O_CLOEXEC, 0666));
    if (!fd.is_open()) return fail(system_error(errno, "open " + path));
    return fd;
}

// The child's end; ours goes to `reader` where there is one.
Result<Fd> open_output(const ChildOutput& output, Fd& reader) {
    if (!output.path.empty()) return open_path(output.path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
    if (!output.on_line) return open_path("/dev/null", O_WRONLY);
    BT_TRY_ASSIGN(PipeEnds ends, make_pipe());
    set_non_blocking(ends.reader.get());
    reader = std::move(ends.reader);
    return std::move(ends.writer);
}

Result<Fd> open_input(bool as_pipe, Fd& writer) {
    if (!as_pipe) return open_path("/dev/null", O_RDONLY);
    BT_TRY_ASSIGN(PipeEnds ends, make_pipe());
    set_non_blocking(ends.writer.get());
    writer = std::move(ends.writer);
    return std::move(ends.reader);
}

ChildExit to_exit(int status) {
    if (WIFSIGNALED(status)) return {true, 0, WTERMSIG(status)};
    return {false, WEXITSTATUS(status), 0};
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(UvLoop& loop, ChildSpec spec) {
    if (spec.events_fd && (*spec.events_fd < 3 || *spec.events_fd >= kFirstFreeDescriptor)) {
        return fail(local_error(ErrorCode::InvalidArgument, "the descriptor for events must be 3 to 63"));
    }
    if (spec.stdin_pipe) std::signal(SIGPIPE, SIG_IGN);
    std::unique_ptr<ChildProcess> child(new ChildProcess(loop));
    BT_TRY(child->spawn(spec));
    BT_TRY(child->watch(spec));
    return child;
}

// What is left of its group goes first: afterwards the number may belong to somebody else.
ChildExit ChildProcess::reap() {
    ::kill(own_group_ ? -pid_ : pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return to_exit(status);
}

Status ChildProcess::spawn(ChildSpec& spec) {
    LaunchPlan plan;
    plan.argv = spec.argv;
    plan.environment = environment_with(spec.environment);
    plan.directory = spec.directory;
    plan.holds_signals = spec.holds_signals;
    plan.open_files = spec.open_files;
    if (spec.on_start_failed) plan.gate = spec.gate;
    if (spec.share_terminal) {
        own_group_ = plan.own_group = false;
        plan.descriptors = {{0, 0}, {1, 1}, {2, 2}};
        return begin(plan, spec);
    }
    BT_TRY_ASSIGN(const Fd input, open_input(spec.stdin_pipe, stdin_));
    BT_TRY_ASSIGN(const Fd output, open_output(spec.standard_output, output_ends_[0]));
    BT_TRY_ASSIGN(const Fd error, open_output(spec.standard_error, output_ends_[1]));
    plan.descriptors = {{input.get(), 0}, {output.get(), 1}, {error.get(), 2}};
    PipeEnds events;
    if (spec.events_fd) {
        BT_TRY_ASSIGN(events, make_pipe());
        set_non_blocking(events.reader.get());
        plan.descriptors.push_back({events.writer.get(), *spec.events_fd});
        output_ends_[2] = std::move(events.reader);
    }
    return begin(plan, spec);
}

Status ChildProcess::begin(const LaunchPlan& plan, const ChildSpec& spec) {
    if (!spec.on_start_failed) {
        BT_TRY_ASSIGN(pid_, launch(plan));
        return {};
    }
    BT_TRY_ASSIGN(launched_, begin_launch(plan));
    pid_ = launched_.pid;
    return {};
}

Status ChildProcess::watch(ChildSpec& spec) {
    on_exit_ = std::move(spec.on_exit);
    on_start_failed_ = std::move(spec.on_start_failed);
    std::function<void(std::string_view)> on_line[] = {
        std::move(spec.standard_output.on_line), std::move(spec.standard_error.on_line), std::move(spec.on_event_line)};
    for (std::size_t i = 0; i < std::size(pipes_); ++i) {
        if (!output_ends_[i].is_open()) continue;
        if (!on_line[i]) on_line[i] = [](std::string_view) {};  // read it all the same: the child must not block
        pipes_[i] = std::make_unique<LinePipe>(loop_, std::move(output_ends_[i]), std::move(on_line[i]));
    }
    if (stdin_.is_open()) {
        stdin_poller_ = std::make_unique<Poller>(
            loop_, stdin_.get(), this, [](void* owner, int, int) { static_cast<ChildProcess*>(owner)->pump_stdin(); });
    }
    pid_fd_ = open_process(pid_);
    if (!pid_fd_.is_open()) return fail(system_error(errno, "watch a child process"));
    process_poller_ = std::make_unique<Poller>(loop_, pid_fd_.get(), this, [](void* owner, int, int) {
        static_cast<ChildProcess*>(owner)->on_process_event();
    });
    process_poller_->watch(UV_READABLE);
    return {};
}

ChildProcess::~ChildProcess() {
    process_poller_.reset();
    stdin_poller_.reset();
    if (pid_ > 0 && !exit_) reap();
}

void ChildProcess::on_process_event() {
    process_poller_.reset();
    exit_ = reap();
    const Lifetime::Watch watch(lifetime_);
    for (const auto& pipe : pipes_) {
        if (!pipe) continue;
        pipe->finish();
        if (watch.is_over()) return;
    }
    if (const Status ran = wait_for_program(launched_); !ran) {
        const auto on_start_failed = on_start_failed_;
        return on_start_failed(ran.error());
    }
    const auto on_exit = on_exit_;
    if (on_exit) on_exit(*exit_);
}

void ChildProcess::kill(int signal_number) {
    if (!exit_) ::kill(own_group_ ? -pid_ : pid_, signal_number);
}

void ChildProcess::write_stdin(std::string_view text) {
    if (!stdin_.is_open() || stdin_closing_) return;
    stdin_pending_ += text;
    pump_stdin();
}

void ChildProcess::close_stdin() {
    stdin_closing_ = true;
    if (stdin_.is_open()) pump_stdin();
}

void ChildProcess::pump_stdin() {
    while (!stdin_pending_.empty()) {
        const ssize_t n = write(stdin_.get(), stdin_pending_.data(), stdin_pending_.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {
            stdin_poller_->watch(UV_WRITABLE);
            return;
        }
        if (n < 0) {  // the child has closed it
            stdin_pending_.clear();
            stdin_closing_ = true;
            break;
        }
        stdin_pending_.erase(0, static_cast<std::size_t>(n));
    }
    stdin_poller_->watch(0);
    if (!stdin_closing_) return;
    stdin_poller_.reset();
    stdin_.reset();
}

}  // namespace bt::net
