#include "lab/exec.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "common/app/process.h"
#include "common/net/child_process.h"
#include "common/net/signals.h"
#include "common/net/uv_timer.h"
#include "lab/data_folder.h"
#include "lab/endpoints.h"

namespace bt::lab {
namespace {

// The terminal has told our whole group already.
bool comes_from_terminal(int signal_number) {
    return signal_number == SIGINT && isatty(STDIN_FILENO) == 1 && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

class Exec {
  public:
    Exec(net::UvLoop& loop, LabRun& run, const ExecOptions& options)
        : loop_(loop),
          run_(run),
          options_(options),
          timers_(loop),
          kill_(timers_,
                [this] {
                    if (command_) command_->kill(SIGKILL);
                }),
          signals_(loop, [this](int number) { on_signal(number); }) {
        run_.start(run_.scenario().exec_waits_for_completion ? Hold::OnceComplete : Hold::OnceUp,
                   [this] { on_change(); });
    }

    [[nodiscard]] const std::optional<net::ChildExit>& exit() const { return exit_; }
    [[nodiscard]] const std::optional<Error>& start_error() const { return start_error_; }

  private:
    void on_change() {
        const Director& director = run_.director();
        if (director.is_done()) return loop_.stop();
        const bool go = run_.scenario().exec_waits_for_completion ? director.completion_time().has_value() : true;
        if (director.is_up() && go && !command_ && !exit_ && !start_error_) start_command();
    }

    void start_command() {
        run_.swarm().flush();
        auto environment = swarm_environment(run_);
        if (!environment) return give_up(environment.error());
        net::ChildSpec spec;
        spec.argv = options_.command;
        spec.open_files = options_.run.open_files;
        spec.environment = std::move(*environment);
        spec.share_terminal = true;
        spec.on_exit = [this](const net::ChildExit& exit) {
            exit_ = exit;
            kill_.cancel();
            run_.swarm().stop();
        };
        auto started = net::ChildProcess::start(loop_, std::move(spec));
        if (!started) return give_up(started.error());
        command_ = std::move(*started);
    }

    void give_up(const Error& error) {
        start_error_ = error;
        run_.swarm().stop();
    }

    void on_signal(int number) {
        const bool again = interrupted_;
        interrupted_ = true;
        if (!command_ || exit_) return run_.swarm().interrupt();
        if (again) return command_->kill(SIGKILL);
        if (!comes_from_terminal(number)) command_->kill(number);
        kill_.arm(loop_.now() + Director::kStopWithin);
    }

    net::UvLoop& loop_;
    LabRun& run_;
    const ExecOptions& options_;
    net::TimerQueue timers_;
    net::UvTimer kill_;
    net::Signals signals_;
    std::unique_ptr<net::ChildProcess> command_;
    std::optional<net::ChildExit> exit_;
    std::optional<Error> start_error_;
    bool interrupted_ = false;
};

Verdict verdict_on(const net::ChildExit& exit) {
    const std::string how =
        exit.signalled ? "signal " + std::to_string(exit.signal) : "exit code " + std::to_string(exit.code);
    return {"command", !exit.signalled && exit.code == 0, how};
}

}  // namespace

int exec_in_swarm(const ExecOptions& options) {
    app::ignore_sigpipe();
    Result<Prepared> prepared = prepare_scenario(find_scenario(options.run.bin, options.run.scenario), options.run.bin);
    if (!prepared) return static_cast<int>(report_error(LabExit::ScenarioWrong, prepared.error()));
    Result<Guard> guard = Guard::start();
    if (!guard) return static_cast<int>(report_error(LabExit::Environment, guard.error()));
    net::UvLoop loop;
    const auto made = LabRun::make(loop, std::move(*prepared), options.run, *guard);
    if (!made) return static_cast<int>(report_error(LabExit::Environment, made.error()));
    LabRun& run = **made;
    std::optional<net::ChildExit> exit;
    std::optional<Error> start_error;
    {
        Exec exec(loop, run, options);
        loop.run();
        exit = exec.exit();
        start_error = exec.start_error();
    }
    const Result<LabExit> concluded = run.conclude(exit ? std::vector{verdict_on(*exit)} : std::vector<Verdict>{});
    if (!concluded) return static_cast<int>(report_error(LabExit::Environment, concluded.error()));
    if (exit) return exit->signalled ? 128 + exit->signal : exit->code;
    if (start_error) return static_cast<int>(report_error(LabExit::Environment, *start_error));
    // The swarm did not come up.
    std::fprintf(stderr, "swarm-lab: error: %s\n  logs: %s/nodes/NODE/log\n", run.director().detail().c_str(),
                 run.folder().c_str());
    return static_cast<int>(*concluded == LabExit::Held ? LabExit::Failed : *concluded);
}

}  // namespace bt::lab
