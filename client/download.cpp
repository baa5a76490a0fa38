#include "client/download.h"

#include "client/ending.h"
#include "client/progress_output.h"
#include "client/runner.h"
#include "common/net/signals.h"

namespace bt::client {
namespace {

constexpr Duration kRedrawInterval = milliseconds(250);

ClientOptions options_from(const DownloadArguments& arguments) {
    ClientOptions options = arguments.client;
    options.bind = arguments.common.bind;
    options.port = arguments.common.port.value_or(0);
    options.stats_interval = arguments.common.stats_interval;
    return options;
}

void change_limits(Session& session, const ClientOptions& options) {
    session.set_limits({options.download_limit, options.upload_limit},
                       {options.torrent_download_limit, options.torrent_upload_limit});
}

Ending run(SessionPlan plan, const ClientOptions& options, const ViewOptions& shown, const RereadArguments& reread,
           app::ProgramStart& program, TimePoint& ended_at) {
    ProgressOutput view(shown, program.log, options.stats_interval);
    RunnerHooks hooks;
    hooks.progress_interval = program.is_recording() ? Duration(app::EventFile::kFlushInterval) : kRedrawInterval;
    hooks.on_listening = [&](const Endpoint& endpoint) {
        program.telemetry().emit(TimePoint{}, telemetry::Level::Summary, "ready", std::nullopt,
                                 {{"listen", endpoint.to_string()}});
        program.log.debug("listening on " + endpoint.to_string());
    };
    hooks.on_progress = [&](Session& session, TimePoint now) {
        view.show(session.view(view.wants_peers()), now);
        program.flush();
    };
    hooks.on_message = [&](const std::string& text) { view.note(text); };
    plan.settings.engine.tap = program.tap();
    Runner runner(std::move(plan), options.outdir, options.on_complete, program.telemetry(), std::move(hooks));
    const net::Signals signals(
        runner.loop(), [&](int) { runner.interrupt(); },
        [&] {
            const auto changed = reread();
            view.note(changed ? "the limits were read again" : "the limits stay as they were");
            if (changed) change_limits(runner.session(), changed->client);
        });
    const auto result = runner.run();
    ended_at = runner.now();
    view.settle();
    if (!result) return {app::ExitCode::CannotListen, result.error().message()};
    for (const TorrentResult& torrent : result->torrents) view.summarise(torrent);
    return ending_of(result->end, result->error);
}

}  // namespace

app::ExitCode run_download(const DownloadArguments& arguments, const RereadArguments& reread) {
    auto program = app::start_program("swarm-client", arguments.common, "client", arguments.capture);
    if (!program) {
        app::Log("swarm-client", app::Severity::Error).error(program.error().message());
        return app::exit_code_for(program.error());
    }
    const ClientOptions options = options_from(arguments);
    TimePoint ended_at{};
    Ending ending;
    auto plan = plan_session(options);
    if (plan) {
        ending = run(std::move(*plan), options, arguments.view, reread, *program, ended_at);
    } else {
        ending = {app::exit_code_for(plan.error()), plan.error().message()};
    }
    if (ending.code != app::ExitCode::Ok) program->log.error(ending.reason);
    app::finish_program(*program, ended_at, ending.code, ending.reason);
    return ending.code;
}

}  // namespace bt::client
