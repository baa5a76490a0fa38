#pragma once

// Numbers -> calls on a picker and on its model, as a torrent would make them. The numbers come from an Rng in the
// tests and from the fuzzer's bytes; after every step both are compared.

#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/picker_model.h"

namespace bt::model {

class PickerDriver {
  public:
    using Numbers = std::function<std::uint32_t(std::uint32_t bound)>;  // uniform or not, in [0, bound); bound > 0

    explicit PickerDriver(Numbers numbers)
        : numbers_(std::move(numbers)),
          layout_(random_layout()),
          settings_(random_settings()),
          uses_priorities_(numbers_(2) == 0),
          picker_(layout_, initial_have(), settings_, Rng(numbers_(256))),
          model_(layout_, picker_.have(), settings_) {}

    // One call. Empty if picker and model agree.
    std::string step() {
        std::string wrong;
        switch (numbers_(20)) {
            case 0:
                connect();
                break;
            case 1:
                have();
                break;
            case 2:
                disconnect();
                break;
            case 3:
            case 4:
            case 5:
            case 6:
            case 7:
                wrong = pick();
                break;
            case 8:
            case 9:
            case 10:
            case 11:
            case 12:
                wrong = receive_requested();
                break;
            case 13:
                wrong = receive_anything();
                break;
            case 14:
                drop();
                break;
            case 15:
            case 16:
                judge_full_pieces();
                break;
            case 17:
                abandon();
                break;
            case 18:
                set_wanted();
                break;
            case 19:
                find_on_disk();
                break;
        }
        picker_.check_invariants();
        return wrong.empty() ? model_.compare(picker_) : wrong;
    }

    [[nodiscard]] std::uint32_t endgame_picks() const { return endgame_picks_; }
    [[nodiscard]] bool is_complete() const { return picker_.is_complete(); }

  private:
    static constexpr std::uint32_t kMostPeers = 6;

    struct Request {
        std::uint32_t peer;
        std::uint32_t piece;
        std::uint32_t block;
    };

    meta::PieceLayout random_layout() {
        const std::uint32_t blocks_per_piece = 1 + numbers_(5);
        // Either whole blocks or an odd length that leaves a short last block in every piece.
        const std::uint32_t piece_length = blocks_per_piece * kBlockSize - (numbers_(2) == 0 ? 0 : 100);
        const std::uint32_t pieces = 1 + numbers_(numbers_(2) == 0 ? 8 : 60);
        return {std::uint64_t{piece_length} * pieces - numbers_(piece_length), piece_length};
    }

    swarm::PickerSettings random_settings() {
        swarm::PickerSettings settings;
        const std::uint32_t order = numbers_(5);
        if (order == 3) settings.order = swarm::PickOrder::Sequential;
        if (order == 4) settings.order = swarm::PickOrder::Random;
        settings.random_first_pieces = numbers_(4);
        settings.max_endgame_requesters = numbers_(4);
        return settings;
    }

    meta::Bitfield initial_have() {
        meta::Bitfield have(layout_.piece_count());
        if (numbers_(3) != 0) return have;
        for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
            if (numbers_(4) == 0) have.set(PieceIndex(i));
        }
        return have;
    }

    meta::Bitfield pieces_of(std::uint32_t peer) {
        meta::Bitfield pieces(layout_.piece_count());
        for (const std::uint32_t piece : model_.peers()[peer]) pieces.set(PieceIndex(piece));
        return pieces;
    }

    std::optional<std::uint32_t> some_peer() {
        if (model_.peers().empty()) return std::nullopt;
        const auto skip = numbers_(static_cast<std::uint32_t>(model_.peers().size()));
        return std::next(model_.peers().begin(), skip)->first;
    }

    PieceIndex some_piece() { return PieceIndex(numbers_(layout_.piece_count())); }

    std::vector<Request> requests() {
        std::vector<Request> all;
        for (std::uint32_t p = 0; p < model_.pieces().size(); ++p) {
            const auto& blocks = model_.pieces()[p].blocks;
            for (std::uint32_t b = 0; b < blocks.size(); ++b) {
                for (const std::uint32_t peer : blocks[b].requesters) all.push_back({peer, p, b});
            }
        }
        return all;
    }

    void connect() {
        if (model_.peers().size() == kMostPeers) return;
        const std::uint32_t density = numbers_(5);  // 0: a seed
        auto& pieces = model_.peers()[next_peer_];
        for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
            if (density == 0 || numbers_(density) == 0) pieces.insert(i);
        }
        picker_.on_peer_bitfield(pieces_of(next_peer_++));
    }

    void have() {
        const auto peer = some_peer();
        const PieceIndex piece = some_piece();
        if (peer && model_.peers()[*peer].insert(piece.value()).second) picker_.on_peer_have(piece);
    }

    void disconnect() {
        const auto peer = some_peer();
        if (!peer) return;
        for (const Request& request : requests()) {
            if (request.peer == *peer) drop(request);
        }
        model_.end_trials_of(*peer);
        picker_.on_peer_stopped(ConnectionId(*peer));
        picker_.on_peer_gone(pieces_of(*peer));
        model_.peers().erase(*peer);
    }

    std::string pick() {
        const auto peer = some_peer();
        if (!peer) return {};
        const std::size_t count = numbers_(4) == 0 ? numbers_(40) : numbers_(4);
        const bool may_start = numbers_(5) != 0;
        std::vector<swarm::PickedBlock> picks;
        picker_.pick(ConnectionId(*peer), pieces_of(*peer), count, may_start, picks);
        for (const auto& pick : picks) endgame_picks_ += pick.reason == swarm::PickReason::Endgame ? 1 : 0;
        return model_.judge(*peer, count, may_start, picks);
    }

    std::string receive_requested() {
        const std::vector<Request> all = requests();
        if (all.empty()) return {};
        return receive(all[numbers_(static_cast<std::uint32_t>(all.size()))]);
    }

    std::string receive_anything() {
        const PieceIndex piece = some_piece();
        return receive({numbers_(next_peer_ + 1), piece.value(), numbers_(layout_.block_count(piece))});
    }

    std::string receive(const Request& request) {
        std::set<std::uint32_t> expected;
        const bool is_taken = model_.receive(request.peer, request.piece, request.block, expected);
        std::vector<ConnectionId> cancel;
        const bool was_taken = picker_.on_block_received(ConnectionId(request.peer), PieceIndex(request.piece),
                                                         BlockIndex(request.block), cancel);
        if (was_taken != is_taken) return "on_block_received answers differently";
        std::set<std::uint32_t> cancelled;
        for (const ConnectionId peer : cancel) cancelled.insert(peer.value());
        if (cancelled.size() != cancel.size() || cancelled != expected) return "cancels differ";
        return {};
    }

    void drop(const Request& request) {
        model_.drop(request.peer, request.piece, request.block);
        picker_.on_request_dropped(ConnectionId(request.peer), PieceIndex(request.piece), BlockIndex(request.block));
    }

    void drop() {
        const std::vector<Request> all = requests();
        if (!all.empty()) drop(all[numbers_(static_cast<std::uint32_t>(all.size()))]);
        const PieceIndex piece = some_piece();
        drop({numbers_(next_peer_ + 1), piece.value(), numbers_(layout_.block_count(piece))});  // mostly unknown
    }

    void judge_full_pieces() {
        for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
            if (model_.pieces()[i].state != PickerModel::State::Full) continue;
            if (numbers_(4) == 0) {
                const bool one_sender = numbers_(2) == 0;
                model_.reset(i, PickerModel::State::Open);
                if (one_sender) model_.begin_trial(i);
                picker_.on_piece_failed(PieceIndex(i), one_sender);
            } else {
                model_.reset(i, PickerModel::State::Verified);
                picker_.on_piece_verified(PieceIndex(i));
            }
        }
    }

    void abandon() {
        const PieceIndex piece = some_piece();
        const auto& known = model_.pieces()[piece.value()];
        const bool is_idle = known.state == PickerModel::State::Partial && known.missing() == known.free();
        if (known.state != PickerModel::State::Open && !is_idle) return;
        if (is_idle) model_.reset(piece.value(), PickerModel::State::Open);
        picker_.on_piece_abandoned(piece);
    }

    void set_wanted() {
        const PieceIndex piece = some_piece();
        const bool wanted = numbers_(3) != 0;
        auto& known = model_.pieces()[piece.value()];
        if (!uses_priorities_ || numbers_(4) == 0) {
            if (wanted && !known.wanted) known.priority = 4;
            known.wanted = wanted;
            return picker_.set_wanted(piece, wanted);
        }
        known.wanted = wanted;
        if (wanted) known.priority = static_cast<std::uint8_t>(1 + numbers_(7));
        picker_.set_priority(piece, wanted ? known.priority : std::uint8_t{0});
    }

    void find_on_disk() {
        if (numbers_(8) != 0) return;
        const PieceIndex piece = some_piece();
        model_.reset(piece.value(), PickerModel::State::Verified);
        picker_.on_piece_verified(piece);
    }

    Numbers numbers_;
    meta::PieceLayout layout_;
    swarm::PickerSettings settings_;
    bool uses_priorities_;  // or all wanted pieces are alike
    swarm::PiecePicker picker_;
    PickerModel model_;
    std::uint32_t next_peer_ = 1;
    std::uint32_t endgame_picks_ = 0;
};

}  // namespace bt::model
