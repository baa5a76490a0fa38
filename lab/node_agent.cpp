#include "lab/node_agent.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <memory>

#include "common/app/option_setters.h"
#include "common/net/line_pipe.h"
#include "common/net/signals.h"
#include "lab/plan.h"
#include "lab/report.h"

namespace bt::lab {
namespace {

constexpr std::string_view kSignal = "signal ";

std::optional<int> number_in(std::string_view text, int max) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > max) return std::nullopt;
    return number;
}

// False when the lab does not listen any more.
bool say(char what, std::string_view text) {
    std::string line{what, ' '};
    line.append(text).push_back('\n');
    std::string_view left = line;
    while (!left.empty()) {
        const ssize_t n = write(STDOUT_FILENO, left.data(), left.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        left.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

class Agent {
  public:
    explicit Agent(net::UvLoop& loop) : loop_(loop), signals_(loop, [this](int number) { send(number); }) {}

    Status start(const std::vector<std::string>& command) {
        net::ChildSpec spec;
        spec.argv = command;
        spec.holds_signals = true;  // other people's programs do not run on a cluster
        const auto output = [this](std::string_view line) { tell('o', line); };
        spec.standard_output.on_line = output;
        spec.standard_error.on_line = output;
        spec.events_fd = kEventsDescriptor;
        spec.on_event_line = [this](std::string_view line) { tell('e', line); };
        spec.on_exit = [this](const net::ChildExit& exit) {
            tell('x', exit.signalled ? "signal " + std::to_string(exit.signal) : "code " + std::to_string(exit.code));
            loop_.stop();
        };
        BT_TRY_ASSIGN(child_, net::ChildProcess::start(loop_, std::move(spec)));
        fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
        input_ = std::make_unique<net::LinePipe>(
            loop_, net::Fd(STDIN_FILENO), [this](std::string_view line) { on_line(line); }, [this] { send(SIGKILL); });
        return {};
    }

  private:
    void send(int number) {
        if (child_) child_->kill(number);
    }

    void tell(char what, std::string_view text) {
        if (!say(what, text)) send(SIGKILL);
    }

    void on_line(std::string_view line) {
        if (!line.starts_with(kSignal)) return;
        if (const std::optional<int> number = number_in(line.substr(kSignal.size()), SIGRTMAX)) send(*number);
    }

    net::UvLoop& loop_;
    net::Signals signals_;
    std::unique_ptr<net::ChildProcess> child_;
    std::unique_ptr<net::LinePipe> input_;
};

}  // namespace

app::Command node_command(NodeArguments& out) {
    app::Command node{"node",
                      "Be a node of a lab on another host (the lab starts this where a cluster's job runs)",
                      "",
                      {{"COMMAND", "After --: the node's command with its arguments", app::add_text(out.command)}},
                      {}};
    node.positionals.back().repeatable = true;
    return node;
}

int run_node(const NodeArguments& arguments) {
    net::UvLoop loop;
    Agent agent(loop);
    if (const Status started = agent.start(arguments.command); !started) {
        std::fprintf(stderr, "swarm-lab: error: %s\n", started.error().message().c_str());
        return static_cast<int>(LabExit::Environment);
    }
    loop.run();
    return 0;
}

AgentLine read_agent_line(std::string_view line) {
    if (line.size() >= 2 && line[1] == ' ') {
        for (const AgentLine::Kind kind : {AgentLine::Kind::Event, AgentLine::Kind::Output, AgentLine::Kind::Exit}) {
            if (line[0] == static_cast<char>(kind)) return {kind, line.substr(2)};
        }
    }
    return {AgentLine::Kind::Output, line};
}

std::optional<net::ChildExit> read_agent_exit(std::string_view text) {
    for (const std::string_view word : {std::string_view("code "), kSignal}) {
        if (!text.starts_with(word)) continue;
        const std::optional<int> number = number_in(text.substr(word.size()), 255);
        if (!number) return std::nullopt;
        return word == kSignal ? net::ChildExit{true, 0, *number} : net::ChildExit{false, *number, 0};
    }
    return std::nullopt;
}

std::string agent_signal(int number) { return std::string(kSignal) + std::to_string(number) + '\n'; }

}  // namespace bt::lab
