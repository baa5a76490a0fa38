#pragma once

// The picker's contract as a naive table: every question is answered by walking over all pieces, blocks and peers.
// It does not predict picks (ties are random) but judges them: each must be one that the contract allows in the state
// at hand, and a pick that ends early must have had nothing left to give.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/swarm/piece_picker.h"

namespace bt::model {

class PickerModel {
  public:
    enum class State : std::uint8_t { Open, Partial, Full, Verified };
    struct Block {
        bool received = false;
        std::set<std::uint32_t> requesters;
        std::uint64_t age = 0;  // of its longest waiting request; lower is older
    };
    struct Piece {
        State state = State::Open;
        bool wanted = true;
        std::uint8_t priority = 4;  // of a wanted piece
        std::vector<Block> blocks;
        std::optional<std::uint32_t> last_taker;

        [[nodiscard]] std::uint32_t missing() const {
            return count([](const Block& b) { return !b.received; });
        }
        [[nodiscard]] std::uint32_t free() const {
            return count([](const Block& b) { return !b.received && b.requesters.empty(); });
        }
        template <class Predicate>
        [[nodiscard]] std::uint32_t count(Predicate predicate) const {
            std::uint32_t n = 0;
            for (const Block& block : blocks) n += predicate(block) ? 1 : 0;
            return n;
        }
        [[nodiscard]] bool has_free_block() const { return state == State::Partial && wanted && free() > 0; }
    };

    PickerModel(const meta::PieceLayout& layout, const meta::Bitfield& have, swarm::PickerSettings settings)
        : layout_(layout), settings_(settings), pieces_(layout.piece_count()) {
        for (std::uint32_t i = 0; i < layout.piece_count(); ++i) {
            if (have.has(PieceIndex(i))) pieces_[i].state = State::Verified;
        }
    }

    std::vector<Piece>& pieces() { return pieces_; }
    std::map<std::uint32_t, std::set<std::uint32_t>>& peers() { return peers_; }

    // Empty if the picks are allowed (they are then entered in the table), else what is wrong with them.
    std::string judge(std::uint32_t peer, std::size_t count, bool may_start,
                      const std::vector<swarm::PickedBlock>& picks) {
        if (picks.size() > count) return "more blocks than asked for";
        std::optional<std::uint32_t> begun;  // the piece that this call began last
        swarm::PickReason begun_reason{};
        for (const swarm::PickedBlock& pick : picks) {
            const auto block = layout_.block_of(pick.request);
            if (!block) return "not a block of this torrent";
            const std::uint32_t index = pick.request.piece.value();
            if (!peers_[peer].contains(index)) return "the peer does not have the piece";
            if (!pieces_[index].wanted) return "the piece is not wanted";
            std::string wrong;
            if (begun && pieces_[*begun].free() > 0) {
                if (index != *begun) return "left the piece that it began";
                if (pick.reason != begun_reason) return "reason changed within a piece that was begun";
                wrong = take(index, block->value(), peer);
            } else if (has_partial(peer)) {
                wrong = judge_partial(peer, index, block->value(), pick.reason);
            } else if (may_start && !startable(peer).empty()) {
                wrong = judge_start(peer, index, pick.reason);
                if (wrong.empty()) wrong = take(index, block->value(), peer);
                begun = index;
                begun_reason = pick.reason;
            } else if (is_endgame()) {
                wrong = judge_endgame(peer, index, block->value(), pick.reason);
            } else {
                return "there was nothing to pick";
            }
            if (!wrong.empty()) return wrong;
        }
        if (picks.size() == count) return {};
        if (has_partial(peer)) return "stopped although a partial piece has a free block";
        if (may_start && !startable(peer).empty()) return "stopped although a piece could be begun";
        if (is_endgame() && !endgame_blocks(peer).empty()) return "stopped although endgame has a block";
        return {};
    }

    // As on_block_received.
    bool receive(std::uint32_t peer, std::uint32_t piece, std::uint32_t block, std::set<std::uint32_t>& cancel) {
        Piece& to = pieces_[piece];
        if (to.state != State::Partial || to.blocks[block].received) return false;
        cancel = to.blocks[block].requesters;
        cancel.erase(peer);
        to.blocks[block].received = true;
        to.blocks[block].requesters.clear();
        if (to.missing() == 0) to.state = State::Full;
        return true;
    }

    void drop(std::uint32_t peer, std::uint32_t piece, std::uint32_t block) {
        Piece& from = pieces_[piece];
        if (from.state != State::Partial || from.blocks[block].requesters.erase(peer) == 0) return;
        if (from.missing() == from.free()) trials_.erase(piece);
    }

    void begin_trial(std::uint32_t piece) { trials_[piece] = std::nullopt; }
    void end_trials_of(std::uint32_t peer) {
        std::erase_if(trials_, [peer](const auto& trial) { return trial.second == peer; });
    }

    void reset(std::uint32_t piece, State state) {
        pieces_[piece].state = state;
        pieces_[piece].blocks.clear();
        pieces_[piece].last_taker.reset();
        trials_.erase(piece);
    }

    [[nodiscard]] std::uint32_t availability(std::uint32_t piece) const {
        std::uint32_t n = 0;
        for (const auto& [peer, pieces] : peers_) n += pieces.contains(piece) ? 1 : 0;
        return n;
    }
    [[nodiscard]] std::uint32_t missing_pieces() const {
        std::uint32_t n = 0;
        for (const Piece& piece : pieces_) n += piece.wanted && piece.state != State::Verified ? 1 : 0;
        return n;
    }
    [[nodiscard]] bool is_endgame() const {
        bool some = false;
        for (const Piece& piece : pieces_) {
            if (!piece.wanted) continue;
            if (piece.state == State::Open || piece.has_free_block()) return false;
            some = some || piece.state == State::Partial;
        }
        return some;
    }

    // Empty if the picker answers every question as the table does.
    [[nodiscard]] std::string compare(const swarm::PiecePicker& picker) const {
        std::vector<std::pair<std::uint32_t, PieceIndex>> partial;
        for (std::uint32_t i = 0; i < pieces_.size(); ++i) {
            const Piece& piece = pieces_[i];
            const PieceIndex index(i);
            const bool is_partial = piece.state == State::Partial;
            const std::uint32_t requested = is_partial ? piece.missing() - piece.free() : 0;
            if (picker.availability(index) != availability(i)) return "availability differs";
            if (picker.is_partial(index) != is_partial) return "is_partial differs";
            if (picker.is_piece_full(index) != (piece.state == State::Full)) return "is_piece_full differs";
            if (picker.have().has(index) != (piece.state == State::Verified)) return "have differs";
            if (picker.is_wanted(index) != piece.wanted) return "is_wanted differs";
            if (picker.priority(index) != (piece.wanted ? piece.priority : 0)) return "priority differs";
            if (picker.requested_blocks(index) != requested) return "requested_blocks differs";
            if (is_partial) partial.emplace_back(piece.missing(), index);
        }
        std::sort(partial.begin(), partial.end());
        std::vector<PieceIndex> in_order;
        for (const auto& [missing, index] : partial) in_order.push_back(index);
        if (picker.partial_pieces() != in_order) return "partial_pieces differs";
        if (picker.missing_pieces() != missing_pieces()) return "missing_pieces differs";
        if (picker.is_complete() != (missing_pieces() == 0)) return "is_complete differs";
        if (picker.is_endgame() != is_endgame()) return "is_endgame differs";
        return {};
    }

  private:
    [[nodiscard]] bool may_ask(std::uint32_t peer, std::uint32_t piece) {
        return !trials_.contains(piece) || !trials_[piece] || *trials_[piece] == peer;
    }

    [[nodiscard]] bool has_partial(std::uint32_t peer) {
        for (const std::uint32_t piece : peers_[peer]) {
            if (pieces_[piece].has_free_block() && may_ask(peer, piece)) return true;
        }
        return false;
    }

    // What could be begun for this peer: of the highest priority alone.
    [[nodiscard]] std::set<std::uint32_t> startable(std::uint32_t peer) {
        std::set<std::uint32_t> found;
        std::uint8_t highest = 0;
        for (const std::uint32_t piece : peers_[peer]) {
            if (pieces_[piece].state != State::Open || !pieces_[piece].wanted) continue;
            if (pieces_[piece].priority > highest) found.clear();
            highest = std::max(highest, pieces_[piece].priority);
            if (pieces_[piece].priority == highest) found.insert(piece);
        }
        return found;
    }

    // {age, piece, block} of what endgame could give to this peer.
    [[nodiscard]] std::set<std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>> endgame_blocks(std::uint32_t peer) {
        std::set<std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>> found;
        for (const std::uint32_t index : peers_[peer]) {
            const Piece& piece = pieces_[index];
            if (piece.state != State::Partial || !piece.wanted || !may_ask(peer, index)) continue;
            for (std::uint32_t b = 0; b < piece.blocks.size(); ++b) {
                const Block& block = piece.blocks[b];
                if (block.requesters.empty() || block.requesters.contains(peer)) continue;
                if (block.requesters.size() < settings_.max_endgame_requesters) found.insert({block.age, index, b});
            }
        }
        return found;
    }

    std::string judge_partial(std::uint32_t peer, std::uint32_t index, std::uint32_t block, swarm::PickReason reason) {
        if (reason != swarm::PickReason::Partial) return "a partial piece was to be picked first";
        if (!pieces_[index].has_free_block()) return "not a partial piece with a free block";
        if (!may_ask(peer, index)) return "the piece is on trial with another peer";
        const auto key = [&](const Piece& piece) {
            return std::tuple(piece.last_taker != std::optional(peer), -int{piece.priority}, piece.missing());
        };
        for (const std::uint32_t other : peers_[peer]) {
            if (!may_ask(peer, other)) continue;
            if (pieces_[other].has_free_block() && key(pieces_[other]) < key(pieces_[index])) {
                return "another partial piece was to be picked first";
            }
        }
        return take(index, block, peer);
    }

    std::string judge_start(std::uint32_t peer, std::uint32_t index, swarm::PickReason reason) {
        const std::set<std::uint32_t> candidates = startable(peer);
        if (!candidates.contains(index)) return "not a piece that may be begun";
        std::uint32_t verified = 0;
        for (const Piece& piece : pieces_) verified += piece.state == State::Verified ? 1 : 0;
        auto expected = swarm::PickReason::Rarest;
        if (settings_.order == swarm::PickOrder::Sequential) {
            expected = swarm::PickReason::Sequential;
            if (index != *candidates.begin()) return "not the lowest index";
        } else if (settings_.order == swarm::PickOrder::Random) {
            expected = swarm::PickReason::Random;
        } else if (verified < settings_.random_first_pieces) {
            expected = swarm::PickReason::RandomFirst;
        } else {
            for (const std::uint32_t other : candidates) {
                if (availability(other) < availability(index)) return "not the rarest";
            }
        }
        if (reason != expected) return "wrong reason for a new piece";
        pieces_[index].state = State::Partial;
        pieces_[index].blocks.assign(layout_.block_count(PieceIndex(index)), {});
        return {};
    }

    std::string judge_endgame(std::uint32_t peer, std::uint32_t index, std::uint32_t block, swarm::PickReason reason) {
        if (reason != swarm::PickReason::Endgame) return "only endgame was possible";
        const auto candidates = endgame_blocks(peer);
        if (candidates.empty()) return "nothing was left for endgame";
        const auto [age, first_piece, first_block] = *candidates.begin();
        if (index != first_piece || block != first_block) return "endgame did not take the oldest request";
        pieces_[index].blocks[block].requesters.insert(peer);
        return {};
    }

    std::string take(std::uint32_t index, std::uint32_t block, std::uint32_t peer) {
        Piece& piece = pieces_[index];
        for (std::uint32_t b = 0; b < block; ++b) {
            if (!piece.blocks[b].received && piece.blocks[b].requesters.empty()) return "not the lowest free block";
        }
        if (piece.blocks[block].received || !piece.blocks[block].requesters.empty()) return "the block is not free";
        piece.blocks[block].requesters.insert(peer);
        piece.blocks[block].age = requests_++;
        piece.last_taker = peer;
        if (trials_.contains(index)) trials_[index] = peer;
        return {};
    }

    meta::PieceLayout layout_;
    swarm::PickerSettings settings_;
    std::vector<Piece> pieces_;
    std::map<std::uint32_t, std::set<std::uint32_t>> peers_;        // connected peers and what they have
    std::map<std::uint32_t, std::optional<std::uint32_t>> trials_;  // piece -> who has it
    std::uint64_t requests_ = 0;
};

}  // namespace bt::model
