#pragma once

// Finds out, when a torrent is started, which of its pieces are on the disk: resume data where it can be trusted,
// otherwise every piece of every file that exists is hashed, several jobs at a time on the world's work pool.
//
// ReadWrite: folders and empty files are made first, so that an unusable output folder is told before anything is
// downloaded. Missing files mean missing pieces; nothing there at all means no reading at all.
// ReadOnly (the seeder): every file must be there with its exact size and every piece must be right: NotFound,
// WrongSize or HashMismatch name the file and the piece.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/env/env.h"
#include "common/meta/bitfield.h"
#include "common/meta/metainfo.h"
#include "common/storage/resume.h"
#include "common/storage/storage_spec.h"

namespace bt::engine {

struct CheckSettings {
    storage::Access access = storage::Access::ReadOnly;
    std::string resume_path;   // empty: no resume data
    std::string boot_id;
};

struct CheckOutcome {
    meta::Bitfield have;
    bool from_resume = false;
};

class ContentCheck {
  public:
    using Done = std::function<void(Result<CheckOutcome>)>;

    ContentCheck(env::Env& env, StorageId storage, std::shared_ptr<const meta::Metainfo> metainfo,
                 CheckSettings settings, Done done);

    void start();

    [[nodiscard]] std::uint32_t checked_pieces() const { return checked_; }
    [[nodiscard]] std::uint32_t good_pieces() const { return have_.count(); }

  private:
    void inspect();
    void on_inspected(Result<std::vector<storage::FileStat>> stats);
    void on_resume_loaded(const Result<ByteBuffer>& bytes);
    void begin_hashing();
    void pump();
    void on_checked(const env::PiecesChecked& result);
    void finish(Result<CheckOutcome> outcome);
    [[nodiscard]] Status judge_original() const;
    [[nodiscard]] std::string file_of(PieceIndex piece) const;
    // Callbacks of jobs that outlive this object do nothing.
    template <class Callback>
    auto guarded(Callback callback);

    env::Env* env_;
    StorageId storage_;
    std::shared_ptr<const meta::Metainfo> metainfo_;
    CheckSettings settings_;
    Done done_;
    std::vector<storage::FileStat> stats_;
    meta::Bitfield have_;
    std::uint32_t next_ = 0;       // first piece not handed to a job yet
    std::uint32_t batch_ = 1;      // pieces a job
    std::uint32_t in_flight_ = 0;
    std::uint32_t checked_ = 0;
    bool finished_ = false;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace bt::engine
