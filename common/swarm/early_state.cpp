#include "common/swarm/early_state.h"

#include <string>

#include "common/meta/metainfo.h"
#include "common/swarm/breach.h"

namespace bt::swarm {
Status EarlyState::on_have(std::uint32_t piece) {
    if (piece >= meta::kMaxPieceCount) {
        return breach("have for piece " + std::to_string(piece) + ", which no torrent has");
    }
    if (haves_.size() <= piece / 8) haves_.resize(piece / 8 + 1);
    haves_[piece / 8] |= static_cast<Byte>(0x80u >> piece % 8);
    return {};
}

Status EarlyState::on_message(const wire::Message& message) {
    if (const auto* has = std::get_if<wire::Have>(&message)) return on_have(has->piece);
    if (const auto* bitfield = std::get_if<wire::Bitfield>(&message)) {
        if (bitfield->bits.size() > meta::kMaxPieceCount / 8) return breach("bitfield longer than any torrent's");
        bits_ = to_buffer(bitfield->bits);
        pieces_ = Pieces::Bits;
    } else if (std::holds_alternative<wire::HaveAll>(message)) {
        pieces_ = Pieces::All;
    } else if (std::holds_alternative<wire::HaveNone>(message)) {
        pieces_ = Pieces::None;
    } else if (std::holds_alternative<wire::Piece>(message)) {
        return breach("block never asked for");
    } else if (const auto* extended = std::get_if<wire::Extended>(&message); extended && extended->id == 0) {
        if (extended->payload.size() > kMaxKeptExtension) {
            return fail(remote_error(ErrorCode::LimitReached, "extension handshake larger than 64 KiB"));
        }
        extension_ = to_buffer(extended->payload);
    } else if (std::holds_alternative<wire::Interested>(message)) {
        interested_ = true;
    } else if (std::holds_alternative<wire::NotInterested>(message)) {
        interested_ = false;
    } else if (std::holds_alternative<wire::Unchoke>(message)) {
        unchoked_ = true;
    } else if (std::holds_alternative<wire::Choke>(message)) {
        unchoked_ = false;
    }
    return {};
}

}  // namespace bt::swarm
