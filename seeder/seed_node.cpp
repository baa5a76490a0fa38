#include "seeder/seed_node.h"

#include "common/engine/stats_event.h"

namespace bt::seeder {
namespace {

engine::TorrentOptions serving_only(engine::TorrentOptions options) {
    options.access = storage::Access::ReadOnly;
    options.download = false;
    options.resume_path.clear();
    return options;
}

}  // namespace

SeedNode::SeedNode(env::Env& env, SeedSettings settings, telemetry::Telemetry telemetry, Rng rng,
                   std::function<void()> on_ready, std::function<void(std::optional<Error>)> on_finished)
    : env_(&env),
      settings_(std::move(settings)),
      telemetry_(telemetry),
      on_ready_(std::move(on_ready)),
      on_finished_(std::move(on_finished)),
      engine_(env, settings_.engine, *this, telemetry, rng),
      stats_timer_(env.make_timer([this] {
          engine::emit_stats(telemetry_, env_->now(), torrent_->snapshot());
          stats_timer_->arm(env_->now() + settings_.stats_interval);
      })),
      failure_timer_(env.make_timer([this] { engine_.stop(); })) {}

Result<Endpoint> SeedNode::start() {
    BT_TRY_ASSIGN(const Endpoint endpoint, engine_.start());
    torrent_ = &engine_.add_torrent(serving_only(settings_.torrent));
    stats_timer_->arm(env_->now());
    return endpoint;
}

void SeedNode::on_torrent_running(engine::TorrentNode&) { on_ready_(); }

void SeedNode::on_torrent_failed(engine::TorrentNode&, const Error& error) {
    error_ = error;
    failure_timer_->arm(env_->now());
}

void SeedNode::stop() { engine_.stop(); }

void SeedNode::on_engine_stopped() {
    stats_timer_->cancel();
    engine::emit_stats(telemetry_, env_->now(), torrent_->snapshot());   // the last totals
    on_finished_(error_);
}

std::vector<std::string> original_paths(const meta::Metainfo& metainfo, const std::string& original,
                                        const std::function<bool(const std::string&)>& is_folder) {
    if (!metainfo.is_multi_file()) {
        return {is_folder(original) ? original + "/" + metainfo.name() : original};
    }
    // Paths of a multi-file torrent start with its name; the user may name that folder or the one above it.
    const bool above = is_folder(original + "/" + metainfo.name());
    std::vector<std::string> paths;
    paths.reserve(metainfo.files().size());
    for (const auto& file : metainfo.files()) {
        paths.push_back(original + (above ? "/" + file.path : file.path.substr(metainfo.name().size())));
    }
    return paths;
}

}  // namespace bt::seeder
