#pragma once

// Finds out, when a torrent is started, which of its pieces are on the disk: resume data where it can be trusted; the
// pieces that it says nothing of are hashed, several jobs at a time on the world's work pool.
//
// What is there already: Existing::Refuse stands for files that no resume record of this torrent speaks of; with one,
// they are ours. Existing::Discard reads nothing at all. trust_sizes (--no-verify): files under their own name that
// have the right length are right, unless there is a record: then a download was interrupted. The others are hashed.
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
    std::string resume_path;  // empty: no resume data
    std::string boot_id;
    storage::Existing existing = storage::Existing::Use;
    bool trust_sizes = false;
};

struct CheckOutcome {
    meta::Bitfield have;
    bool from_resume = false;  // nothing had to be read
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
    void load_record();
    void prepare();
    void inspect();
    void judge_pieces();
    void trust_sizes();
    void begin_hashing();
    void pump();
    [[nodiscard]] std::uint32_t next_to_hash(std::uint32_t from) const;
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
    std::optional<storage::ResumeData> record_;
    meta::Bitfield have_;
    meta::Bitfield unknown_;   // pieces to hash
    std::uint32_t next_ = 0;   // first piece not handed to a job yet
    std::uint32_t batch_ = 1;  // pieces a job
    std::uint32_t in_flight_ = 0;
    std::uint32_t checked_ = 0;
    bool finished_ = false;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace bt::engine
