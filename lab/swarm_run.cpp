#include "lab/swarm_run.h"

#include <csignal>

#include "lab/torrent_files.h"

namespace bt::lab {

SwarmRun::SwarmRun(const Plan& plan, const Scenario& scenario, Display& display)
    : plan_(plan),
      display_(display),
      timers_(loop_),
      director_(plan, scenario.expect, scenario.stop, scenario.timeline, loop_.now()),
      nodes_(plan.nodes.size()),
      deadline_(timers_,
                [this] {
                    director_.on_deadline(loop_.now());
                    step();
                }),
      tick_(timers_, [this] { on_tick(); }),
      signals_(loop_,
               [this](int) {
                   director_.interrupt(loop_.now());
                   step();
               }),
      step_(loop_, [this] { step(); }) {}

void SwarmRun::run() {
    ask_versions();
    tick_.arm(loop_.now() + display_.interval());
    step_.schedule();
    loop_.run();
    for (Node& node : nodes_) {
        if (node.events) node.events->flush();
    }
    helpers_.clear();
    display_.draw(director_.nodes(), to_seconds(loop_.now().time_since_epoch()));
}

// Does all that the director wants now, shows what it has to say, and waits for the next event.
void SwarmRun::step() {
    while (const std::optional<Action> action = director_.poll_action(loop_.now())) carry_out(*action);
    while (const std::optional<std::string> note = director_.poll_note()) display_.note(*note);
    deadline_.arm(director_.next_deadline());
    if (director_.is_done()) loop_.stop();
}

void SwarmRun::carry_out(const Action& action) {
    const auto send = [this](std::size_t node, int signal_number) {
        if (net::ChildProcess* process = nodes_[node].process.get()) process->kill(signal_number);
    };
    if (const auto* start = std::get_if<StartNode>(&action)) {
        start_node(start->node);
    } else if (const auto* torrent = std::get_if<MakeTorrent>(&action)) {
        make_torrent(torrent->announce);
    } else if (const auto* signal = std::get_if<SignalNode>(&action)) {
        send(signal->node, signal->kill ? SIGKILL : SIGTERM);
    } else if (const auto* pause = std::get_if<PauseNode>(&action)) {
        send(pause->node, pause->pause ? SIGSTOP : SIGCONT);
    } else if (const auto* limit = std::get_if<LimitNode>(&action)) {
        change_limits(limit->node, limit->limits);
        send(limit->node, SIGHUP);
    } else if (const auto* corrupt = std::get_if<CorruptFiles>(&action)) {
        corrupt_files(corrupt->node, corrupt->piece);
    }
}

// What the timeline does not name stays as the scenario gave it.
void SwarmRun::change_limits(std::size_t index, const RateLimits& limits) {
    const NodePlan& node = plan_.nodes[index];
    RateLimits now = node.limits;
    if (limits.upload) now.upload = limits.upload;
    if (limits.download) now.download = limits.download;
    const Status written = write_text(node.limits_file, limits_text(node.kind, now));
    if (!written) display_.note(node.name + ": " + written.error().message());
}

void SwarmRun::corrupt_files(std::size_t index, std::optional<std::uint32_t> piece) {
    const Result<std::string> done = corrupt_piece(plan_.torrent, plan_.nodes[index].files, piece);
    display_.note("          " + plan_.nodes[index].name + ": " + (done ? *done : done.error().message()));
}

Status SwarmRun::open_files(std::size_t index) {
    const NodePlan& planned = plan_.nodes[index];
    if (nodes_[index].log) return {};  // started again: the files go on
    BT_TRY_ASSIGN(LineFile log, LineFile::create(planned.folder / "log", LineFile::Flush::EachLine));
    BT_TRY_ASSIGN(LineFile events, LineFile::create(planned.folder / "events.jsonl", LineFile::Flush::OnDemand));
    nodes_[index].log = std::make_unique<LineFile>(std::move(log));
    nodes_[index].events = std::make_unique<LineFile>(std::move(events));
    return {};
}

// A node that is started again listens where it did, so that others find it.
std::vector<std::string> SwarmRun::command_of(std::size_t index) {
    std::vector<std::string> argv = plan_.nodes[index].argv;
    const std::string& listen = director_.nodes()[index].listen;
    for (std::size_t i = 0; i < argv.size(); ++i) {
        if (argv[i] == "{magnet}") argv[i] = magnet_;
        if (i > 0 && argv[i - 1] == "--port" && argv[i] == "0" && !listen.empty()) {
            argv[i] = listen.substr(listen.rfind(':') + 1);
        }
    }
    return argv;
}

void SwarmRun::start_node(std::size_t index) {
    if (const Status opened = open_files(index); !opened) {
        director_.on_start_failed(index, opened.error().message(), loop_.now());
        return;
    }
    net::ChildSpec spec;
    spec.argv = command_of(index);
    const auto on_log_line = [this, index](std::string_view line) {
        nodes_[index].log->add(line);
        director_.on_log_line(index, line);
    };
    spec.standard_output.on_line = on_log_line;
    spec.standard_error.on_line = on_log_line;
    spec.events_fd = kEventsDescriptor;
    spec.on_event_line = [this, index](std::string_view line) {
        nodes_[index].events->add(line);
        director_.on_event_line(index, line, loop_.now());
        step_.schedule();
    };
    spec.on_exit = [this, index](const net::ChildExit& exit) {
        const std::optional<int> code = exit.signalled ? std::nullopt : std::optional(exit.code);
        const std::optional<int> signal = exit.signalled ? std::optional(exit.signal) : std::nullopt;
        director_.on_exit(index, code, signal, loop_.now());
        step_.schedule();  // not now: it may be started again, in place of the process that calls
    };
    Result<std::unique_ptr<net::ChildProcess>> process = net::ChildProcess::start(loop_, std::move(spec));
    if (!process) {
        director_.on_start_failed(index, process.error().message(), loop_.now());
        return;
    }
    nodes_[index].process = std::move(*process);
}

void SwarmRun::make_torrent(const std::string& announce) {
    net::ChildSpec spec;
    spec.argv = plan_.create_argv;
    spec.argv.push_back(announce);
    spec.standard_error.on_line = [this](std::string_view line) { create_log_ = line; };
    spec.on_exit = [this](const net::ChildExit& exit) {
        if (!exit.signalled && exit.code == 0) {
            magnet_ = magnet_of(plan_.torrent);
            director_.on_torrent_made(loop_.now());
        } else {
            const std::string how =
                exit.signalled ? "signal " + std::to_string(exit.signal) : "exit code " + std::to_string(exit.code);
            director_.on_torrent_failed(how + (create_log_.empty() ? "" : ", " + create_log_), loop_.now());
        }
        step();
    };
    Result<std::unique_ptr<net::ChildProcess>> process = net::ChildProcess::start(loop_, std::move(spec));
    if (process) {
        helpers_.push_back(std::move(*process));
    } else {
        director_.on_torrent_failed(process.error().message(), loop_.now());
    }
}

// For the report only: a program without an answer has no entry. One that is missing shows when a node needs it.
void SwarmRun::ask_versions() {
    const std::filesystem::path bin = std::filesystem::path(plan_.create_argv.front()).parent_path();
    for (const NodeKind kind : {NodeKind::Tracker, NodeKind::Seeder, NodeKind::Client}) {
        const std::string program(program_of(kind));
        net::ChildSpec spec;
        spec.argv = {(bin / program).string(), "--version"};
        spec.standard_output.on_line = [this, program](std::string_view line) {
            versions_.emplace(program, line.substr(line.rfind(' ') + 1));
        };
        Result<std::unique_ptr<net::ChildProcess>> process = net::ChildProcess::start(loop_, std::move(spec));
        if (process) helpers_.push_back(std::move(*process));
    }
}

void SwarmRun::on_tick() {
    display_.draw(director_.nodes(), to_seconds(loop_.now().time_since_epoch()));
    for (Node& node : nodes_) {
        if (node.events) node.events->flush();
    }
    tick_.arm(loop_.now() + display_.interval());
}

}  // namespace bt::lab
