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

// A finished download leaves nothing beside itself; an unfinished one leaves what the next start may believe.
void ContentKeeper::leave(const meta::Bitfield& have, bool is_complete, std::function<void()> done) {
    if (!is_complete) return save(have, std::move(done));
    env::Disk& disk = env_->disk();
    const auto remove_shared = [this, &disk, done = std::move(done)] {
        if (settings_.shared_path.empty()) return done();
        disk.remove(settings_.shared_path, guarded([done](const Status&) { done(); }));
    };
    if (settings_.resume_path.empty()) return remove_shared();
    disk.remove(settings_.resume_path, guarded([remove_shared](const Status&) { remove_shared(); }));
}

void ContentKeeper::save(const meta::Bitfield& have, std::function<void()> done) {
    if (settings_.resume_path.empty()) return done();
    auto resume = std::make_shared<storage::ResumeData>();
    resume->info_hash = settings_.info_hash;
    resume->pieces = have;
    resume->boot_id = settings_.boot_id;
    env_->disk().inspect(
        storage_, guarded([this, resume, done = std::move(done)](const Result<std::vector<storage::FileStat>>& stats) {
            if (!stats) return done();
            resume->files = *stats;
            env_->disk().save(settings_.resume_path, resume->encode(), guarded([done](const Status&) { done(); }));
        }));
}

}  // namespace bt::engine
