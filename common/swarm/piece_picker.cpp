#include "common/swarm/piece_picker.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace bt::swarm {

std::string_view pick_reason_name(PickReason reason) {
    switch (reason) {
        case PickReason::Partial:
            return "partial";
        case PickReason::RandomFirst:
            return "random_first";
        case PickReason::Rarest:
            return "rarest";
        case PickReason::Sequential:
            return "sequential";
        case PickReason::Endgame:
            return "endgame";
        case PickReason::Random:
            return "random";
    }
    return "unknown";
}

PiecePicker::PiecePicker(const meta::PieceLayout& layout, meta::Bitfield have, PickerSettings settings, Rng rng)
    : layout_(layout),
      settings_(settings),
      have_(std::move(have)),
      full_(layout.piece_count()),
      unwanted_(layout.piece_count()),
      open_(layout.piece_count(), std::move(rng)),
      partial_(layout.piece_count()) {
    BT_CHECK(have_.piece_count() == layout_.piece_count());
    missing_pieces_ = layout_.piece_count() - have_.count();
    for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
        if (!have_.has(PieceIndex(i))) open_.insert(PieceIndex(i));
    }
}

void PiecePicker::on_peer_bitfield(const meta::Bitfield& pieces) { open_.on_peer_bitfield(pieces); }
void PiecePicker::on_peer_have(PieceIndex piece) { open_.on_peer_have(piece); }
void PiecePicker::on_peer_lost(PieceIndex piece) { open_.on_peer_lost(piece); }
void PiecePicker::on_peer_gone(const meta::Bitfield& pieces) { open_.on_peer_gone(pieces); }
std::uint32_t PiecePicker::availability(PieceIndex piece) const { return open_.availability(piece); }

void PiecePicker::pick(ConnectionId peer, const meta::Bitfield& peer_has, std::size_t count, bool may_start_piece,
                       std::vector<PickedBlock>& out) {
    BT_CHECK(peer_has.piece_count() == layout_.piece_count());
    while (count > 0) {
        const PartialPiece* partial = best_partial(peer, peer_has);
        if (partial == nullptr) break;
        count -= take(partial->piece, peer, count, PickReason::Partial, out);
    }
    while (count > 0 && may_start_piece) {
        PickReason reason{};
        const std::optional<PieceIndex> piece = choose_new(peer_has, reason);
        if (!piece) break;
        open_.erase(*piece);
        partial_.begin(*piece, layout_.block_count(*piece), true);
        count -= take(*piece, peer, count, reason, out);
    }
    if (count > 0 && is_endgame()) pick_endgame(peer, peer_has, count, out);
}

const PartialPiece* PiecePicker::best_partial(ConnectionId peer, const meta::Bitfield& peer_has) const {
    const PartialPiece* best = nullptr;
    bool best_is_own = false;
    for (const PartialPiece& partial : partial_.pickable()) {
        const bool is_own = partial.last_taker == peer;
        if (best != nullptr) {
            const std::uint8_t rank = priority(partial.piece);
            const std::uint8_t best_rank = priority(best->piece);
            const bool is_first = rank != best_rank ? rank > best_rank : partial.missing < best->missing;
            if (is_own != best_is_own ? !is_own : !is_first) continue;
        }
        if (!peer_has.has(partial.piece) || !may_ask(peer, partial.piece)) continue;
        best = &partial;
        best_is_own = is_own;
    }
    return best;
}

std::optional<PieceIndex> PiecePicker::choose_new(const meta::Bitfield& peer_has, PickReason& reason) {
    switch (settings_.order) {
        case PickOrder::Sequential:
            reason = PickReason::Sequential;
            return open_.first(peer_has);
        case PickOrder::Random:
            reason = PickReason::Random;
            return open_.random(peer_has);
        case PickOrder::RarestFirst:
            break;
    }
    if (have_.count() < settings_.random_first_pieces) {
        reason = PickReason::RandomFirst;
        return open_.random(peer_has);
    }
    reason = PickReason::Rarest;
    return open_.rarest(peer_has);
}

std::size_t PiecePicker::take(PieceIndex piece, ConnectionId peer, std::size_t count, PickReason reason,
                              std::vector<PickedBlock>& out) {
    const std::size_t taken = std::min<std::size_t>(count, partial_.find(piece)->free);
    if (const auto trial = trials_.find(piece); trial != trials_.end()) trial->second = peer;
    for (std::size_t i = 0; i < taken; ++i) {
        const std::uint32_t block = partial_.take(piece, peer, requests_++);
        out.push_back({layout_.block(piece, BlockIndex(block)), reason});
    }
    return taken;
}

void PiecePicker::pick_endgame(ConnectionId peer, const meta::Bitfield& peer_has, std::size_t count,
                               std::vector<PickedBlock>& out) {
    if (!endgame_listed_) list_endgame_blocks();
    for (auto it = endgame_blocks_.begin(); it != endgame_blocks_.end() && count > 0;) {
        const auto [requested, piece, block] = *it;
        const PartialPiece& partial = *partial_.find(piece);
        if (!peer_has.has(piece) || partial.is_requested_by(block, peer) || !may_ask(peer, piece)) {
            ++it;
            continue;
        }
        partial_.add_requester(piece, block, peer);
        out.push_back({layout_.block(piece, BlockIndex(block)), PickReason::Endgame});
        --count;
        it = partial.requesters(block) < settings_.max_endgame_requesters ? std::next(it) : endgame_blocks_.erase(it);
    }
}

void PiecePicker::list_endgame_blocks() {
    endgame_listed_ = true;
    for (const PartialPiece& partial : partial_.all()) {
        if (!partial.wanted) continue;
        for (std::uint32_t block = 0; block < partial.blocks.size(); ++block) {
            const std::uint32_t requesters = partial.requesters(block);
            if (requesters == 0 || requesters >= settings_.max_endgame_requesters) continue;
            endgame_blocks_.insert({partial.blocks[block].requested, partial.piece, block});
        }
    }
}

void PiecePicker::forget_endgame_blocks() {
    endgame_listed_ = false;
    endgame_blocks_.clear();
}

bool PiecePicker::on_block_received(ConnectionId peer, PieceIndex piece, BlockIndex block,
                                    std::vector<ConnectionId>& cancel) {
    BT_CHECK(block.value() < layout_.block_count(piece));
    const PartialPiece* partial = partial_.find(piece);
    if (partial == nullptr) return false;
    const PartialPiece::Block state = partial->blocks[block.value()];
    if (state.requester == PartialPiece::kReceived) return false;
    if (endgame_listed_) endgame_blocks_.erase({state.requested, piece, block.value()});
    partial_.receive(piece, block.value(), peer, cancel);
    partial = partial_.find(piece);
    if (partial->missing == 0) {
        partial_.erase(piece);
        full_.set(piece);
    }
    return true;
}

void PiecePicker::on_request_dropped(ConnectionId peer, PieceIndex piece, BlockIndex block) {
    BT_CHECK(block.value() < layout_.block_count(piece));
    if (!partial_.contains(piece) || !partial_.drop(piece, block.value(), peer)) return;
    if (requested_blocks(piece) == 0) trials_.erase(piece);
    if (!endgame_listed_) return;
    const PartialPiece& partial = *partial_.find(piece);
    if (!partial.wanted) return;
    const std::uint32_t requesters = partial.requesters(block.value());
    if (requesters == 0) {
        forget_endgame_blocks();
    } else if (requesters < settings_.max_endgame_requesters) {
        endgame_blocks_.insert({partial.blocks[block.value()].requested, piece, block.value()});
    }
}

void PiecePicker::on_peer_stopped(ConnectionId peer) {
    std::erase_if(trials_, [peer](const auto& trial) { return trial.second == peer; });
}

bool PiecePicker::is_piece_full(PieceIndex piece) const { return full_.has(piece); }

void PiecePicker::on_piece_verified(PieceIndex piece) {
    if (!have_.set(piece)) return;
    trials_.erase(piece);
    if (!full_.clear(piece)) {
        forget_endgame_blocks();
        open_.erase(piece);
        if (partial_.contains(piece)) partial_.erase(piece);
    }
    if (is_wanted(piece)) --missing_pieces_;
}

void PiecePicker::on_piece_failed(PieceIndex piece, bool one_sender) {
    BT_CHECK(is_piece_full(piece));
    full_.clear(piece);
    trials_.erase(piece);
    if (one_sender) trials_.emplace(piece, std::nullopt);
    reopen(piece);
}

void PiecePicker::on_piece_abandoned(PieceIndex piece) {
    if (is_open(piece)) return;
    BT_CHECK(is_partial(piece) && requested_blocks(piece) == 0);
    partial_.erase(piece);
    trials_.erase(piece);
    reopen(piece);
}

bool PiecePicker::may_ask(ConnectionId peer, PieceIndex piece) const {
    if (trials_.empty()) return true;
    const auto trial = trials_.find(piece);
    return trial == trials_.end() || !trial->second || *trial->second == peer;
}

void PiecePicker::reopen(PieceIndex piece) {
    forget_endgame_blocks();
    if (is_wanted(piece)) open_.insert(piece);
}

bool PiecePicker::is_open(PieceIndex piece) const {
    return !have_.has(piece) && !full_.has(piece) && !partial_.contains(piece);
}

bool PiecePicker::is_partial(PieceIndex piece) const { return partial_.contains(piece); }

std::vector<PieceIndex> PiecePicker::partial_pieces() const {
    std::vector<std::pair<std::uint32_t, PieceIndex>> sorted;
    for (const PartialPiece& partial : partial_.all()) sorted.emplace_back(partial.missing, partial.piece);
    std::sort(sorted.begin(), sorted.end());
    std::vector<PieceIndex> pieces;
    pieces.reserve(sorted.size());
    for (const auto& [missing, piece] : sorted) pieces.push_back(piece);
    return pieces;
}

std::uint32_t PiecePicker::requested_blocks(PieceIndex piece) const {
    const PartialPiece* partial = partial_.find(piece);
    return partial == nullptr ? 0 : partial->missing - partial->free;
}

void PiecePicker::set_wanted(PieceIndex piece, bool wanted) {
    if (is_wanted(piece) != wanted) set_priority(piece, wanted ? kNormalPriority : 0);
}

void PiecePicker::set_priority(PieceIndex piece, std::uint8_t priority) {
    const bool wanted = priority > 0;
    const bool was_wanted = is_wanted(piece);
    if (wanted != was_wanted) forget_endgame_blocks();
    if (!wanted) open_.erase(piece);
    open_.set_priority(piece, priority);
    if (wanted == was_wanted) return;
    if (wanted) {
        unwanted_.clear(piece);
        if (is_open(piece)) open_.insert(piece);
    } else {
        unwanted_.set(piece);
    }
    if (partial_.contains(piece)) partial_.set_wanted(piece, wanted);
    if (!have_.has(piece)) missing_pieces_ = wanted ? missing_pieces_ + 1 : missing_pieces_ - 1;
}

bool PiecePicker::is_wanted(PieceIndex piece) const { return !unwanted_.has(piece); }
const meta::Bitfield& PiecePicker::have() const { return have_; }
bool PiecePicker::is_complete() const { return missing_pieces_ == 0; }
std::uint32_t PiecePicker::missing_pieces() const { return missing_pieces_; }

bool PiecePicker::is_endgame() const {
    return open_.size() == 0 && partial_.pickable().empty() && partial_.wanted_count() > 0;
}

void PiecePicker::check_invariants() const {
    open_.check_invariants();
    partial_.check_invariants();
    std::uint32_t missing = 0;
    for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
        const PieceIndex piece(i);
        BT_CHECK(is_wanted(piece) == (priority(piece) > 0));
        const int states = (have_.has(piece) ? 1 : 0) + (full_.has(piece) ? 1 : 0) + (partial_.contains(piece) ? 1 : 0);
        BT_CHECK(states <= 1);
        BT_CHECK(open_.contains(piece) == (states == 0 && is_wanted(piece)));
        missing += !have_.has(piece) && is_wanted(piece) ? 1 : 0;
    }
    BT_CHECK(missing == missing_pieces_);
    BT_CHECK(endgame_listed_ || endgame_blocks_.empty());
    if (!endgame_listed_) return;
    BT_CHECK(open_.size() == 0 && partial_.pickable().empty());
    std::size_t listed = 0;
    for (const PartialPiece& partial : partial_.all()) {
        BT_CHECK(partial.wanted == is_wanted(partial.piece));
        for (std::uint32_t block = 0; partial.wanted && block < partial.blocks.size(); ++block) {
            const std::uint32_t requesters = partial.requesters(block);
            if (requesters == 0 || requesters >= settings_.max_endgame_requesters) continue;
            BT_CHECK(endgame_blocks_.contains({partial.blocks[block].requested, partial.piece, block}));
            ++listed;
        }
    }
    BT_CHECK(listed == endgame_blocks_.size());
}

}  // namespace bt::swarm
