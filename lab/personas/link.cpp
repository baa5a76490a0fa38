#include "lab/personas/link.h"

#include <algorithm>

namespace bt::persona {

Link::Link(World& world, std::unique_ptr<env::Stream> stream, bool outgoing, const PeerId& own_id,
           std::unique_ptr<Behaviour> behaviour)
    : peer_has(world.metainfo->layout().piece_count()),
      world_(world),
      stream_(std::move(stream)),
      behaviour_(std::move(behaviour)),
      remote_(stream_->remote_endpoint()),
      outgoing_(outgoing),
      connected_(!outgoing),
      begun_(world.env.now()) {
    wire::Handshake ours;
    ours.info_hash = world_.metainfo->info_hash();
    ours.peer_id = own_id;
    ours.set_extensions();
    const auto bytes = ours.encode();
    handshake_.assign(bytes.begin(), bytes.end());
    stream_->set_handler(this);
}

Link::~Link() = default;

void Link::on_connected() {
    connected_ = true;
    start_handshake();
}

void Link::start_handshake() {
    if (std::exchange(handshake_started_, true)) return;
    next_handshake_byte_ = now();
    push_handshake();
}

void Link::push_handshake() {
    if (!stream_ || !handshake_started_ || handshake_sent_ == handshake_.size()) return;
    const Duration step = behaviour_->handshake_step();
    const std::size_t from = handshake_sent_;
    if (step == Duration::zero()) {
        handshake_sent_ = handshake_.size();
    } else {
        for (; now() >= next_handshake_byte_ && handshake_sent_ < handshake_.size(); next_handshake_byte_ += step) {
            ++handshake_sent_;
        }
    }
    if (handshake_sent_ > from) send_raw(ByteView(handshake_).subspan(from, handshake_sent_ - from));
    open_if_ready();
}

std::size_t Link::take_handshake(ByteView bytes) {
    const Result<std::size_t> taken = reader_.receive(bytes);
    if (!taken) {
        close(taken.error().message());
        return 0;
    }
    if (const auto hash = reader_.info_hash()) {
        if (*hash != world_.metainfo->info_hash()) {
            close("another torrent");
            return 0;
        }
        start_handshake();
    }
    return *taken;
}

void Link::open_if_ready() {
    if (opened_ || !stream_ || !reader_.handshake() || handshake_sent_ < handshake_.size()) return;
    opened_ = true;
    opened_at_ = now();
    world_.telemetry.emit(now(), telemetry::Level::Summary, "peer_connected", std::nullopt,
                          {{"address", remote_.to_string()}, {"outgoing", outgoing_}});
    behaviour_->on_open(*this);
}

void Link::on_received(MutableByteView bytes) {
    ByteView rest = bytes;
    if (!reader_.handshake()) {
        rest = rest.subspan(take_handshake(rest));
        if (!stream_) return;
        open_if_ready();
    }
    if (!stream_ || rest.empty()) return;
    codec_.begin(rest);
    for (;;) {
        const Result<std::optional<wire::Message>> message = codec_.next();
        if (!message) return close(message.error().message());
        if (!*message) break;
        apply(**message);
        if (!stream_) return;
    }
}

void Link::apply(const wire::Message& message) {
    const auto count = static_cast<std::uint32_t>(peer_has.size());
    if (std::holds_alternative<wire::Choke>(message)) {
        peer_choking = true;
    } else if (std::holds_alternative<wire::Unchoke>(message)) {
        peer_choking = false;
    } else if (std::holds_alternative<wire::Interested>(message)) {
        peer_interested = true;
    } else if (std::holds_alternative<wire::NotInterested>(message)) {
        peer_interested = false;
    } else if (const auto* have = std::get_if<wire::Have>(&message)) {
        if (have->piece < count) peer_has[have->piece] = true;
    } else if (const auto* bits = std::get_if<wire::Bitfield>(&message)) {
        for (std::uint32_t i = 0; i < count && i / 8 < bits->bits.size(); ++i) {
            peer_has[i] = (static_cast<unsigned>(bits->bits[i / 8]) >> (7 - i % 8) & 1u) != 0;
        }
    } else if (const auto* piece = std::get_if<wire::Piece>(&message)) {
        downloaded += piece->block.size();
        world_.downloaded += piece->block.size();
    } else if (const auto* extended = std::get_if<wire::Extended>(&message); extended != nullptr && extended->id == 0) {
        if (auto parsed = wire::ExtensionHandshake::parse(extended->payload))
            peer_extensions.update(std::move(*parsed));
    }
    behaviour_->on_message(*this, message);
}

void Link::tick() {
    if (!stream_) return;
    push_handshake();
    if (reset_at_ <= now()) return close("reset");
    if (!stream_) return;
    if (!opened_) {
        if (now() - begun_ > kHandshakeWithin && behaviour_->handshake_step() == Duration::zero())
            close("no handshake");
        return;
    }
    behaviour_->on_tick(*this);
}

void Link::send(const wire::Message& message) {
    ByteBuffer bytes;
    wire::encode(message, bytes);
    send_raw(bytes);
}

void Link::send_raw(ByteView bytes) {
    if (!stream_) return;
    output_.append_bytes(bytes);
    flush();
}

void Link::send_bitfield(const std::vector<bool>& pieces) {
    ByteBuffer bits((pieces.size() + 7) / 8);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (pieces[i]) bits[i / 8] = static_cast<Byte>(static_cast<unsigned>(bits[i / 8]) | (0x80u >> (i % 8)));
    }
    send(wire::Bitfield{bits});
}

bool Link::send_block(const wire::Request& request, bool corrupt) {
    const auto piece = world_.metainfo->layout().piece(request.piece);
    if (!piece || request.length > wire::kMaxBlockLength || output_.size() > kMaxBacklog) return false;
    if (std::uint64_t{request.begin} + request.length > world_.metainfo->layout().piece_size(*piece)) return false;
    ByteBuffer block(request.length);
    const std::uint64_t offset = world_.metainfo->layout().piece_offset(*piece) + request.begin;
    if (!world_.content(offset, block) && !world_.store.read(offset, block)) return false;
    if (corrupt) {
        for (Byte& byte : block) byte = static_cast<Byte>(~static_cast<unsigned>(byte) & 0xffu);
    }
    send(wire::Piece{request.piece, request.begin, block});
    uploaded += block.size();
    world_.uploaded += block.size();
    return true;
}

void Link::set_choking(bool choking) {
    if (std::exchange(am_choking, choking) == choking) return;
    choking ? send(wire::Choke{}) : send(wire::Unchoke{});
}

void Link::set_interested(bool interested) {
    if (std::exchange(am_interested, interested) == interested) return;
    interested ? send(wire::Interested{}) : send(wire::NotInterested{});
}

void Link::pause_reading() {
    if (stream_) stream_->pause_reading();
}

void Link::flush() {
    if (connected_ && stream_) stream_->send(output_);
}

void Link::on_writable() { flush(); }

void Link::close(std::string reason) {
    if (!stream_) return;
    world_.telemetry.emit(
        now(), telemetry::Level::Summary, "peer_disconnected", std::nullopt,
        {{"address", remote_.to_string()}, {"reason", reason}, {"downloaded", downloaded}, {"uploaded", uploaded}});
    behaviour_->on_close(*this);
    stream_.reset();
}

void Link::reset() {
    pause_reading();
    if (reset_at_ == kNever) reset_at_ = now() + kUnreadFor;
}

void Link::on_closed(const Error& error) { close(error.message()); }

}  // namespace bt::persona
