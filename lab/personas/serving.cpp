#include "lab/personas/serving.h"

#include <algorithm>

namespace bt::persona {

void Server::on_open(Link& link) { link.send_bitfield(std::vector<bool>(link.peer_has.size(), true)); }

void Server::on_message(Link& link, const wire::Message& message) {
    if (std::holds_alternative<wire::Interested>(message)) link.set_choking(false);
    const auto* request = std::get_if<wire::Request>(&message);
    if (request != nullptr && !link.am_choking) on_request(link, *request);
}

void CorruptServer::on_request(Link& link, const wire::Request& request) {
    const World& world = link.world();
    const bool here = !world.options.piece || *world.options.piece == request.piece;
    (void)link.send_block(request, here && link.world().chance());
}

void ChokeForever::on_open(Link& link) { link.send_bitfield(std::vector<bool>(link.peer_has.size(), true)); }

void SlowServer::on_request(Link&, const wire::Request& request) { waiting_.push_back(request); }

void SlowServer::on_message(Link& link, const wire::Message& message) {
    if (const auto* cancel = std::get_if<wire::Cancel>(&message)) {
        std::erase_if(waiting_, [cancel](const wire::Request& request) {
            return request.piece == cancel->piece && request.begin == cancel->begin;
        });
    }
    Server::on_message(link, message);
}

void SlowServer::on_tick(Link& link) {
    const double elapsed = last_ ? to_seconds(link.now() - *last_) : 0;
    last_ = link.now();
    if (waiting_.empty()) {
        budget_ = 0;
        return;
    }
    budget_ += elapsed * static_cast<double>(link.world().options.rate);
    while (!waiting_.empty() && budget_ >= waiting_.front().length) {
        budget_ -= waiting_.front().length;
        (void)link.send_block(waiting_.front());
        waiting_.pop_front();
        if (link.is_closed()) return;
    }
}

void Flapping::on_tick(Link& link) {
    if (!next_) next_ = link.now() + link.world().options.every;
    if (link.now() < *next_) return;
    next_ = link.now() + link.world().options.every;
    link.set_choking(!link.am_choking);
}

void DropMidBlock::on_request(Link& link, const wire::Request& request) {
    ByteBuffer bytes;
    wire::encode_piece_header(request.piece, request.begin, request.length, bytes);
    bytes.resize(bytes.size() + request.length / 2);
    link.send_raw(bytes);
    link.close("in the middle of a block");
}

void Reset::on_request(Link& link, const wire::Request& request) {
    (void)link.send_block(request);
    link.reset();
}

void Oversize::on_request(Link& link, const wire::Request&) {
    const Byte bytes[] = {0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0};
    link.send_raw(bytes);
}

}  // namespace bt::persona
