#include "lab/personas/taking.h"

#include <algorithm>

namespace bt::persona {
namespace {

constexpr std::uint64_t kMaxBacklog = 1u << 20;  // what a flood leaves unsent before it waits
constexpr int kFloodPerTick = 20;                // a thousand a second

// A piece that the peer has; 0 where it has none.
std::uint32_t some_piece(const Link& link) {
    const auto found = std::ranges::find(link.peer_has, true);
    return found == link.peer_has.end() ? 0 : static_cast<std::uint32_t>(found - link.peer_has.begin());
}

}  // namespace

void Taker::on_open(Link& link) {
    const Store& store = link.world().store;
    if (store.have_count() > 0) link.send_bitfield(store.have());
}

void Taker::on_message(Link& link, const wire::Message& message) {
    World& world = link.world();
    if (const auto* piece = std::get_if<wire::Piece>(&message)) {
        std::erase_if(outstanding_, [piece](const wire::Request& request) {
            return request.piece == piece->piece && request.begin == piece->begin;
        });
        last_block_ = link.now();
        if (world.store.add_block(piece->piece, piece->begin, piece->block)) world.on_piece(piece->piece);
    } else if (std::holds_alternative<wire::Choke>(message)) {
        give_up(link);
    } else if (const auto* request = std::get_if<wire::Request>(&message)) {
        if (!link.am_choking) (void)link.send_block(*request);
    }
    if (!link.is_closed()) ask(link);
}

void Taker::give_up(Link& link) {
    for (const wire::Request& request : outstanding_) link.world().store.release(request);
    outstanding_.clear();
}

void Taker::ask(Link& link) {
    Store& store = link.world().store;
    bool interesting = false;
    for (std::uint32_t i = 0; i < link.peer_has.size() && !interesting; ++i) {
        interesting = link.peer_has[i] && !store.has(i);
    }
    link.set_interested(interesting);
    if (!interesting || link.peer_choking) return;
    while (outstanding_.size() < depth_) {
        const std::optional<wire::Request> request = store.next_request(link.peer_has);
        if (!request) return;
        if (outstanding_.empty()) last_block_ = link.now();
        outstanding_.push_back(*request);
        link.send(*request);
        if (link.is_closed()) return;
    }
}

void Taker::on_tick(Link& link) {
    if (!outstanding_.empty() && link.now() - last_block_ > kGiveUp) give_up(link);
    ask(link);
    if (link.is_closed()) return;
    link.set_choking(!(link.peer_interested && may_serve(link)));
}

void RequestFlood::on_tick(Link& link) {
    if (link.backlog() > kMaxBacklog) return;
    ByteBuffer bytes;
    for (int i = 0; i < kFloodPerTick; ++i) wire::encode(wire::Request{some_piece(link), 0, 16384}, bytes);
    link.send_raw(bytes);
}

void NeverReads::on_message(Link& link, const wire::Message& message) {
    if (!std::holds_alternative<wire::Unchoke>(message)) return;
    link.pause_reading();
    for (std::uint32_t piece = 0; piece < link.peer_has.size() && piece < 500; ++piece) {
        if (!link.is_closed()) link.send(wire::Request{piece, 0, 16384});
    }
}

}  // namespace bt::persona
