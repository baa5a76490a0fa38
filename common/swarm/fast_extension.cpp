#include "common/swarm/fast_extension.h"

#include <algorithm>

#include "common/crypto/hash.h"

namespace bt::swarm {

std::vector<PieceIndex> allowed_fast_set(const InfoHash& info_hash, const Address& peer, std::uint32_t piece_count,
                                         std::uint32_t count) {
    std::vector<PieceIndex> set;
    if (!peer.is_v4()) return set;
    count = std::min(count, piece_count);
    if (count == 0) return set;
    ByteBuffer seed(peer.bytes().begin(), peer.bytes().end());
    seed[3] = 0;
    seed.insert(seed.end(), info_hash.begin(), info_hash.end());
    Sha1Digest digest = crypto::sha1(seed);
    while (true) {
        for (std::size_t i = 0; i < digest.size(); i += 4) {
            std::uint32_t number = 0;
            for (std::size_t j = i; j < i + 4; ++j) number = number << 8 | static_cast<std::uint32_t>(digest[j]);
            const PieceIndex piece(number % piece_count);
            if (std::ranges::find(set, piece) == set.end()) set.push_back(piece);
            if (set.size() == count) return set;
        }
        digest = crypto::sha1(digest);
    }
}

std::vector<PieceIndex> fast_offer(const InfoHash& info_hash, const Address& peer, const meta::Bitfield& have) {
    const std::uint32_t pieces = have.piece_count();
    auto offer = allowed_fast_set(info_hash, peer, pieces, std::min(kAllowedFastCount, pieces / 10));
    std::erase_if(offer, [&](PieceIndex piece) { return !have.has(piece); });
    return offer;
}

void FastExtension::forget_suggestions() {
    suggestions_.clear();
    suggested_.reset();
}

void FastExtension::offer(std::vector<PieceIndex> pieces, const meta::PieceLayout& layout) {
    offered_ = std::move(pieces);
    std::ranges::sort(offered_);
    servings_left_ = 0;
    for (const PieceIndex piece : offered_) servings_left_ += kAllowedFastServings * layout.block_count(piece);
}

bool FastExtension::is_offered(PieceIndex piece) const { return std::ranges::binary_search(offered_, piece); }

bool FastExtension::take_serving(PieceIndex piece) {
    if (servings_left_ == 0 || !is_offered(piece)) return false;
    --servings_left_;
    return true;
}

void FastExtension::on_allowed(PieceIndex piece, const meta::Bitfield& pieces) {
    if (allowed_.size() >= kMaxAllowedFast || std::ranges::find(allowed_, piece) != allowed_.end()) return;
    allowed_.push_back(piece);
    if (!usable_) usable_.emplace(pieces.piece_count());
    if (pieces.has(piece)) usable_->set(piece);
}

void FastExtension::on_suggested(PieceIndex piece, const meta::Bitfield& pieces, TimePoint now) {
    if (!pieces.has(piece)) return;
    guided_until_ = now + kGuidedAfterSuggestion;
    if (!suggested_) suggested_.emplace(pieces.piece_count());
    if (!suggested_->set(piece)) return;
    suggestions_.push_back(piece);
    if (suggestions_.size() <= kMaxSuggestions) return;
    suggested_->clear(suggestions_.front());
    suggestions_.erase(suggestions_.begin());
}

void FastExtension::on_pieces_changed(const meta::Bitfield& pieces) {
    for (const PieceIndex piece : allowed_) {
        if (pieces.has(piece)) usable_->set(piece);
    }
}

void FastExtension::on_have(PieceIndex piece) {
    if (usable_ && std::ranges::find(allowed_, piece) != allowed_.end()) usable_->set(piece);
}

void FastExtension::on_lost(PieceIndex piece) {
    if (usable_) usable_->clear(piece);
    if (suggested_ && suggested_->clear(piece)) std::erase(suggestions_, piece);
}

const meta::Bitfield* FastExtension::allowed() const { return usable_ && !usable_->is_empty() ? &*usable_ : nullptr; }

const meta::Bitfield* FastExtension::suggested() const {
    return suggested_ && !suggested_->is_empty() ? &*suggested_ : nullptr;
}

bool FastExtension::on_rejected(PieceIndex piece, bool choking, TimePoint now) {
    if (choking) {
        // It keeps its place in what was heard: not to be offered once more.
        if (usable_) usable_->clear(piece);
        return true;
    }
    paused_until_ = now + kPauseAfterReject;
    return ++rejects_in_row_ < kMaxRejectsInRow;
}

}  // namespace bt::swarm
