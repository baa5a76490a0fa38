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
      have_(metainfo_->layout().piece_count()),
      unknown_(metainfo_->layout().piece_count()) {}

void ContentCheck::start() {
    if (settings_.resume_path.empty() || settings_.existing == storage::Existing::Discard) return prepare();
    load_record();
}

void ContentCheck::load_record() {
    env_->disk().load(settings_.resume_path, guarded([this](const Result<ByteBuffer>& bytes) {
                          auto record = bytes ? storage::ResumeData::decode(*bytes, metainfo_->layout().piece_count())
                                              : fail(bytes.error());
                          if (record && record->info_hash == metainfo_->info_hash()) record_ = std::move(*record);
                          prepare();
                      }));
}

void ContentCheck::prepare() {
    if (settings_.access == storage::Access::ReadOnly) return inspect();
    const bool are_ours = settings_.existing == storage::Existing::Refuse && record_;
    env_->disk().prepare(storage_, are_ours ? storage::Existing::Use : settings_.existing,
                         guarded([this](Status status) {
                             if (!status) return finish(fail(status.error()));
                             inspect();
                         }));
}

void ContentCheck::inspect() {
    env_->disk().inspect(storage_, guarded([this](Result<std::vector<storage::FileStat>> stats) {
                             if (!stats) return finish(fail(stats.error()));
                             stats_ = std::move(*stats);
                             judge_pieces();
                         }));
}

void ContentCheck::judge_pieces() {
    if (settings_.access == storage::Access::ReadOnly) {
        if (auto status = judge_original(); !status) return finish(fail(status.error()));
    }
    if (settings_.existing == storage::Existing::Discard) return finish(CheckOutcome{have_, false});
    const std::uint32_t count = metainfo_->layout().piece_count();
    if (record_) {
        unknown_ = record_->unknown_pieces(*metainfo_, stats_, settings_.boot_id);
        for (std::uint32_t i = 0; i < count; ++i) {
            if (!unknown_.has(PieceIndex(i)) && record_->pieces.has(PieceIndex(i))) have_.set(PieceIndex(i));
        }
    } else {
        unknown_.set_all();
    }
    if (settings_.trust_sizes && !record_) trust_sizes();
    begin_hashing();
}

void ContentCheck::trust_sizes() {
    const auto& map = metainfo_->file_map();
    const auto& layout = metainfo_->layout();
    const auto is_right = [&](FileIndex file) {
        const storage::FileStat& stat = stats_[file.value()];
        return stat.is_regular && !stat.is_part && stat.size == map.file_length(file);
    };
    for (std::uint32_t i = 0; i < layout.piece_count(); ++i) {
        const PieceIndex piece(i);
        if (!unknown_.has(piece)) continue;
        bool right = true;
        map.for_each_span(layout.piece_offset(piece), layout.piece_size(piece),
                          [&](const meta::FileSpan& span) { right = right && is_right(span.file); });
        if (!right) continue;
        unknown_.clear(piece);
        have_.set(piece);
    }
}

Status ContentCheck::judge_original() const {
    for (std::size_t i = 0; i < stats_.size(); ++i) {
        const auto& file = metainfo_->files()[i];
        if (!stats_[i].exists) {
            return fail(local_error(ErrorCode::NotFound, "original file " + file.path + " does not exist"));
        }
        if (!stats_[i].is_regular || stats_[i].size != file.length) {
            return fail(local_error(ErrorCode::WrongSize,
                                    "original file " + file.path + " has " + std::to_string(stats_[i].size) +
                                        " bytes, the torrent says " + std::to_string(file.length)));
        }
    }
    return {};
}

void ContentCheck::begin_hashing() {
    const bool from_resume = record_.has_value() && unknown_.is_empty();
    const bool anything = std::ranges::any_of(stats_, [](const auto& stat) { return stat.exists && stat.size > 0; });
    if (!anything || unknown_.is_empty()) return finish(CheckOutcome{have_, from_resume});
    checked_ = unknown_.piece_count() - unknown_.count();
    batch_ = std::max(1u, kBytesPerJob / metainfo_->layout().piece_length());
    pump();
}

std::uint32_t ContentCheck::next_to_hash(std::uint32_t from) const {
    if (from >= unknown_.piece_count()) return from;
    const auto next = unknown_.next_set(PieceIndex(from));
    return next ? next->value() : unknown_.piece_count();
}

void ContentCheck::pump() {
    const std::uint32_t count = metainfo_->layout().piece_count();
    next_ = next_to_hash(next_);
    while (!finished_ && in_flight_ < kJobsInFlight && next_ < count) {
        const PieceIndex first(next_);
        std::uint32_t pieces = 1;
        while (pieces < batch_ && next_ + pieces < count && unknown_.has(PieceIndex(next_ + pieces))) ++pieces;
        next_ = next_to_hash(next_ + pieces);
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
            return finish(fail(local_error(ErrorCode::HashMismatch, "the original differs from the torrent in piece " +
                                                                        std::to_string(piece.value()) + " (" +
                                                                        file_of(piece) + ")")));
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
