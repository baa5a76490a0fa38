#include "lab/swarm_run.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include "lab/captures.h"
#include "lab/left_behind.h"
#include "lab/node_agent.h"
#include "lab/torrent_files.h"

namespace bt::lab {
namespace {

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

// Between double quotes of a line, a word's own are escaped: folders may be called anything.
std::string expand_file(std::string_view text, const Words& words) {
    Words quoted_words;
    for (const auto& [name, value] : words) quoted_words[name] = escaped(value);
    std::string out;
    bool quoted = false;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of("\"\n"), text.size() - 1);
        out += expand(text.substr(0, end + 1), quoted ? quoted_words : words);
        quoted = text[end] == '"' && !quoted;
        text.remove_prefix(end + 1);
    }
    return out;
}

}  // namespace

SwarmRun::SwarmRun(net::UvLoop& loop, const Plan& plan, const Scenario& scenario, const std::filesystem::path& folder,
                   Surroundings surroundings, Display& display, std::function<void()> on_change)
    : plan_(plan),
      folder_(folder),
      surroundings_(std::move(surroundings)),
      display_(display),
      environment_({{kMark, folder.string()}}),
      on_change_(std::move(on_change)),
      loop_(loop),
      timers_(loop_),
      start_(loop.now()),
      director_(plan, scenario.expect, scenario.stop, scenario.timeline, start_),
      nodes_(plan.nodes.size()),
      deadline_(timers_,
                [this] {
                    director_.on_deadline(loop_.now());
                    step();
                }),
      tick_(timers_, [this] { on_tick(); }),
      step_(loop_, [this] { step(); }) {
    if (!plan.relay) return;
    std::vector<RelayNode> nodes;
    for (const NodePlan& node : plan.nodes) {
        nodes.push_back({*Address::parse(node.hidden), *Address::parse(node.address), node.link});
    }
    env_ = std::make_unique<net::UvEnv>(loop_, 1);
    relay_ = std::make_unique<Relay>(*env_, std::move(nodes), Rng(scenario.rng_seed).fork(0x2e1a));
}

void SwarmRun::cut_links(const CutLinks& cut) {
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (std::size_t a = 0; a < plan_.nodes.size(); ++a) {
        if (!matches_pattern(plan_.nodes[a].name, cut.nodes)) continue;
        for (std::size_t b = 0; b < plan_.nodes.size(); ++b) {
            const std::string& name = plan_.nodes[b].name;
            const bool other =
                cut.others.empty() ? !matches_pattern(name, cut.nodes) : matches_pattern(name, cut.others);
            if (other && a != b && is_cut_changed({a, b}, cut)) pairs.emplace_back(a, b);
        }
    }
    if (surroundings_.networks != nullptr) {
        if (const Status done = surroundings_.networks->set_cut(pairs, cut.cut); !done) on_note(done.error().message());
    } else {
        for (const auto& [a, b] : pairs) relay_->set_cut(a, b, cut.cut);
    }
}

// Whether a link changes: one that two partitions cut is whole when both are over.
bool SwarmRun::is_cut_changed(std::pair<std::size_t, std::size_t> link, const CutLinks& cut) {
    std::uint32_t& cuts = cuts_[std::minmax(link.first, link.second)];
    const bool was_cut = cuts > 0;
    cuts = cut.cut ? cuts + 1 : cut.undo && was_cut ? cuts - 1 : 0;
    return was_cut != (cuts > 0);
}

// Once a node listens, its open address does.
void SwarmRun::open_relay(std::size_t index) {
    const NodeStatus& node = director_.nodes()[index];
    const std::string& listen = node.listen;
    const std::size_t colon = listen.rfind(':');
    if (!relay_ || node.phase != Phase::Ready || colon == std::string::npos) return;
    const auto port = static_cast<std::uint16_t>(std::strtoul(listen.c_str() + colon + 1, nullptr, 10));
    const Status opened = relay_->open(index, port);
    if (!opened) display_.note(node.name + ": " + opened.error().message());
}

void SwarmRun::start(Hold hold) {
    director_.hold(hold);
    // Without it nothing is lost but the order: every node has its own.
    if (Result<LineFile> log = LineFile::create(folder_ / "log", LineFile::Flush::EachLine)) {
        log_ = std::make_unique<LineFile>(std::move(*log));
    }
    ask_versions();
    tick_.arm(loop_.now() + display_.interval());
    step_.schedule();
}

void SwarmRun::stop() {
    director_.stop(loop_.now());
    step_.schedule();
}

void SwarmRun::interrupt() {
    director_.interrupt(loop_.now());
    step_.schedule();
}

std::size_t SwarmRun::act(const TimelineEntry& entry) {
    const std::size_t nodes = director_.act(entry, loop_.now());
    step_.schedule();
    return nodes;
}

void SwarmRun::on_note(const std::string& text) {
    display_.note(text);
    if (log_) log_->add(text);
}

void SwarmRun::flush() {
    for (Node& node : nodes_) {
        if (node.events) node.events->flush();
    }
}

Status SwarmRun::merge_events() const {
    std::vector<EventSource> sources;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        sources.push_back({plan_.nodes[i].folder / "events.jsonl", nodes_[i].clock.starts()});
    }
    return bt::lab::merge_events(sources, folder_ / "events.jsonl");
}

pid_t SwarmRun::pid_of(std::size_t node) const {
    const auto& process = nodes_[node].process;
    return process && process->is_running() ? process->pid() : 0;
}

void SwarmRun::finish() {
    tick_.cancel();
    deadline_.cancel();
    flush();
    helpers_.clear();
    display_.draw(director_.nodes(), to_seconds(loop_.now() - start_));
}

// Does all that the director wants now, shows what it has to say, and waits for the next event.
void SwarmRun::step() {
    while (const std::optional<Action> action = director_.poll_action(loop_.now())) carry_out(*action);
    gate_.reset();
    while (const std::optional<std::string> note = director_.poll_note()) on_note(*note);
    deadline_.arm(director_.next_deadline());
    on_change_();
}

// To one on another host through its agent; where that does not answer a SIGKILL, what holds it here goes.
void SwarmRun::send_signal(std::size_t index, int number) {
    net::ChildProcess* process = nodes_[index].process.get();
    if (process == nullptr) return;
    if (plan_.nodes[index].host.empty()) return process->kill(number);
    process->write_stdin(agent_signal(number));
    if (number != SIGKILL) return;
    nodes_[index].give_up = std::make_unique<net::UvTimer>(timers_, [process] { process->kill(SIGKILL); });
    nodes_[index].give_up->arm(loop_.now() + Director::kStopWithin);
}

void SwarmRun::carry_out(const Action& action) {
    const auto send = [this](std::size_t node, int signal_number) { send_signal(node, signal_number); };
    if (const auto* start = std::get_if<StartNode>(&action)) {
        start_node(start->node);
    } else if (const auto* torrent = std::get_if<MakeTorrent>(&action)) {
        std::string announce = torrent->announce;  // as others reach it
        const NodePlan& tracker = plan_.nodes.front();
        const std::size_t at = announce.find("//" + tracker.hidden + ':');
        if (at != std::string::npos) announce.replace(at + 2, tracker.hidden.size(), tracker.address);
        make_torrent(announce);
    } else if (const auto* signal = std::get_if<SignalNode>(&action)) {
        const Adapter* adapter = plan_.nodes[signal->node].adapter.get();
        const int number = signal->kill ? SIGKILL : adapter != nullptr ? adapter->stop_signal : SIGTERM;
        // One that waits for the torrent has no process yet.
        if (std::erase(waiting_for_torrent_, signal->node) > 0) {
            director_.on_exit(signal->node, std::nullopt, number, loop_.now());
        } else {
            send(signal->node, number);
        }
    } else if (const auto* pause = std::get_if<PauseNode>(&action)) {
        send(pause->node, pause->pause ? SIGSTOP : SIGCONT);
    } else if (const auto* limit = std::get_if<LimitNode>(&action)) {
        if (change_limits(limit->node, limit->limits)) send(limit->node, SIGHUP);
    } else if (const auto* cut = std::get_if<CutLinks>(&action)) {
        cut_links(*cut);
    } else if (const auto* corrupt = std::get_if<CorruptFiles>(&action)) {
        corrupt_files(*corrupt);
    }
}

// What the timeline does not name stays as the scenario gave it. True where the node is to be told.
bool SwarmRun::change_limits(std::size_t index, const RateLimits& limits) {
    const NodePlan& node = plan_.nodes[index];
    RateLimits now = surroundings_.networks != nullptr ? node.link.rate : node.limits;
    if (limits.upload) now.upload = limits.upload;
    if (limits.download) now.download = limits.download;
    if (surroundings_.networks != nullptr) {
        if (const Status done = surroundings_.networks->set_rates(index, now); !done)
            on_note(node.name + ": " + done.error().message());
        return false;
    }
    const Status written = write_text(node.limits_file, limits_text(node.kind, now));
    if (!written) display_.note(node.name + ": " + written.error().message());
    return true;
}

void SwarmRun::corrupt_files(const CorruptFiles& corrupt) {
    const NodePlan& node = plan_.nodes[corrupt.node];
    const Result<std::string> done = corrupt_piece(plan_.torrent, node.files, corrupt.piece);
    on_note("          " + node.name + ": " + (done ? *done : done.error().message()));
    if (done && corrupt.entry) director_.on_corrupted(*corrupt.entry);
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
    const Words words = words_of(index);
    for (std::size_t i = 0; i < argv.size(); ++i) {
        if (argv[i] == kCapturePlace) argv[i] = next_capture(plan_.nodes[index]).string();
        argv[i] = expand(argv[i], words);
        if (i > 0 && argv[i - 1] == "--port" && argv[i] == "0" && !listen.empty()) {
            argv[i] = listen.substr(listen.rfind(':') + 1);
        }
    }
    return argv;
}

// What is known since the torrent was made, and of another program's node all else.
Words SwarmRun::words_of(std::size_t index) const {
    Words words = plan_.nodes[index].words;
    words["magnet"] = magnet_;
    words["info_hash"] = info_hash_;
    return words;
}

void SwarmRun::start_node(std::size_t index) {
    const NodePlan& planned = plan_.nodes[index];
    if (planned.adapter && planned.adapter->needs_torrent && magnet_.empty()) {
        waiting_for_torrent_.push_back(index);
        return make_torrent(planned.words.at("announce"));
    }
    start_process(index);
}

Status SwarmRun::write_adapter_files(std::size_t index) {
    const NodePlan& planned = plan_.nodes[index];
    if (!planned.adapter) return {};
    const Words words = words_of(index);
    for (const auto& [name, text] : planned.adapter->files) {
        const std::filesystem::path path = planned.folder / name;
        BT_TRY(make_folder(path.parent_path()));
        BT_TRY(write_text(path, expand_file(text, words)));
    }
    for (const auto& [name, from] : planned.adapter->copies) {
        const std::filesystem::path path = planned.folder / name;
        BT_TRY(make_folder(path.parent_path()));
        std::error_code error;
        std::filesystem::copy(expand(from, words), path, std::filesystem::copy_options::overwrite_existing, error);
        if (error) return fail(system_error(error.value(), path.string()));
    }
    return {};
}

void SwarmRun::on_event_line(std::size_t index, std::string_view line) {
    nodes_[index].events->add(line);
    nodes_[index].clock.on_line(line, to_seconds(loop_.now() - start_));
    director_.on_event_line(index, line, loop_.now());
    if (event_kind_of(line) == "ready") open_relay(index);
    if (on_event) on_event(index, line);
    step_.schedule();
}

void SwarmRun::on_log_line(std::size_t index, std::string_view line) {
    nodes_[index].log->add(line);
    char time[32];
    std::snprintf(time, sizeof time, "%8.3f  ", to_seconds(loop_.now() - start_));
    if (log_) log_->add(time + plan_.nodes[index].name + ": " + std::string(line));
    director_.on_log_line(index, line);
}

// Hundreds start together: none waits until the one before it runs, nor runs before all of this step are on their way.
// Without a gate all that is lost is time.
void SwarmRun::go_together(std::size_t index, net::ChildSpec& spec) {
    if (!gate_) {
        if (Result<net::LaunchGate> gate = net::LaunchGate::make()) gate_ = std::move(*gate);
    }
    spec.gate = gate_ ? &*gate_ : nullptr;
    spec.on_start_failed = [this, index](const Error& error) {
        nodes_[index].watch.reset();
        director_.on_start_failed(index, error.message(), loop_.now());
        step_.schedule();
    };
}

void SwarmRun::start_process(std::size_t index) {
    const NodePlan& planned = plan_.nodes[index];
    Status prepared = open_files(index);
    if (prepared) prepared = write_adapter_files(index);
    if (!prepared) return director_.on_start_failed(index, prepared.error().message(), loop_.now());
    net::ChildSpec spec;
    spec.argv = command_of(index);
    spec.environment = planned.environment;
    spec.open_files = surroundings_.open_files;
    spec.holds_signals = !planned.adapter && planned.host.empty();  // elsewhere the agent does it
    if (planned.adapter) spec.directory = planned.folder.string();
    const auto on_output = [this, index](std::string_view line) {
        on_log_line(index, line);
        if (nodes_[index].watch) nodes_[index].watch->on_output_line(line);
    };
    spec.standard_output.on_line = on_output;
    spec.standard_error.on_line = on_output;
    if (!planned.adapter || planned.adapter->events) {
        spec.events_fd = kEventsDescriptor;
        spec.on_event_line = [this, index](std::string_view line) { on_event_line(index, line); };
    }
    spec.on_exit = [this, index](const net::ChildExit& ended) {
        const net::ChildExit exit = nodes_[index].remote_exit.value_or(ended);
        nodes_[index].give_up.reset();
        const std::optional<int> code = exit.signalled ? std::nullopt : std::optional(exit.code);
        const std::optional<int> signal = exit.signalled ? std::optional(exit.signal) : std::nullopt;
        nodes_[index].watch.reset();
        director_.on_exit(index, code, signal, loop_.now());
        step_.schedule();  // not now: it may be started again, in place of the process that calls
    };
    if (!planned.host.empty()) launch_elsewhere(index, spec);
    go_together(index, spec);
    std::optional<NodeNetworks::Inside> inside;
    if (surroundings_.networks != nullptr) inside.emplace(*surroundings_.networks, index);
    Result<std::unique_ptr<net::ChildProcess>> process = net::ChildProcess::start(loop_, std::move(spec));
    inside.reset();
    if (!process) return director_.on_start_failed(index, process.error().message(), loop_.now());
    nodes_[index].process = std::move(*process);
    nodes_[index].clock.on_start();
    if (!planned.adapter || planned.adapter->events) return;
    nodes_[index].watch = std::make_unique<ForeignWatch>(
        loop_, timers_, planned, nodes_[index].process->pid(), words_of(index), plan_.torrent,
        [this, index](std::string_view line) { on_event_line(index, line); },
        [this, index](std::string_view line) { on_log_line(index, line); });
}

// The agent there does with the command what we do here, and says in lines what we would have read from descriptors.
void SwarmRun::launch_elsewhere(std::size_t index, net::ChildSpec& spec) {
    nodes_[index].remote_exit.reset();
    std::vector<std::string> argv = surroundings_.launcher(plan_.nodes[index]);
    argv.insert(argv.end(), spec.argv.begin(), spec.argv.end());
    spec.argv = std::move(argv);
    spec.stdin_pipe = true;
    spec.events_fd.reset();
    spec.standard_output.on_line = [this, index, output = spec.standard_output.on_line,
                                    event = spec.on_event_line](std::string_view line) {
        const AgentLine said = read_agent_line(line);
        if (said.kind == AgentLine::Kind::Output) return output(said.text);
        if (said.kind == AgentLine::Kind::Event) return event(said.text);
        nodes_[index].remote_exit = read_agent_exit(said.text);
    };
}

// The director asks for it when the tracker is ready; a tracker that wants to know it first had it made before.
void SwarmRun::make_torrent(const std::string& announce) {
    if (!magnet_.empty()) return director_.on_torrent_made(loop_.now());
    net::ChildSpec spec;
    spec.environment = environment_;
    spec.argv = plan_.create_argv;
    spec.argv.push_back(announce);
    spec.standard_error.on_line = [this](std::string_view line) { create_log_ = line; };
    spec.on_exit = [this](const net::ChildExit& exit) {
        const std::string how =
            exit.signalled ? "signal " + std::to_string(exit.signal) : "exit code " + std::to_string(exit.code);
        const bool made = !exit.signalled && exit.code == 0;
        on_torrent_there(made ? "" : how + (create_log_.empty() ? "" : ", " + create_log_));
    };
    Result<std::unique_ptr<net::ChildProcess>> process = net::ChildProcess::start(loop_, std::move(spec));
    if (process) {
        helpers_.push_back(std::move(*process));
    } else {
        on_torrent_there(process.error().message());
    }
}

void SwarmRun::on_torrent_there(const std::string& problem) {
    const std::vector<std::size_t> waiting = std::exchange(waiting_for_torrent_, {});
    if (problem.empty()) {
        magnet_ = magnet_of(plan_.torrent);
        info_hash_ = magnet_.substr(magnet_.find("btih:") + 5, 40);
        for (const std::size_t index : waiting) start_process(index);
        if (waiting.empty()) director_.on_torrent_made(loop_.now());
    } else if (waiting.empty()) {
        director_.on_torrent_failed(problem, loop_.now());
    } else {
        director_.on_start_failed(waiting.front(), "the torrent cannot be made: " + problem, loop_.now());
    }
    step_.schedule();
}

// For the report only: a program without an answer has no entry. One that is missing shows when a node needs it.
void SwarmRun::ask_versions() {
    const std::filesystem::path bin = std::filesystem::path(plan_.create_argv.front()).parent_path();
    for (const NodeKind kind : {NodeKind::Tracker, NodeKind::Seeder, NodeKind::Client}) {
        const std::string program(program_of(kind));
        net::ChildSpec spec;
        spec.environment = environment_;
        spec.argv = {(bin / program).string(), "--version"};
        spec.standard_output.on_line = [this, program](std::string_view line) {
            versions_.emplace(program, line.substr(line.rfind(' ') + 1));
        };
        spec.on_start_failed = [](const Error&) {};
        Result<std::unique_ptr<net::ChildProcess>> process = net::ChildProcess::start(loop_, std::move(spec));
        if (process) helpers_.push_back(std::move(*process));
    }
}

void SwarmRun::on_tick() {
    display_.draw(director_.nodes(), to_seconds(loop_.now() - start_));
    flush();
    tick_.arm(loop_.now() + display_.interval());
}

}  // namespace bt::lab
