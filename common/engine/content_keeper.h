#pragma once

// Looks after a torrent's files on the disk while it runs: gives finished files their names, tells the disk what is
// wanted, and leaves behind what the next start may believe (storage/resume.h). Only jobs of the Disk port; what is
// there and what is wanted, its owner says.
//
// At the end: a complete torrent leaves nothing but its files. The resume record goes, and so does the hidden file with
// shared pieces (it was there to serve them; a later start of the same selection fetches them again). An incomplete
// torrent leaves both.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/env/env.h"
#include "common/storage/file_state.h"
#include "common/storage/resume.h"

namespace bt::engine {

struct KeeperSettings {
    InfoHash info_hash{};
    std::string resume_path;  // empty: no record
    std::string boot_id;
    std::string shared_path;  // empty: files are not placed, they have their names from the beginning
};

class ContentKeeper {
  public:
    // A job that places files has ended; is_placing() may be false now.
    using Placed = std::function<void(const Status&)>;

    ContentKeeper(env::Env& env, StorageId storage, KeeperSettings settings, Placed on_placed);

    // These files have all their pieces. A list of none costs nothing.
    void finish(std::vector<FileIndex> files);
    // Those that are complete, out of all: at the start, and where they become wanted.
    void finish_complete(const storage::FileState& files, std::uint32_t file_count);
    // One flag a file. Wanted files that are complete get their names behind it.
    void select(std::vector<bool> wanted, const storage::FileState& files);
    [[nodiscard]] bool is_placing() const { return placing_ > 0; }

    // The torrent has stopped writing.
    void leave(const meta::Bitfield& have, bool is_complete, std::function<void()> done);

  private:
    void save(const meta::Bitfield& have, std::function<void()> done);
    // Callbacks of jobs that outlive this object do nothing.
    template <class Callback>
    auto guarded(Callback callback);

    env::Env* env_;
    StorageId storage_;
    KeeperSettings settings_;
    Placed on_placed_;
    std::uint32_t placing_ = 0;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace bt::engine
