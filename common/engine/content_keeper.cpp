#include "common/engine/content_keeper.h"

#include <utility>

namespace bt::engine {

template <class Callback>
auto ContentKeeper::guarded(Callback callback) {
    return [alive = std::weak_ptr<int>(alive_), callback](auto&& result) {
        if (!alive.expired()) callback(std::forward<decltype(result)>(result));
    };
}

ContentKeeper::ContentKeeper(env::Env& env, StorageId storage, KeeperSettings settings, Placed on_placed)
    : env_(&env), storage_(storage), settings_(std::move(settings)), on_placed_(std::move(on_placed)) {}

void ContentKeeper::finish(std::vector<FileIndex> files) {
    if (files.empty() || settings_.shared_path.empty()) return;
    ++placing_;
    env_->disk().finish_files(storage_, std::move(files), guarded([this](const Status& status) {
                                  --placing_;
                                  on_placed_(status);
                              }));
}

void ContentKeeper::finish_complete(const storage::FileState& files, std::uint32_t file_count) {
    std::vector<FileIndex> complete;
    for (std::uint32_t i = 0; i < file_count; ++i) {
        if (files.is_complete(FileIndex(i))) complete.push_back(FileIndex(i));
    }
    finish(std::move(complete));
}

void ContentKeeper::select(std::vector<bool> wanted, const storage::FileState& files) {
    if (settings_.shared_path.empty()) return;
    std::vector<FileIndex> complete;
    for (std::uint32_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] && files.is_complete(FileIndex(i))) complete.push_back(FileIndex(i));
    }
    ++placing_;
    // What is complete stays complete; finishing must come behind the selection, which may bring files out.
    env_->disk().select_files(storage_, std::move(wanted), guarded([this, complete](const Status& status) {
                                  if (status) finish(complete);
                                  --placing_;
                                  on_placed_(status);
                              }));
}

void ContentKeeper::start(std::function<const meta::Bitfield&()> have) {
    if (settings_.resume_path.empty()) return;
    have_ = std::move(have);
    saved_pieces_ = have_().count();
    timer_ = env_->make_timer([this] { on_timer(); });
    timer_->arm(env_->now() + settings_.save_interval);
}

void ContentKeeper::on_timer() {
    const auto again = [this](const Status& status) {
        if (leaving_) return;
        if (!status) {
            settings_.telemetry.emit(env_->now(), telemetry::Level::Summary, "resume_failed", std::nullopt,
                                     {{"reason", status.error().message()}});
        }
        timer_->arm(env_->now() + settings_.save_interval);
    };
    if (have_().count() == saved_pieces_) return again({});
    look(again);
}

// In this order (storage/resume.h): whatever is written behind the look makes its file newer than its record, and
// whatever is noted was written before the flush.
void ContentKeeper::look(std::function<void(Status)> done) {
    auto noted = std::make_shared<Save>();
    noted->is_last = leaving_;
    env_->disk().inspect(storage_, guarded([this, noted, done](const Result<std::vector<storage::FileStat>>& stats) {
                             if (!stats) return done(fail(stats.error()));
                             noted->data.info_hash = settings_.info_hash;
                             noted->data.boot_id = settings_.boot_id;
                             noted->data.files = *stats;
                             noted->data.pieces = have_();
                             flush(noted, done);
                         }));
}

void ContentKeeper::flush(Noted noted, std::function<void(Status)> done) {
    env_->disk().flush(storage_, guarded([this, noted, done](const Status& status) {
                           if (!status) return done(status);
                           noted->data.flushed = true;
                           record(noted, done);
                       }));
}

void ContentKeeper::record(Noted noted, std::function<void(Status)> done) {
    if (leaving_ && !noted->is_last) return;  // what leave() records, or removes, is newer
    env_->disk().save(settings_.resume_path, noted->data.encode(), guarded([this, noted, done](const Status& status) {
                          if (status) {
                              saved_pieces_ = noted->data.pieces.count();
                              settings_.telemetry.emit(env_->now(), telemetry::Level::Decision, "resume_saved",
                                                       std::nullopt, {{"have", saved_pieces_}});
                          }
                          done(status);
                      }));
}

void ContentKeeper::leave(const meta::Bitfield& have, bool is_complete, std::function<void()> done) {
    leaving_ = true;
    timer_.reset();
    if (is_complete) return remove(std::move(done));
    if (settings_.resume_path.empty()) return done();
    have_ = [&have]() -> const meta::Bitfield& { return have; };
    look([done](const Status&) { done(); });
}

void ContentKeeper::remove(std::function<void()> done) {
    env::Disk& disk = env_->disk();
    const auto remove_shared = [this, &disk, done = std::move(done)] {
        if (settings_.shared_path.empty()) return done();
        disk.remove(settings_.shared_path, guarded([done](const Status&) { done(); }));
    };
    if (settings_.resume_path.empty()) return remove_shared();
    disk.remove(settings_.resume_path, guarded([remove_shared](const Status&) { remove_shared(); }));
}

}  // namespace bt::engine
