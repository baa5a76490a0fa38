#include "lab/control.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "common/app/process.h"
#include "common/net/line_channel.h"
#include "common/net/signals.h"
#include "lab/control_desk.h"
#include "lab/data_folder.h"
#include "lab/endpoints.h"

namespace bt::lab {
namespace {

constexpr Duration kLastWords = seconds(2);  // for answers that nobody reads

class ChannelCaller final : public Caller {
  public:
    void send(std::string_view line) override {
        if (channel) channel->send(line);
    }
    [[nodiscard]] std::size_t waiting() const override { return channel ? channel->waiting() : 0; }

    std::unique_ptr<net::LineChannel> channel;
};

// Callers over the socket of a run.
class Door {
  public:
    Door(net::UvLoop& loop, ControlDesk& desk) : loop_(loop), desk_(desk), sweep_(loop, [this] { sweep(); }) {}

    Status listen(const std::filesystem::path& path) {
        BT_TRY_ASSIGN(listener_,
                      net::UnixListener::listen(loop_, path.string(), [this](net::Fd fd) { welcome(std::move(fd)); }));
        return {};
    }
    void say_goodbye() {
        for (const auto& caller : callers_) {
            if (caller->channel) caller->channel->drain(kLastWords);
        }
        callers_.clear();
        listener_.reset();
    }

  private:
    void welcome(net::Fd fd) {
        auto caller = std::make_shared<ChannelCaller>();
        const std::weak_ptr<ChannelCaller> weak = caller;
        auto channel = net::LineChannel::over(
            loop_, std::move(fd),
            [this, weak](std::string_view line) {
                if (const auto strong = weak.lock()) desk_.on_line(strong, line);
            },
            [this, weak] {
                if (const auto strong = weak.lock()) {
                    desk_.forget(strong.get());
                    gone_.push_back(strong);
                }
                sweep_.schedule();
            });
        if (!channel) return;
        caller->channel = std::move(*channel);
        callers_.push_back(std::move(caller));
    }
    void sweep() {
        for (const auto& caller : gone_) std::erase(callers_, caller);
        gone_.clear();
    }

    net::UvLoop& loop_;
    ControlDesk& desk_;
    std::unique_ptr<net::UnixListener> listener_;
    std::vector<std::shared_ptr<ChannelCaller>> callers_, gone_;
    net::Deferred sweep_;
};

net::Fd duplicate(int fd) { return net::Fd(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

// Standard input, output and error of a process that nobody listens to any more.
void redirect(const std::filesystem::path& log) {
    const net::Fd nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
    const net::Fd file(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    dup2(nothing.get(), STDIN_FILENO);
    dup2(nothing.get(), STDOUT_FILENO);
    dup2(file.is_open() ? file.get() : nothing.get(), STDERR_FILENO);
}

int stay_up(const RunOptions& options, bool detached) {
    app::ignore_sigpipe();
    Result<Prepared> prepared = prepare_scenario(find_scenario(options.bin, options.scenario), options.bin);
    if (!prepared) return static_cast<int>(report_error(LabExit::ScenarioWrong, prepared.error()));
    Result<Guard> guard = Guard::start();
    if (!guard) return static_cast<int>(report_error(LabExit::Environment, guard.error()));
    net::UvLoop loop;
    ControlDesk desk(loop, options, *guard, false);
    Door door(loop, desk);
    bool was_up = false;
    std::optional<Error> unheard;
    // Before the first process is there: an interrupt is one from the beginning.
    const net::Signals signals(loop, [&](int) {
        // Ctrl-C is how `up` ends; before it is up, and the second time, it is an interruption.
        const bool in_order = was_up && desk.run() && !desk.run()->director().is_stopping();
        in_order ? desk.stop() : desk.interrupt();
    });
    Status opened = desk.open(std::move(*prepared));
    if (opened) opened = door.listen(desk.run()->folder() / "control.sock");
    if (!opened) return static_cast<int>(report_error(LabExit::Environment, opened.error()));
    std::string folder = desk.run()->folder().string();
    desk.on_change = [&] {
        if (desk.exit()) return loop.stop();
        if (was_up || !desk.run()->director().is_up()) return;
        was_up = true;
        std::printf("%s\n", endpoints_json(*desk.run()).c_str());
        if (std::fflush(stdout) != 0) {  // who asked for the swarm is gone: nobody would ever end it
            unheard = system_error(errno, "standard output");
            std::clearerr(stdout);
            return desk.stop();
        }
        if (detached) redirect(desk.run()->folder() / "lab.log");
    };
    loop.run();
    door.say_goodbye();
    if (unheard) return static_cast<int>(report_error(LabExit::Environment, *unheard));
    if (was_up) return static_cast<int>(*desk.exit());
    std::fprintf(stderr, "swarm-lab: error: the swarm did not come up: %s\n  logs: %s/nodes/NODE/log\n",
                 desk.end().c_str(), folder.c_str());
    return static_cast<int>(*desk.exit() == LabExit::Held ? LabExit::Failed : *desk.exit());
}

// The line, or where there is none the code with which the process that should have printed it ended.
int wait_for_line(pid_t child, const net::Fd& pipe) {
    std::string text;
    char buffer[1 << 14];
    for (ssize_t n = 0; (n = read(pipe.get(), buffer, sizeof buffer)) != 0;) {
        if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
        if (n < 0 && errno != EINTR) break;
    }
    if (!text.empty()) {
        std::fputs(text.c_str(), stdout);
        return 0;
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(LabExit::Environment);
}

}  // namespace

int control_swarms(const RunOptions& options) {
    app::ignore_sigpipe();
    Result<Guard> guard = Guard::start();
    if (!guard) return static_cast<int>(report_error(LabExit::Environment, guard.error()));
    net::UvLoop loop;
    ControlDesk desk(loop, options, *guard, true);
    bool over = false;
    const auto end = [&] {
        over = true;
        desk.stop();
        if (!desk.run()) loop.stop();
    };
    const auto caller = std::make_shared<ChannelCaller>();
    desk.on_change = [&] {
        if (over && !desk.run()) loop.stop();
    };
    caller->channel = std::make_unique<net::LineChannel>(
        loop, duplicate(STDIN_FILENO), duplicate(STDOUT_FILENO),
        [&](std::string_view line) { desk.on_line(caller, line); }, end);
    {
        const net::Signals signals(loop, [&](int) {
            desk.interrupt();
            end();
        });
        loop.run();
    }
    caller->channel->drain(kLastWords);
    desk.forget(caller.get());
    return 0;
}

int keep_swarm_up(const RunOptions& options, bool detach) {
    if (!detach) return stay_up(options, false);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return static_cast<int>(report_error(LabExit::Environment, system_error(errno, "pipe")));
    }
    net::Fd reader(ends[0]);
    net::Fd writer(ends[1]);
    const pid_t child = fork();
    if (child < 0) return static_cast<int>(report_error(LabExit::Environment, system_error(errno, "fork")));
    if (child > 0) {
        writer.reset();
        return wait_for_line(child, reader);
    }
    setsid();
    reader.reset();  // or the line would find a reader when it is gone
    dup2(writer.get(), STDOUT_FILENO);
    writer.reset();
    return stay_up(options, true);
}

}  // namespace bt::lab
