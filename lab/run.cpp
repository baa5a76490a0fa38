#include "lab/run.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "common/app/cli.h"
#include "common/app/config_tree.h"
#include "common/app/process.h"
#include "common/app/text_file.h"
#include "common/base/encoding.h"
#include "common/net/signals.h"
#include "lab/captures.h"
#include "lab/cluster.h"
#include "lab/data_folder.h"
#include "lab/foreign_watch.h"
#include "lab/junit.h"
#include "lab/torrent_files.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

// Not for the run itself, which follows from its rng_seed: two runs side by side must look in different places.
Rng rng_of_this_process() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    return Rng(static_cast<std::uint64_t>(now)).fork(static_cast<std::uint64_t>(getpid()));
}

// Other people's seeders get files of their own: they may write to them.
Status copy_content(const Plan& plan) {
    for (const NodePlan& node : plan.nodes) {
        if (!node.copy_content) continue;
        std::error_code error;
        fs::copy(plan.content, node.files / plan.content.filename(), fs::copy_options::recursive, error);
        if (error) return fail(system_error(error.value(), node.files.string()));
    }
    return {};
}

std::vector<NetworkNode> networks_of(const Plan& plan) {
    std::vector<NetworkNode> nodes;
    for (const NodePlan& node : plan.nodes) nodes.push_back({node.address, node.link});
    return nodes;
}

std::uint64_t bytes_in(const fs::path& content) {
    std::error_code error;
    if (fs::is_regular_file(content, error)) {
        const std::uint64_t size = fs::file_size(content, error);
        return error ? 0 : size;
    }
    std::uint64_t bytes = 0;
    for (fs::recursive_directory_iterator entry(content, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code ignored;
        const std::uint64_t size = entry->is_regular_file(ignored) ? entry->file_size(ignored) : 0;
        if (!ignored) bytes += size;
    }
    return bytes;
}

// Before there are hosts that wait for it: this blocks.
Status make_content(const Prepared& prepared, const fs::path& run, Display& display) {
    if (!prepared.recipe) return {};
    display.note("making " + std::to_string(prepared.recipe->total_size()) + " bytes of content");
    return torrents::generate(*prepared.recipe, run / "content");
}

Status fill_folder(const Plan& plan, const Prepared& prepared, const fs::path& run) {
    const std::string ending = fs::path(prepared.scenario.file).extension().string();
    BT_TRY(write_text(run / ("scenario" + ending), prepared.text));
    BT_TRY(write_text(plan.tracker_config, plan.tracker_config_text));
    for (const NodePlan& node : plan.nodes) {
        BT_TRY(make_folder(node.kind == NodeKind::Client || node.copy_content ? node.files : node.folder));
        if (!node.limits_file.empty()) BT_TRY(write_text(node.limits_file, limits_text(node.kind, node.limits)));
    }
    return copy_content(plan);
}

ContentFacts facts_of(const meta::Metainfo& metainfo) {
    ContentFacts facts;
    facts.name = metainfo.name();
    facts.files = metainfo.files().size();
    for (const meta::FileEntry& file : metainfo.files()) facts.bytes += file.length;
    facts.pieces = metainfo.layout().piece_count();
    facts.piece_length = metainfo.layout().piece_length();
    facts.info_hash = to_hex(metainfo.info_hash());
    return facts;
}

// The files of every client that says it is complete.
Status compare_all(const Plan& plan, const meta::Metainfo& metainfo, RunRecord& record) {
    for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
        if (!record.nodes[i].completed_at || plan.nodes[i].kind != NodeKind::Client) continue;
        BT_TRY_ASSIGN(record.comparisons[plan.nodes[i].name],
                      compare_content(plan.content, plan.nodes[i].files / metainfo.name(), metainfo,
                                      !plan.nodes[i].adapter || plan.nodes[i].adapter->empty_files));
    }
    return {};
}

// `path` is below the content's folder; content of a single file has none.
Result<std::string> hash_of(const meta::Metainfo& metainfo, const fs::path& files, const std::string& path) {
    const auto& all = metainfo.files();
    const bool single = all.size() == 1 && all.front().path == metainfo.name();
    const std::string wanted = single ? path : metainfo.name() + '/' + path;
    const auto found = std::ranges::find(all, wanted, &meta::FileEntry::path);
    if (found == all.end()) return fail(local_error(ErrorCode::NotFound, "the torrent has no such file"));
    const fs::path there = find_file(metainfo, files, FileIndex(static_cast<std::uint32_t>(found - all.begin())));
    if (there.empty()) return fail(local_error(ErrorCode::NotFound, "the node has no such file"));
    return sha1_of_file(there);
}

// The files whose hash the scenario names, as they lie there.
void hash_files(const Plan& plan, const meta::Metainfo& metainfo, const std::vector<FileHash>& wanted,
                RunRecord& record) {
    for (const FileHash& file : wanted) {
        for (const NodePlan& node : plan.nodes) {
            if (!matches_pattern(node.name, file.nodes)) continue;
            const Result<std::string> hash = hash_of(metainfo, node.files, file.path);
            record.file_hashes[node.name + ':' + file.path] = hash ? *hash : hash.error().message();
        }
    }
}

void record_swarm(const SwarmRun& swarm, RunRecord& record) {
    const Director& director = swarm.director();
    record.outcome = director.outcome();
    record.detail = director.detail();
    record.completion_time = director.completion_time();
    record.nodes = director.nodes();
    record.clients_started_at = director.clients_started_at();
    record.event_counts = director.event_counts();
    const Timeline& timeline = director.timeline();
    for (std::size_t i = 0; i < timeline.entries().size(); ++i) {
        if (timeline.entries()[i].arrival) continue;
        record.timeline.push_back(
            {timeline.describe({i, false}), timeline.entries()[i].optional, timeline.records()[i]});
    }
    record.versions = swarm.versions();
    record.versions["swarm-lab"] = app::program_version();
}

// What can only be said when no process is left.
void examine(const Plan& plan, const Scenario& scenario, RunRecord& record, Display& display) {
    const Result<meta::Metainfo> metainfo = load_torrent(plan.torrent);
    if (metainfo) {
        record.content = facts_of(*metainfo);
        hash_files(plan, *metainfo, scenario.expect.files, record);
        if (scenario.expect.files_identical) {
            display.note("comparing every file with the original");
            if (const Status compared = compare_all(plan, *metainfo, record); !compared) {
                record.detail += "; comparing failed: " + compared.error().message();
            }
        }
    }
    record.verdicts = judge(scenario.expect, record);
}

void print_result(const RunOptions& options, const Scenario& scenario, const RunRecord& record,
                  const std::string& report) {
    if (options.json) {
        std::fputs(report.c_str(), stdout);
        return;
    }
    std::string text = summary_text(scenario, record);
    const LabExit exit = exit_of(record);
    if (exit != LabExit::Held) text += "  logs         " + record.folder + "/nodes/NODE/log, events.jsonl\n";
    text += "  report       " + record.folder + "/report.json\n";
    if (options.capture) text += "  capture      " + record.folder + "/capture.pcapng\n";
    std::fputs(text.c_str(), stdout);
}

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

LabRun::LabRun(net::UvLoop& loop, Prepared prepared, const RunOptions& options, Guard& guard)
    : loop_(loop),
      prepared_(std::move(prepared)),
      options_(options),
      guard_(guard),
      begin_s_(seconds_now()),
      display_(prepared_.scenario.name, options.quiet) {}

LabRun::~LabRun() {
    swarm_.reset();
    job_.reset();
    if (!lock_) return;
    if (!concluded_) end_marked_processes(folder_);
    lock_.reset();
    guard_.forget(folder_);
}

Result<std::unique_ptr<LabRun>> LabRun::make(net::UvLoop& loop, Prepared prepared, const RunOptions& options,
                                             Guard& guard) {
    BT_TRY(check_programs(prepared));
    std::unique_ptr<LabRun> run(new LabRun(loop, std::move(prepared), options, guard));
    if (!options.slurm && run->scenario().network == NetworkKind::Loopback) {
        Rng rng = rng_of_this_process();
        BT_TRY_ASSIGN(run->subnet_, Subnet::claim(rng));
    }
    for (const fs::path& cleaned : clean_all_left_behind(options.out)) {
        run->display_.note("removed " + cleaned.string() + ": a lab that was killed left it behind");
    }
    if (const Status made = run->make_folder_of_run(); !made) {
        std::error_code ignored;
        fs::remove_all(run->folder_, ignored);  // no run came of it
        return fail(made.error());
    }
    return run;
}

Status LabRun::make_folder_of_run() {
    const Scenario& scenario = prepared_.scenario;
    const Stamp stamp = stamp_now();
    BT_TRY_ASSIGN(folder_, make_run_folder(options_.out, scenario.name, stamp.for_files));
    guard_.watch(folder_);
    BT_TRY_ASSIGN(lock_, RunLock::take(folder_, options_.keep));
    const fs::path content =
        prepared_.recipe ? folder_ / "content" / prepared_.recipe->name : fs::path(scenario.content.path);
    Places places{options_.bin, folder_, content, subnet_ ? subnet_->prefix() : "", geteuid() == 0, free_port, {}};
    BT_TRY(make_content(prepared_, folder_, display_));
    if (options_.slurm) {
        BT_TRY(take_hosts());
        places.hosts = job_->hosts();
        record_.job = job_->id();
    } else if (scenario.network == NetworkKind::Namespaces) {
        places.subnet = NodeNetworks::kSubnet;
        places.free_port = nullptr;  // every port of a node's own network is
    }
    plan_ = make_plan(scenario, places, prepared_.adapters);
    plan_.content_bytes = bytes_in(plan_.content);
    if (plan_.namespaces) {
        BT_TRY_ASSIGN(networks_, NodeNetworks::make(networks_of(plan_)));
    }
    if (options_.capture) add_captures(plan_);
    for (NodePlan& node : plan_.nodes) node.environment.emplace_back(kMark, folder_.string());
    record_.started_at = stamp.for_report;
    record_.folder = folder_.string();
    record_.subnet = places.subnet;
    return fill_folder(plan_, prepared_, folder_);
}

// The limit of time is one for what never ends: the lab ends the job when the run is over.
Status LabRun::take_hosts() {
    const Scenario& scenario = prepared_.scenario;
    const Duration longest = scenario.expect.nobody_completes_for.value_or(scenario.expect.all_complete_within);
    const std::size_t nodes = scenario.node_names().size();
    const SlurmWish wish{folder_, scenario.name, std::min<std::size_t>(options_.hosts, nodes),
                         longest + scenario.stop.linger + minutes(10), options_.job_options};
    BT_TRY_ASSIGN(job_, SlurmJob::start(loop_, wish, [this](const std::string& text) { display_.note(text); }));
    display_.note("job " + job_->id() + " has " + std::to_string(job_->hosts().size()) + " hosts");
    return {};
}

void LabRun::start(Hold hold, std::function<void()> on_change) {
    record_.held = hold != Hold::No;
    Surroundings surroundings{networks_.get(), {}, options_.open_files};
    if (job_) {
        surroundings.launcher = [this](const NodePlan& node) {
            return job_->launcher(node.host, node.name, options_.bin);
        };
    }
    swarm_ = std::make_unique<SwarmRun>(loop_, plan_, prepared_.scenario, folder_, std::move(surroundings), display_,
                                        std::move(on_change));
    swarm_->start(hold);
}

Result<LabExit> LabRun::conclude(std::vector<Verdict> more) {
    swarm_->finish();
    display_.finish();
    if (job_) job_->end();
    end_marked_processes(folder_);
    concluded_ = true;
    if (options_.capture) BT_TRY(collect_captures(plan_, folder_));
    record_swarm(*swarm_, record_);
    examine(plan_, prepared_.scenario, record_, display_);
    record_.verdicts.insert(record_.verdicts.end(), more.begin(), more.end());
    record_.wall_s = seconds_now() - begin_s_;
    report_ = report_json(prepared_.scenario, record_);
    BT_TRY(write_text(folder_ / "report.json", report_));
    BT_TRY(write_text(folder_ / "junit.xml", junit_xml(prepared_.scenario, record_)));
    BT_TRY(swarm_->merge_events());
    // All is said: from here on the folder stays, and only what stays is linked to.
    lock_.reset();
    guard_.forget(folder_);
    link_latest(folder_, prepared_.scenario.name);
    const LabExit exit = exit_of(record_);
    if (exit == LabExit::Held && !options_.keep) remove_bulk(plan_, folder_);
    return exit;
}

LabExit report_error(LabExit exit, const Error& error) {
    std::fprintf(stderr, "swarm-lab: error: %s\n", error.message().c_str());
    return exit;
}

LabExit run_scenario(const RunOptions& options, RunRecord* record) {
    app::ignore_sigpipe();
    Result<Prepared> prepared = prepare_scenario(find_scenario(options.bin, options.scenario), options.bin);
    if (!prepared) return report_error(LabExit::ScenarioWrong, prepared.error());
    if (options.slurm) {
        const Status can = check_for_cluster(prepared->scenario);
        if (!can) return report_error(LabExit::ScenarioWrong, can.error());
    }
    Result<Guard> guard = Guard::start();
    if (!guard) return report_error(LabExit::Environment, guard.error());
    net::UvLoop loop;
    const Result<std::unique_ptr<LabRun>> made = LabRun::make(loop, std::move(*prepared), options, *guard);
    if (!made) {
        const bool interrupted = made.error().code == ErrorCode::Cancelled;
        return report_error(interrupted ? LabExit::Interrupted : LabExit::Environment, made.error());
    }
    LabRun& run = **made;
    {
        // Before the first process is there: an interrupt is one from the beginning.
        const net::Signals signals(loop, [&](int) { run.swarm().interrupt(); });
        run.start(Hold::No, [&] {
            if (run.director().is_done()) loop.stop();
        });
        loop.run();
    }
    const Result<LabExit> exit = run.conclude();
    if (!exit) return report_error(LabExit::Environment, exit.error());
    if (record != nullptr) {
        *record = run.record();
    } else {
        print_result(options, run.scenario(), run.record(), run.report());
    }
    return *exit;
}

}  // namespace bt::lab
