#include "common/swarm/peer_session.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/swarm/breach.h"

namespace bt::swarm {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
    using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

std::string text_of(const char* what, std::uint32_t piece, std::uint32_t begin, std::size_t length) {
    return std::string(what) + " (piece " + std::to_string(piece) + ", begin " + std::to_string(begin) + ", length " +
           std::to_string(length) + ")";
}

// One number per block of a torrent: enough to tell withdrawn requests apart.
std::uint64_t key_of(const BlockRequest& block) { return (std::uint64_t{block.piece.value()} << 32) | block.begin; }

}  // namespace

PeerSession::PeerSession(ConnectionId id, const meta::PieceLayout& layout, bool extensions_negotiated,
                         PipelineSettings pipeline, TimePoint now)
    : id_(id),
      layout_(&layout),
      extensions_negotiated_(extensions_negotiated),
      pieces_(layout.piece_count()),
      pipeline_(pipeline),
      connected_at_(now),
      unchoked_at_(now),
      last_received_(now),
      last_sent_(now) {}

Result<SessionEvent> PeerSession::on_message(const wire::Message& message, const meta::Bitfield& own_pieces,
                                             TimePoint now) {
    using R = Result<SessionEvent>;
    if (!std::holds_alternative<wire::Bitfield>(message) && !std::holds_alternative<wire::Extended>(message) &&
        !std::holds_alternative<wire::KeepAlive>(message)) {
        spoke_since_bitfield_ = true;
    }
    const auto fast = [&](const auto&) -> R { return on_fast_message(message, now); };
    return std::visit(Overloaded{
                          [](const wire::KeepAlive&) -> R { return SessionEvent{}; },
                          [](const wire::Port&) -> R { return SessionEvent{}; },
                          [&](const wire::Choke&) -> R { return on_choke(); },
                          [&](const wire::Unchoke&) -> R {
                              if (!peer_choking_) return SessionEvent{};
                              peer_choking_ = false;
                              return PeerUnchokedUs{};
                          },
                          [&](const wire::Interested&) -> R {
                              if (std::exchange(peer_interested_, true)) return SessionEvent{};
                              return PeerInterestChanged{true};
                          },
                          [&](const wire::NotInterested&) -> R {
                              if (!std::exchange(peer_interested_, false)) return SessionEvent{};
                              return PeerInterestChanged{false};
                          },
                          [&](const wire::Have& have) -> R { return on_have(have); },
                          [&](const wire::Bitfield& bitfield) -> R { return on_bitfield(bitfield); },
                          [&](const wire::Request& request) -> R { return on_request(request, own_pieces); },
                          [&](const wire::Piece& piece) -> R { return on_piece(piece, now); },
                          [&](const wire::Cancel& cancel) -> R { return on_cancel(cancel); },
                          [&](const wire::Extended& extended) -> R { return on_extended(extended); },
                          fast,
                      },
                      message);
}

Result<SessionEvent> PeerSession::on_bitfield(const wire::Bitfield& message) {
    if (pieces_told_ && !spoke_since_bitfield_) return breach("bitfield sent twice");
    auto pieces = meta::Bitfield::from_wire(message.bits, layout_->piece_count());
    if (!pieces) {
        return breach("bitfield of " + std::to_string(message.bits.size()) + " bytes for " +
                      std::to_string(layout_->piece_count()) + " pieces, or with spare bits set");
    }
    spoke_since_bitfield_ = false;
    if (!std::exchange(pieces_told_, true)) {
        pieces_ = std::move(*pieces);
        fast_.on_pieces_changed(pieces_);
        return PeerHasPieces{};
    }
    PeerHasMorePieces more;
    std::uint32_t known = 0;
    for (auto p = pieces->next_set(PieceIndex(0)); p; p = pieces->next_set(PieceIndex(p->value() + 1))) {
        if (pieces_.has(*p)) {
            ++known;
        } else {
            more.pieces.push_back(*p);
        }
    }
    if (known != pieces_.count()) return breach("a later bitfield takes pieces back");
    pieces_ = std::move(*pieces);
    fast_.on_pieces_changed(pieces_);
    return more;
}

Result<SessionEvent> PeerSession::on_have(const wire::Have& message) {
    const auto piece = layout_->piece(message.piece);
    if (!piece) return breach("have for piece " + std::to_string(message.piece) + ", which does not exist");
    pieces_told_ = true;
    if (!pieces_.set(*piece)) return SessionEvent{};
    fast_.on_have(*piece);
    return PeerHasPiece{*piece};
}

Result<SessionEvent> PeerSession::on_request(const wire::Request& message, const meta::Bitfield& own_pieces) {
    const BlockRequest block{PieceIndex(message.piece), message.begin, message.length};
    if (!layout_->is_inside(block)) {
        return breach(text_of("request out of range", message.piece, message.begin, message.length));
    }
    if (message.length > kMaxServedLength) {
        return breach(text_of("request too large", message.piece, message.begin, message.length));
    }
    const bool room = queued_.size() < kMaxQueuedRequests && own_pieces.has(block.piece);
    if (!room || (am_choking_ && !fast_.take_serving(block.piece))) {
        reject(block);
        return SessionEvent{};
    }
    queued_.push_back(block);
    return PeerRequested{block};
}

Result<SessionEvent> PeerSession::on_piece(const wire::Piece& message, TimePoint now) {
    const BlockRequest block{PieceIndex(message.piece), message.begin,
                             static_cast<std::uint32_t>(message.block.size())};
    const bool requested = pipeline_.on_block(block, now);
    if (!requested) {
        if (!layout_->block_of(block) || !was_withdrawn(block)) {
            return breach(text_of("block never asked for", message.piece, message.begin, message.block.size()));
        }
    }
    fast_.on_block();
    download_.add(block.length, now);
    return BlockArrived{block, message.block, !requested};
}

Result<SessionEvent> PeerSession::on_cancel(const wire::Cancel& message) {
    const BlockRequest block{PieceIndex(message.piece), message.begin, message.length};
    if (!layout_->is_inside(block)) {
        return breach(text_of("cancel out of range", message.piece, message.begin, message.length));
    }
    const auto found = std::ranges::find(queued_, block);
    if (found == queued_.end()) return SessionEvent{};
    queued_.erase(found);
    reject(block);
    return PeerCancelled{block};
}

Result<SessionEvent> PeerSession::on_choke() {
    peer_choking_ = true;
    if (fast_.is_enabled()) return PeerChokedUs{};
    PeerChokedUs event{pipeline_.take_all()};
    for (const auto& block : event.lost) withdraw(block);
    return event;
}

Result<SessionEvent> PeerSession::on_fast_message(const wire::Message& message, TimePoint now) {
    if (!fast_.is_enabled()) return breach(std::string(wire::message_name(message)) + " without the fast extension");
    if (std::holds_alternative<wire::HaveAll>(message)) return on_all_or_none(true);
    if (std::holds_alternative<wire::HaveNone>(message)) return on_all_or_none(false);
    if (const auto* reject = std::get_if<wire::RejectRequest>(&message)) return on_reject(*reject, now);
    const auto* allowed = std::get_if<wire::AllowedFast>(&message);
    const std::uint32_t index = allowed != nullptr ? allowed->piece : std::get<wire::SuggestPiece>(message).piece;
    const auto piece = layout_->piece(index);
    if (!piece) {
        return breach(std::string(wire::message_name(message)) + " for piece " + std::to_string(index) +
                      ", which does not exist");
    }
    if (allowed == nullptr) {
        fast_.on_suggested(*piece, pieces_, now);
        return SessionEvent{};
    }
    fast_.on_allowed(*piece, pieces_);
    return PeerAllowedUs{};
}

Result<SessionEvent> PeerSession::on_all_or_none(bool all) {
    if (std::exchange(pieces_told_, true)) {
        return breach(std::string(all ? "have_all" : "have_none") + " behind another word about its pieces");
    }
    spoke_since_bitfield_ = false;
    if (!all) return SessionEvent{};
    pieces_.set_all();
    fast_.on_pieces_changed(pieces_);
    return PeerHasPieces{};
}

Result<SessionEvent> PeerSession::on_reject(const wire::RejectRequest& message, TimePoint now) {
    const BlockRequest block{PieceIndex(message.piece), message.begin, message.length};
    if (!layout_->is_inside(block)) {
        return breach(text_of("reject out of range", message.piece, message.begin, message.length));
    }
    if (pipeline_.on_dropped(block)) {
        if (!fast_.on_rejected(block.piece, peer_choking_, now)) return breach("rejects whatever it is asked for");
        return PeerRejected{block};
    }
    if (!was_withdrawn(block) && !fast_.on_stray_reject()) {
        return breach(text_of("rejects what was never asked for", message.piece, message.begin, message.length));
    }
    return SessionEvent{};
}

Result<SessionEvent> PeerSession::on_donthave(ByteView payload) {
    BT_TRY_ASSIGN(const std::uint32_t index, wire::parse_donthave(payload));
    const auto piece = layout_->piece(index);
    if (!piece) return breach("lt_donthave for piece " + std::to_string(index) + ", which does not exist");
    if (!pieces_.clear(*piece)) return SessionEvent{};
    fast_.on_lost(*piece);
    return PeerLostPiece{*piece};
}

Result<SessionEvent> PeerSession::on_extended(const wire::Extended& message) {
    if (!extensions_negotiated_) return breach("extended message without the extension bit");
    if (message.id == wire::kLtDonthaveId) return on_donthave(message.payload);
    if (message.id != 0) return PeerExtended{message.id, message.payload};
    BT_TRY_ASSIGN(auto handshake, wire::ExtensionHandshake::parse(message.payload));
    if (handshake.request_queue) pipeline_.set_peer_limit(*handshake.request_queue);
    if (extensions_) {
        extensions_->update(std::move(handshake));
    } else {
        extensions_ = std::move(handshake);
    }
    return PeerExtensionsKnown{};
}

void PeerSession::send(const wire::Message& message) {
    scratch_.clear();
    wire::encode(message, scratch_);
    output_.append_bytes(scratch_);
}

void PeerSession::send_bitfield(const meta::Bitfield& own_pieces) {
    if (fast_.is_enabled() && own_pieces.is_empty()) return send(wire::HaveNone{});
    if (fast_.is_enabled() && own_pieces.is_complete()) return send(wire::HaveAll{});
    if (!own_pieces.is_empty()) send(wire::Bitfield{own_pieces.wire()});
}

void PeerSession::offer_fast(std::vector<PieceIndex> pieces) {
    if (!fast_.is_enabled()) return;
    for (const PieceIndex piece : pieces) send(wire::AllowedFast{piece.value()});
    fast_.offer(std::move(pieces), *layout_);
}

const meta::Bitfield* PeerSession::requestable(TimePoint now) const {
    if (fast_.is_pausing(now)) return nullptr;
    return peer_choking_ ? fast_.allowed() : &pieces_;
}

void PeerSession::reject(const BlockRequest& block) {
    if (fast_.is_enabled()) send(wire::RejectRequest{block.piece.value(), block.begin, block.length});
}

void PeerSession::suggest(PieceIndex piece) {
    if (fast_.is_enabled()) send(wire::SuggestPiece{piece.value()});
}

void PeerSession::send_extension_handshake(const wire::ExtensionHandshake& handshake) {
    if (!extensions_negotiated_) return;
    const ByteBuffer payload = handshake.encode();
    send(wire::Extended{0, payload});
}

bool PeerSession::send_extended(std::string_view extension, ByteView payload) {
    const std::uint8_t id = extensions_ ? extensions_->id_of(extension) : std::uint8_t{0};
    if (id != 0) send(wire::Extended{id, payload});
    return id != 0;
}

void PeerSession::send_have(PieceIndex piece) { send(wire::Have{piece.value()}); }

void PeerSession::choke() {
    if (std::exchange(am_choking_, true)) return;
    send(wire::Choke{});
    std::erase_if(queued_, [this](const BlockRequest& block) {
        const bool stays = fast_.take_serving(block.piece);
        if (!stays) reject(block);
        return !stays;
    });
}

void PeerSession::unchoke(TimePoint now) {
    if (!std::exchange(am_choking_, false)) return;
    unchoked_at_ = now;
    send(wire::Unchoke{});
}

void PeerSession::set_interested(bool interested) {
    if (std::exchange(am_interested_, interested) == interested) return;
    if (interested) {
        send(wire::Interested{});
    } else {
        send(wire::NotInterested{});
    }
}

void PeerSession::request(const BlockRequest& block, TimePoint now) {
    BT_DCHECK(!peer_choking_ || fast_.allowed() != nullptr);
    pipeline_.on_requested(block, now);
    send(wire::Request{block.piece.value(), block.begin, block.length});
}

void PeerSession::cancel(const BlockRequest& block) {
    if (!pipeline_.on_dropped(block)) return;
    withdraw(block);
    send(wire::Cancel{block.piece.value(), block.begin, block.length});
}

void PeerSession::keep_alive() { send(wire::KeepAlive{}); }

void PeerSession::withdraw(const BlockRequest& block) {
    // Blocks that a peer will never send any more would pile up here. A generation holds more than can be outstanding
    // at once, so whatever may still be on its way is remembered.
    if (withdrawn_.size() >= 4 * kMaxQueuedRequests) withdrawn_before_ = std::exchange(withdrawn_, {});
    withdrawn_.insert(key_of(block));
}

bool PeerSession::was_withdrawn(const BlockRequest& block) {
    for (auto* generation : {&withdrawn_before_, &withdrawn_}) {
        const auto found = generation->find(key_of(block));
        if (found == generation->end()) continue;
        generation->erase(found);
        return true;
    }
    return false;
}

std::vector<BlockRequest> PeerSession::take_expired_requests(TimePoint now) {
    auto expired = pipeline_.take_expired(now);
    for (const auto& block : expired) {
        withdraw(block);
        send(wire::Cancel{block.piece.value(), block.begin, block.length});
    }
    return expired;
}

void PeerSession::send_front_block(const std::vector<FileRange>& ranges, TimePoint now) {
    BT_CHECK(!queued_.empty());
    const BlockRequest block = queued_.front();
    queued_.pop_front();
    scratch_.clear();
    wire::encode_piece_header(block.piece.value(), block.begin, block.length, scratch_);
    output_.append_bytes(scratch_);
    for (const FileRange& range : ranges) output_.append_file(range);
    upload_.add(block.length, now);
}

void PeerSession::check_invariants() const {
    BT_CHECK(queued_.size() <= kMaxQueuedRequests);
    for (const BlockRequest& block : queued_) BT_CHECK(!am_choking_ || fast_.is_offered(block.piece));
    BT_CHECK(!peer_choking_ || fast_.is_enabled() || pipeline_.outstanding() == 0);
    BT_CHECK(pieces_told_ || pieces_.is_empty());
}

}  // namespace bt::swarm
