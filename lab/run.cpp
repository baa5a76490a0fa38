#include "lab/run.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "common/app/cli.h"
#include "common/app/config_tree.h"
#include "common/app/process.h"
#include "common/app/text_file.h"
#include "common/base/encoding.h"
#include "lab/captures.h"
#include "lab/data_folder.h"
#include "lab/foreign_watch.h"
#include "lab/prepare.h"
#include "lab/subnet.h"
#include "lab/swarm_run.h"
#include "lab/torrent_files.h"
#include "torrents/recipe.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

int report_error(LabExit exit, const Error& error) {
    std::fprintf(stderr, "swarm-lab: error: %s\n", error.message().c_str());
    return static_cast<int>(exit);
}

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

Status fill_folder(const Plan& plan, const Prepared& prepared, const fs::path& run, Display& display) {
    BT_TRY_ASSIGN(const std::string text, app::read_text_file(prepared.scenario.file, app::kMaxConfigSize));
    const std::string ending = fs::path(prepared.scenario.file).extension().string();
    BT_TRY(write_text(run / ("scenario" + ending), text));
    BT_TRY(write_text(plan.tracker_config, plan.tracker_config_text));
    for (const NodePlan& node : plan.nodes) {
        BT_TRY(make_folder(node.kind == NodeKind::Client || node.copy_content ? node.files : node.folder));
        if (!node.limits_file.empty()) BT_TRY(write_text(node.limits_file, limits_text(node.kind, node.limits)));
    }
    if (prepared.recipe) {
        display.note("making " + std::to_string(prepared.recipe->total_size()) + " bytes of content");
        BT_TRY(torrents::generate(*prepared.recipe, run / "content"));
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

// The files whose hash the scenario names, as they lie there.
void hash_files(const Plan& plan, const std::vector<FileHash>& wanted, RunRecord& record) {
    for (const FileHash& file : wanted) {
        for (const NodePlan& node : plan.nodes) {
            if (!matches_pattern(node.name, file.nodes)) continue;
            const Result<std::string> hash = sha1_of_file(node.files / plan.content.filename() / file.path);
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
        hash_files(plan, scenario.expect.files, record);
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

}  // namespace

LabExit run_scenario(const RunOptions& options) {
    app::ignore_sigpipe();
    const auto begin = std::chrono::steady_clock::now();
    const auto failed = [](LabExit exit, const Error& error) {
        report_error(exit, error);
        return exit;
    };
    Result<Prepared> prepared = prepare_scenario(find_scenario(options.bin, options.scenario), options.bin);
    if (!prepared) return failed(LabExit::ScenarioWrong, prepared.error());
    const Scenario& scenario = prepared->scenario;

    if (const Status there = check_programs(*prepared); !there) return failed(LabExit::Environment, there.error());
    Rng rng = rng_of_this_process();
    const Result<Subnet> subnet = Subnet::claim(rng);
    if (!subnet) return failed(LabExit::Environment, subnet.error());
    const Stamp stamp = stamp_now();
    const Result<fs::path> run = make_run_folder(options.out, scenario.name, stamp.for_files);
    if (!run) return failed(LabExit::Environment, run.error());

    const fs::path content =
        prepared->recipe ? *run / "content" / prepared->recipe->name : fs::path(scenario.content.path);
    Plan plan = make_plan(scenario, {options.bin, *run, content, subnet->prefix(), geteuid() == 0, free_port},
                          prepared->adapters);
    if (options.capture) add_captures(plan);
    Display display(scenario.name, options.quiet);
    if (const Status filled = fill_folder(plan, *prepared, *run, display); !filled) {
        return failed(LabExit::Environment, filled.error());
    }

    RunRecord record;
    record.started_at = stamp.for_report;
    record.folder = run->string();
    record.subnet = subnet->prefix();
    {
        SwarmRun swarm(plan, scenario, display);
        swarm.run();
        record_swarm(swarm, record);
    }
    display.finish();
    if (options.capture) {
        if (const Status collected = collect_captures(plan, *run); !collected) {
            return failed(LabExit::Environment, collected.error());
        }
    }
    examine(plan, scenario, record, display);
    record.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

    const std::string report = report_json(scenario, record);
    if (const Status written = write_text(*run / "report.json", report); !written) {
        return failed(LabExit::Environment, written.error());
    }
    const LabExit exit = exit_of(record);
    if (exit == LabExit::Held && !options.keep) remove_bulk(plan, *run);
    print_result(options, scenario, record, report);
    return exit;
}

}  // namespace bt::lab
