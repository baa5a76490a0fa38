#include "lab/probe/rule.h"

#include <algorithm>

#include "common/crypto/hash.h"

namespace bt::probe {

std::string_view verdict_name(Verdict verdict) {
    switch (verdict) {
        case Verdict::Held:
            return "held";
        case Verdict::Broken:
            return "broken";
        case Verdict::Differs:
            return "open";
        case Verdict::NotTried:
            break;
    }
    return "not tried";
}

Result<Talk> Probe::connect() {
    std::optional<Address> source;
    if (target_.endpoint.address.is_v4() && target_.endpoint.address.is_loopback()) {
        const auto byte = [this](std::uint64_t low, std::uint64_t high) {
            return static_cast<Byte>(low + rng_.below(high - low));
        };
        source = Address::v4({127, byte(200, 250), byte(1, 255), byte(1, 255)});
    }
    return Talk::connect(target_.endpoint, source, target_.patience);
}

wire::Handshake Probe::handshake(bool extensions, bool fast) {
    wire::Handshake handshake;
    handshake.info_hash = metainfo().info_hash();
    rng_.fill(handshake.peer_id);
    const std::string_view prefix = "-SP0100-";
    std::ranges::copy(as_bytes(prefix), handshake.peer_id.begin());
    if (extensions) handshake.set_extensions();
    if (fast) handshake.set_fast();
    return handshake;
}

Result<Opened> Probe::open(bool extensions, bool fast) {
    BT_TRY_ASSIGN(Talk talk, connect());
    BT_TRY(talk.send(handshake(extensions, fast).encode()));
    BT_TRY_ASSIGN(const wire::Handshake remote, talk.hear_handshake(target_.patience));
    return Opened{std::move(talk), remote};
}

Finding& Probe::find(std::string rule, std::string source, std::string text) {
    findings_.push_back({std::move(rule), std::move(source), std::move(text), Verdict::NotTried, {}, {}});
    return findings_.back();
}

bool get_unchoked(Probe& probe, Talk& talk) {
    return talk.send(wire::Interested{}).has_value() &&
           talk.hear_a<wire::Unchoke>(probe.target().unchoke_patience).has_value();
}

Result<ByteBuffer> fetch_piece(Probe& probe, Talk& talk, PieceIndex piece) {
    const meta::PieceLayout& layout = probe.metainfo().layout();
    const std::uint32_t size = layout.piece_size(piece);
    ByteBuffer content(size);
    std::uint32_t left = 0;
    for (std::uint32_t begin = 0; begin < size; begin += kBlockSize) {
        BT_TRY(talk.send(wire::Request{piece.value(), begin, std::min(kBlockSize, size - begin)}));
        ++left;
    }
    while (left > 0) {
        const auto block = talk.hear_if<wire::Piece>(
            probe.target().patience, [&](const wire::Piece& heard) { return heard.piece == piece.value(); });
        if (!block) return fail(remote_error(ErrorCode::ProtocolViolation, talk.outcome()));
        if (std::uint64_t{block->begin} + block->block.size() > size) {
            return fail(remote_error(ErrorCode::ProtocolViolation, "a block that reaches beyond its piece"));
        }
        std::ranges::copy(block->block, content.begin() + block->begin);
        --left;
    }
    if (crypto::sha1(content) != probe.metainfo().piece_hash(piece)) {
        return fail(remote_error(ErrorCode::HashMismatch, "the piece does not hash to what the torrent says"));
    }
    return content;
}

}  // namespace bt::probe
