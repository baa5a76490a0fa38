#include "client/runner.h"

#include "client/completion_commands.h"

namespace bt::client {

Runner::Runner(SessionPlan plan, std::string outdir, std::string on_complete, telemetry::Telemetry telemetry,
               RunnerHooks hooks)
    : env_(loop_),
      wakeup_(loop_, [this] { interrupt(); }),
      torrents_(std::move(plan.torrents)),
      session_(env_, std::move(plan.settings), *this, telemetry, Rng(plan.rng_seed).fork(1)),
      hooks_(std::move(hooks)),
      outdir_(std::move(outdir)),
      commands_(std::make_unique<CompletionCommands>(
          loop_, std::move(on_complete),
          [this](const std::string& text) {
              if (hooks_.on_message) hooks_.on_message(text);
          },
          [this] { stop_if_done(); })),
      tick_(env_.make_timer([this] { on_tick(); })) {}

Runner::~Runner() = default;

Result<SessionResult> Runner::run() {
    BT_TRY_ASSIGN(const Endpoint endpoint, session_.start());
    for (SessionTorrent& torrent : torrents_) BT_TRY(session_.add(std::move(torrent)));
    if (hooks_.on_listening) hooks_.on_listening(endpoint);
    tick_->arm(env_.now());
    loop_.run();
    return std::move(*result_);
}

void Runner::interrupt() {
    if (std::exchange(interrupted_, true)) return commands_->kill_all();
    session_.interrupt();
}

void Runner::on_tick() {
    if (hooks_.on_progress) hooks_.on_progress(session_, env_.now());
    if (!result_) tick_->arm(env_.now() + hooks_.progress_interval);
}

void Runner::on_torrent_complete(TorrentId id) {
    const engine::TorrentNode& node = *session_.find(id);
    commands_->start({node.metainfo().name(), node.metainfo().info_hash(), outdir_,
                      node.metainfo().layout().total_length(), node.snapshot().stats.downloaded});
}

void Runner::on_torrent_ended(const TorrentResult& result) {
    if (hooks_.on_torrent_ended) hooks_.on_torrent_ended(result);
}

void Runner::on_session_ended(const SessionResult& result) {
    result_ = result;
    on_tick();
    stop_if_done();
}

void Runner::stop_if_done() {
    if (result_ && commands_->running() == 0) loop_.stop();
}

}  // namespace bt::client
