#include "client/setup.h"

#include <algorithm>

#include "common/app/node_setup.h"
#include "common/engine/tls_provider.h"
#include "common/meta/file_selection.h"
#include "common/meta/magnet.h"
#include "common/net/output_lock.h"
#include "common/storage/file_names.h"

namespace bt::client {
namespace {

TorrentPolicy policy_of(const ClientOptions& options) {
    TorrentPolicy policy;
    policy.seed_ratio = options.seed_ratio;
    policy.seed_time = options.seed_time;
    policy.timeout = options.timeout;
    return policy;
}

engine::TorrentOptions torrent_options(const ClientOptions& options, const std::vector<Endpoint>& peers) {
    engine::TorrentOptions torrent;
    torrent.boot_id = app::boot_id();
    torrent.manual_peers = peers;
    torrent.max_connections = options.max_peers;
    torrent.existing = options.existing;
    torrent.trust_sizes = !options.verify;
    torrent.resume_interval = options.resume_interval;
    if (options.sequential) torrent.swarm.picker.order = swarm::PickOrder::Sequential;
    torrent.swarm.peer_exchange = !options.no_pex;
    if (options.interval_floor) torrent.tracker.interval_floor = *options.interval_floor;
    return torrent;
}

const InfoHash& info_hash_of(const engine::TorrentOptions& torrent) {
    return torrent.metainfo ? torrent.metainfo->info_hash() : torrent.info_hash;
}

Result<std::shared_ptr<const meta::Metainfo>> load(const std::string& path) {
    auto metainfo = app::load_metainfo(path);
    if (metainfo) return metainfo;
    Error error = metainfo.error();
    // A file that cannot be read is to the user as good as one that is no torrent.
    if (error.code != ErrorCode::InvalidBencode) error.code = ErrorCode::InvalidMetainfo;
    return fail(std::move(error));
}

// No other program downloads it into this folder as long as the torrent is there.
Status lock_output(engine::TorrentOptions& torrent, const std::string& outdir) {
    BT_TRY_ASSIGN(auto lock, net::OutputLock::take(storage::hidden_path(*torrent.metainfo, outdir, "swarm-lock")));
    torrent.lock = std::make_shared<const net::OutputLock>(std::move(lock));
    return {};
}

// Where the files go and which are wanted: what the user says, else what the magnet says.
Status settle_files(const ClientOptions& options, const std::string& select_only, engine::TorrentOptions& torrent) {
    const meta::Metainfo& metainfo = *torrent.metainfo;
    torrent.paths = storage::paths_in(metainfo, options.outdir);
    torrent.placement = storage::placement_in(metainfo, options.outdir);
    torrent.resume_path = storage::hidden_path(metainfo, options.outdir, "swarm-resume");
    if (!options.select.empty() || !options.priorities.empty()) {
        BT_TRY_ASSIGN(torrent.file_priorities,
                      meta::file_priorities(metainfo.files(), options.select, options.priorities));
    } else if (!select_only.empty()) {
        BT_TRY_ASSIGN(torrent.file_priorities, meta::file_priorities_of_magnet(metainfo.files(), select_only));
    }
    return {};
}

SessionTorrent begin_plan(const ClientOptions& options, const std::vector<Endpoint>& peers) {
    SessionTorrent planned;
    planned.policy = policy_of(options);
    planned.limits = {options.torrent_download_limit, options.torrent_upload_limit};
    planned.torrent = torrent_options(options, peers);
    return planned;
}

Result<SessionTorrent> plan_magnet(const ClientOptions& options, const meta::Magnet& magnet,
                                   const std::vector<Endpoint>& peers) {
    SessionTorrent planned = begin_plan(options, peers);
    const engine::TorrentOptions of_magnet = engine::options_for(magnet);
    planned.torrent.info_hash = of_magnet.info_hash;
    planned.torrent.name_hint = of_magnet.name_hint;
    planned.torrent.magnet_peers = of_magnet.magnet_peers;
    planned.torrent.tracker_tiers = of_magnet.tracker_tiers;
    planned.torrent.prepare = [options, select_only = magnet.select_only](engine::TorrentOptions& torrent) -> Status {
        BT_TRY(lock_output(torrent, options.outdir));
        return settle_files(options, select_only, torrent);
    };
    return planned;
}

}  // namespace

Result<SessionTorrent> plan_torrent(const ClientOptions& options, const std::string& torrent,
                                    const std::vector<Endpoint>& peers) {
    if (meta::Magnet::is_link(torrent)) {
        BT_TRY_ASSIGN(const auto magnet, meta::Magnet::parse_link(torrent));
        return plan_magnet(options, magnet, peers);
    }
    BT_TRY_ASSIGN(auto metainfo, load(torrent));
    SessionTorrent planned = begin_plan(options, peers);
    planned.torrent.tracker_tiers = metainfo->tracker_tiers();
    planned.torrent.metainfo = std::move(metainfo);
    BT_TRY(settle_files(options, "", planned.torrent));
    return planned;
}

Result<SessionPlan> plan_session(const ClientOptions& options) {
    if (options.torrents.empty()) return fail(local_error(ErrorCode::InvalidArgument, "no torrent is named"));
    std::vector<Endpoint> peers;
    if (!options.peers_file.empty()) {
        auto loaded = app::load_peers_file(options.peers_file);
        if (!loaded) {
            Error error = loaded.error();
            error.code = ErrorCode::InvalidArgument;
            return fail(std::move(error));
        }
        peers = std::move(*loaded);
    }
    SessionPlan plan;
    BT_TRY_ASSIGN(plan.settings.engine.tls, engine::make_tls_provider(options.ca_file));
    for (const std::string& torrent : options.torrents) {
        BT_TRY_ASSIGN(auto planned, plan_torrent(options, torrent, peers));
        const auto same = [&](const SessionTorrent& other) {
            return info_hash_of(other.torrent) == info_hash_of(planned.torrent);
        };
        if (std::ranges::any_of(plan.torrents, same)) {
            return fail(local_error(ErrorCode::InvalidArgument, torrent + " is named twice"));
        }
        if (planned.torrent.metainfo) BT_TRY(lock_output(planned.torrent, options.outdir));
        plan.torrents.push_back(std::move(planned));
    }
    plan.rng_seed = options.rng_seed.value_or(app::entropy_seed());
    Rng rng(plan.rng_seed);
    plan.settings.limits = {options.download_limit, options.upload_limit};
    plan.settings.stats_interval = options.stats_interval;
    plan.settings.engine.listen = options.listen.value_or(Endpoint{options.bind.value_or(Address()), options.port});
    if (!options.bind && !options.listen) plan.settings.engine.families = engine::Families::Both;
    plan.settings.engine.source = options.bind;
    plan.settings.engine.encryption = options.encryption;
    plan.settings.engine.peer_id = engine::make_peer_id(rng);
    return plan;
}

}  // namespace bt::client
