#include "lab/probe_command.h"

#include <cstdio>

#include "common/app/node_setup.h"
#include "common/app/option_setters.h"
#include "common/app/process.h"
#include "lab/probe/probe.h"

namespace bt::lab {
namespace {

LabExit refuse_probe(LabExit exit, const std::string& why) {
    std::fprintf(stderr, "swarm-lab: error: %s\n", why.c_str());
    return exit;
}

}  // namespace

app::Command probe_command(ProbeArguments& out) {
    app::Command probe{"probe", "Try the rules of the protocol on a client that has a torrent's content", "", {}, {}};
    probe.positionals = {
        {"HOST:PORT", "Where the client listens, an IP address and a port", app::set_text(out.endpoint)},
        {"TORRENT", "The .torrent file of what it has", app::set_text(out.torrent), app::ArgumentKind::Path}};
    probe.options = {
        {"patience", "", "TIME", "Wait so long for an answer that should come at once",
         app::set_duration(out.patience, milliseconds(100), minutes(1)), "3"},
        {"unchoke-patience", "", "TIME", "Wait so long to be unchoked (clients look round every 10 s, and every 30 s)",
         app::set_duration(out.unchoke_patience, milliseconds(100), minutes(10)), "40"},
        {"json", "", "", "Print one JSON object instead of the table", app::set_flag(out.json)}};
    return probe;
}

LabExit run_probe_command(const ProbeArguments& arguments) {
    app::ignore_sigpipe();
    probe::Target target;
    const auto endpoint = Endpoint::parse(arguments.endpoint);
    if (!endpoint)
        return refuse_probe(LabExit::ScenarioWrong,
                            "\"" + arguments.endpoint + "\" is no IP:PORT, as in 127.0.0.1:6881");
    target.endpoint = *endpoint;
    auto metainfo = app::load_metainfo(arguments.torrent);
    if (!metainfo) return refuse_probe(LabExit::ScenarioWrong, metainfo.error().message());
    if ((*metainfo)->layout().piece_count() == 0)
        return refuse_probe(LabExit::ScenarioWrong, arguments.torrent + ": a torrent without content");
    target.metainfo = std::move(*metainfo);
    target.patience = std::chrono::duration_cast<probe::Wait>(arguments.patience);
    target.unchoke_patience = std::chrono::duration_cast<probe::Wait>(arguments.unchoke_patience);
    target.rng_seed = app::entropy_seed();
    const auto report = probe::run_probe(target);
    if (!report) return refuse_probe(LabExit::Environment, report.error().message());
    std::fputs((arguments.json ? report_json(*report) : report_text(*report)).c_str(), stdout);
    return report->count(probe::Verdict::Broken) == 0 ? LabExit::Held : LabExit::Failed;
}

}  // namespace bt::lab
