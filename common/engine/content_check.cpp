#include "common/engine/content_check.h"

#include <algorithm>

namespace bt::engine {
namespace {

constexpr std::uint32_t kBytesPerJob = 4u << 20;
constexpr std::uint32_t kJobsInFlight = 8;

}  // namespace

template <class Callback>
auto ContentCheck::guarded(Callback callback) {
    return [alive = std::weak_ptr<int>(alive_), callback](auto&& result) {
        if (!alive.expired()) callback(std::forward<decltype(result)>(result));
    };
}

ContentCheck::ContentCheck(env::Env& env, StorageId storage, std::shared_ptr<const meta::Metainfo> metainfo,
                           CheckSettings settings, Done done)
    : env_(&env),
      storage_(storage),
      metainfo_(std::move(metainfo)),
      settings_(std::move(settings)),
      done_(std::move(done)),
      have_(metainfo_->layout().piece_count()) {}

void ContentCheck::start() {
    if (settings_.access == storage::Access::ReadOnly) return inspect();
    env_->disk().prepare(storage_, guarded([this](Status status) {
        if (!status) return finish(fail(status.error()));
        inspect();
    }));
}

void ContentCheck::inspect() {
    env_->disk().inspect(storage_, guarded([this](Result<std::vector<storage::FileStat>> stats) {
        on_inspected(std::move(stats));
    }));
}

void ContentCheck::on_inspected(Result<std::vector<storage::FileStat>> stats) {
    if (!stats) return finish(fail(stats.error()));
    stats_ = std::move(*stats);
    if (settings_.access == storage::Access::ReadOnly) {
        if (auto status = judge_original(); !status) return finish(fail(status.error()));
    }
    if (settings_.resume_path.empty()) return begin_hashing();
    env_->disk().load(settings_.resume_path,
                      guarded([this](const Result<ByteBuffer>& bytes) { on_resume_loaded(bytes); }));
}

Status ContentCheck::judge_original() const {
    for (std::size_t i = 0; i < stats_.size(); ++i) {
        const auto& file = metainfo_->files()[i];
        if (!stats_[i].exists) {
            return fail(local_error(ErrorCode::NotFound, "original file " + file.path + " does not exist"));
        }
        if (!stats_[i].is_regular || stats_[i].size != file.length) {
            return fail(local_error(ErrorCode::WrongSize, "original file " + file.path + " has " +
                                                              std::to_string(stats_[i].size) + " bytes, the torrent says " +
                                                              std::to_string(file.length)));
        }
    }
    return {};
}

void ContentCheck::on_resume_loaded(const Result<ByteBuffer>& bytes) {
    if (bytes) {
        const auto resume = storage::ResumeData::decode(*bytes, metainfo_->layout().piece_count());
        if (resume && resume->is_trusted(metainfo_->info_hash(), stats_, settings_.boot_id)) {
            have_ = resume->pieces;
            return finish(CheckOutcome{have_, true});
        }
    }
    begin_hashing();
}

void ContentCheck::begin_hashing() {
    const auto& layout = metainfo_->layout();
    const bool anything = std::ranges::any_of(stats_, [](const auto& stat) { return stat.exists && stat.size > 0; });
    if (!anything) return finish(CheckOutcome{have_, false});
    batch_ = std::max(1u, kBytesPerJob / layout.piece_length());
    pump();
}

void ContentCheck::pump() {
    const std::uint32_t count = metainfo_->layout().piece_count();
    while (!finished_ && in_flight_ < kJobsInFlight && next_ < count) {
        const PieceIndex first(next_);
        const std::uint32_t pieces = std::min(batch_, count - next_);
        next_ += pieces;
        ++in_flight_;
        env_->disk().check_pieces(storage_, first, pieces,
                                  guarded([this](const env::PiecesChecked& result) { on_checked(result); }));
    }
    if (!finished_ && in_flight_ == 0) finish(CheckOutcome{have_, false});
}

void ContentCheck::on_checked(const env::PiecesChecked& result) {
    --in_flight_;
    if (finished_) return;
    if (!result.status) return finish(fail(result.status.error()));
    for (std::uint32_t i = 0; i < result.ok.size(); ++i) {
        const PieceIndex piece(result.first.value() + i);
        ++checked_;
        if (result.ok[i]) {
            have_.set(piece);
        } else if (settings_.access == storage::Access::ReadOnly) {
            return finish(fail(local_error(ErrorCode::HashMismatch,
                                           "the original differs from the torrent in piece " +
                                               std::to_string(piece.value()) + " (" + file_of(piece) + ")")));
        }
    }
    pump();
}

std::string ContentCheck::file_of(PieceIndex piece) const {
    const auto& layout = metainfo_->layout();
    const auto spans = metainfo_->file_map().spans(layout.piece_offset(piece), layout.piece_size(piece));
    return metainfo_->files()[spans.front().file.value()].path;
}

void ContentCheck::finish(Result<CheckOutcome> outcome) {
    finished_ = true;
    // The owner may destroy this object inside done_.
    const Done done = std::move(done_);
    done(std::move(outcome));
}

}  // namespace bt::engine
