#include "client/session.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/encoding.h"
#include "common/engine/stats_event.h"

namespace bt::client {
namespace {

constexpr Duration kTick = milliseconds(250);

TorrentEnd end_for(const Error& error) {
    switch (error.code) {
        case ErrorCode::InvalidBencode:
        case ErrorCode::InvalidMetainfo:
        case ErrorCode::InvalidMagnet:
            return TorrentEnd::BadMetadata;
        default:
            return TorrentEnd::DiskTrouble;
    }
}

}  // namespace

Session::Session(env::Env& env, SessionSettings settings, SessionObserver& observer, telemetry::Telemetry telemetry,
                 Rng rng)
    : env_(&env),
      settings_(std::move(settings)),
      observer_(&observer),
      telemetry_(telemetry),
      engine_(env, settings_.engine, *this, telemetry, rng),
      tick_(env.make_timer([this] { on_tick(); })) {}

Session::~Session() = default;

Result<Endpoint> Session::start() {
    engine_.set_limits(settings_.limits);
    BT_TRY_ASSIGN(const Endpoint endpoint, engine_.start());
    started_at_ = next_stats_ = env_->now();
    wake();
    return endpoint;
}

Result<TorrentId> Session::add(SessionTorrent torrent) {
    if (ending_) return fail(local_error(ErrorCode::Cancelled, "the session is ending"));
    const InfoHash info_hash =
        torrent.torrent.metainfo ? torrent.torrent.metainfo->info_hash() : torrent.torrent.info_hash;
    for (const auto& item : items_) {
        if (item->node == nullptr || item->node->info_hash() != info_hash) continue;
        return fail(local_error(ErrorCode::InvalidArgument, item->name + " is in the session already"));
    }
    const TimePoint now = env_->now();
    auto item =
        std::make_unique<Item>(Item{TorrentId(static_cast<std::uint32_t>(items_.size())), std::move(torrent.name),
                                    PolicyWatch(torrent.policy, now), now, nullptr, std::nullopt, std::nullopt, false});
    item->node = &engine_.add_torrent(std::move(torrent.torrent));
    item->node->set_limits(torrent.limits);
    item->has_own_name = !item->name.empty();
    if (!item->has_own_name) item->name = item->node->name();
    items_.push_back(std::move(item));
    wake();
    return items_.back()->id;
}

void Session::remove(TorrentId id) {
    if (id.value() < items_.size()) end(*items_[id.value()], TorrentEnd::Removed, std::nullopt);
}

void Session::set_limits(const transport::RateLimits& all, const transport::RateLimits& each) {
    engine_.set_limits(all);
    for (const auto& item : items_) {
        if (item->node != nullptr) item->node->set_limits(each);
    }
}

void Session::interrupt() {
    for (const auto& item : items_) {
        if (item->result) continue;
        end(*item, item->node->is_complete() ? TorrentEnd::Done : TorrentEnd::Interrupted, std::nullopt);
    }
    settings_.ends_with_torrents = true;
    wake();
}

engine::TorrentNode* Session::find(TorrentId id) {
    return id.value() < items_.size() ? items_[id.value()]->node : nullptr;
}

Session::Item* Session::item_of(const engine::TorrentNode& torrent) {
    const auto found = std::ranges::find_if(items_, [&](const auto& item) { return item->node == &torrent; });
    return found == items_.end() ? nullptr : found->get();
}

void Session::on_torrent_metadata(engine::TorrentNode& torrent) {
    Item* item = item_of(torrent);
    if (item != nullptr && !item->has_own_name) item->name = torrent.name();
    wake();
}

// What the engine tells is only noted; it is acted upon in a turn of our own, so that no turn of a torrent is cut
// short.

void Session::on_torrent_running(engine::TorrentNode&) { wake(); }

void Session::on_torrent_completed(engine::TorrentNode&) { wake(); }

void Session::on_torrent_failed(engine::TorrentNode& torrent, const Error& error) {
    if (Item* item = item_of(torrent)) item->failure = error;
    wake();
}

void Session::on_torrent_stopped(engine::TorrentNode&) { wake(); }

void Session::on_engine_stopped() {
    engine_stopped_ = true;
    wake();
}

void Session::on_tick() {
    if (end_told_) return;
    const TimePoint now = env_->now();
    // By number: the observer may add torrents while it is told of one.
    for (std::size_t i = 0; i < items_.size(); ++i) judge(*items_[i], now);
    if (now >= next_stats_) {
        for (const auto& item : items_) {
            if (!item->result) engine::emit_stats(telemetry_, now, item->node->snapshot());
        }
        next_stats_ = now + settings_.stats_interval;
    }
    collect_ended();
    if (!ending_ && settings_.ends_with_torrents && all_decided()) {
        ending_ = true;
        stop_deadline_ = now + kStopPatience;
        engine_.stop();
    }
    if (engine_stopped_ || now >= stop_deadline_) return finish();
    TimePoint next = std::min({next_stats_, now + kTick, stop_deadline_});
    for (const auto& item : items_) {
        if (!item->result) next = std::min(next, item->watch.next_deadline());
    }
    tick_->arm(next);
}

void Session::judge(Item& item, TimePoint now) {
    if (item.result) return;
    if (item.failure) return end(item, end_for(*item.failure), item.failure);
    const auto snapshot = item.node->snapshot();
    const bool complete = item.node->is_complete();
    const PolicyInput input{&snapshot, complete, wanted_bytes(*item.node, snapshot)};
    const auto how = item.watch.judge(input, now);
    if (complete) tell_completion(item);
    if (item.result || !how) return;  // the observer may have removed it
    const bool by_trackers = *how == TorrentEnd::TrackersFailed || *how == TorrentEnd::NoProgress;
    end(item, *how, by_trackers ? item.node->tracker_error() : std::nullopt);
}

void Session::tell_completion(Item& item) {
    if (std::exchange(item.completion_told, true)) return;
    engine::emit_stats(telemetry_, env_->now(), item.node->snapshot());
    observer_->on_torrent_complete(item.id);
}

void Session::end(Item& item, TorrentEnd how, std::optional<Error> error) {
    if (item.result) return;
    const TimePoint now = env_->now();
    TorrentResult result;
    result.id = item.id;
    result.name = item.name;
    result.info_hash = item.node->info_hash();
    result.end = how;
    result.error = std::move(error);
    result.snapshot = item.node->snapshot();
    result.wanted = wanted_bytes(*item.node, result.snapshot);
    result.running = now - item.added_at;
    if (item.watch.completed_at()) result.completed_after = *item.watch.completed_at() - item.added_at;
    item.result = std::move(result);
    item.node->stop();
    wake();
}

void Session::collect_ended() {
    for (std::size_t i = 0; i < items_.size(); ++i) {
        Item& item = *items_[i];
        if (item.node == nullptr || item.node->state() != engine::TorrentState::Stopped) continue;
        engine::emit_stats(telemetry_, env_->now(), item.node->snapshot());  // the last totals
        engine_.forget(*std::exchange(item.node, nullptr));
        observer_->on_torrent_ended(*item.result);
    }
}

bool Session::all_decided() const {
    return std::ranges::all_of(items_, [](const auto& item) { return item->result.has_value(); });
}

void Session::finish() {
    end_told_ = true;
    tick_->cancel();
    SessionResult result;
    for (const auto& item : items_) {
        if (item->node != nullptr) observer_->on_torrent_ended(*item->result);  // it hangs, and we wait no longer
        result.torrents.push_back(*item->result);
        const TorrentEnd end = item->result->end;
        const bool counts = end != TorrentEnd::Done && end != TorrentEnd::Removed;
        if (counts && (result.end == TorrentEnd::Done || (end == TorrentEnd::Interrupted && result.end != end))) {
            result.end = end;
            result.error = item->result->error;
        }
    }
    observer_->on_session_ended(result);
}

void Session::check_invariants() const {
    engine_.check_invariants();
    std::size_t live = 0;
    for (const auto& item : items_) {
        BT_CHECK(item->node != nullptr || item->result.has_value());
        if (item->node != nullptr) ++live;
    }
    BT_CHECK(live == engine_.torrents().size());
}

}  // namespace bt::client
