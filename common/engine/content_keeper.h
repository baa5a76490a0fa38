#pragma once

// Looks after a torrent's files on the disk while it runs: gives finished files their names, tells the disk what is
// wanted, and writes down what the next start may believe (storage/resume.h). Only jobs of the Disk port; what is
// there and what is wanted, its owner says.
//
// While the torrent runs, every save_interval in which pieces came: looks at the files, notes the pieces, flushes,
// records. What goes wrong with that is told as an event (resume_failed) and tried again; the torrent goes on.
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
#include "common/telemetry/event.h"

namespace bt::engine {

struct KeeperSettings {
    InfoHash info_hash{};
    std::string resume_path;  // empty: no record
    std::string boot_id;
    std::string shared_path;  // empty: files are not placed, they have their names from the beginning
    Duration save_interval = seconds(30);
    telemetry::Telemetry telemetry;
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

    // From now on, until leave(): `have` answers the pieces that are verified and written.
    void start(std::function<const meta::Bitfield&()> have);
    // The torrent has stopped writing.
    void leave(const meta::Bitfield& have, bool is_complete, std::function<void()> done);

  private:
    struct Save {
        bool is_last = false;  // of leave()
        storage::ResumeData data;
    };
    using Noted = std::shared_ptr<Save>;

    void on_timer();
    // Each step begins the next; `done` hears of the last one, or of the first that failed.
    void look(std::function<void(Status)> done);
    void flush(Noted noted, std::function<void(Status)> done);
    void record(Noted noted, std::function<void(Status)> done);
    void remove(std::function<void()> done);
    // Callbacks of jobs that outlive this object do nothing.
    template <class Callback>
    auto guarded(Callback callback);

    env::Env* env_;
    StorageId storage_;
    KeeperSettings settings_;
    Placed on_placed_;
    std::function<const meta::Bitfield&()> have_;
    std::unique_ptr<env::Timer> timer_;
    std::uint32_t saved_pieces_ = 0;
    bool leaving_ = false;
    std::uint32_t placing_ = 0;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace bt::engine
