#include "common/engine/peer_link.h"

#include <algorithm>

namespace bt::engine {

std::optional<InfoHash> LinkOwner::find_skey(const Sha1Digest&) { return std::nullopt; }

PeerLink::PeerLink(env::Env& env, LinkOwner& owner, ConnectionId id, std::unique_ptr<env::Stream> stream,
                   const Endpoint& remote, const PeerId& own_peer_id, std::optional<InfoHash> outgoing_to,
                   StreamEncryption encryption)
    : env_(&env),
      owner_(&owner),
      id_(id),
      way_(encryption.way),
      remote_(remote),
      own_peer_id_(own_peer_id),
      outgoing_(outgoing_to.has_value()),
      half_open_(outgoing_),
      info_hash_(outgoing_to.value_or(InfoHash{})),
      state_(outgoing_ ? State::Connecting : State::Handshaking),
      deadline_(env.now() + (outgoing_ ? kConnectTimeout : kHandshakeTimeout)),
      watch_(id, outgoing_) {
    if (outgoing_to) {
        stream_ = std::make_unique<EncryptedStream>(env, std::move(stream), encryption, *outgoing_to);
    } else {
        stream_ = std::make_unique<EncryptedStream>(env, std::move(stream), encryption,
                                                    [this](const Sha1Digest& hash) { return owner_->find_skey(hash); });
    }
    stream_->set_handler(this);
}

TimePoint PeerLink::deadline() const { return stream_ ? std::min(deadline_, stream_->deadline()) : deadline_; }

Error PeerLink::timeout_error() const {
    if (state_ == State::Connecting) return remote_error(ErrorCode::TimedOut, "not connected within 10 s");
    const bool no_answer = stream_ && stream_->deadline() < deadline_;
    return remote_error(ErrorCode::TimedOut,
                        no_answer ? "no answer to an encrypted handshake within 4 s" : "no handshake within 10 s");
}

transport::StreamCrypto PeerLink::crypto() const { return stream_ ? stream_->crypto() : transport::StreamCrypto::None; }

bool PeerLink::is_way_unanswered() const {
    const bool agreed = crypto() != transport::StreamCrypto::None;
    return outgoing_ && state_ == State::Handshaking && !agreed && !handshake_reader_.info_hash();
}

void PeerLink::on_connected() {
    state_ = State::Handshaking;
    deadline_ = env_->now() + kHandshakeTimeout;
    send_handshake(info_hash_);
    owner_->on_link_turn_end();
}

void PeerLink::send_handshake(const InfoHash& info_hash) {
    wire::Handshake handshake;
    handshake.info_hash = info_hash;
    handshake.peer_id = own_peer_id_;
    owner_->fill_handshake(handshake);
    early_output_.append_bytes(handshake.encode());
    handshake_sent_ = true;
    flush();
}

void PeerLink::on_received(MutableByteView bytes) {
    watch_.on_received(*stream_, bytes, env_->now());
    ByteView left = bytes;
    Status status;
    if (state_ == State::Handshaking) status = receive_handshake(left);
    if (status && state_ == State::Established) {
        count_received(left.size());
        status = receive_messages(left);
    }
    if (!status) owner_->on_link_failed(*this, status.error());
    owner_->on_link_turn_end();
}

Status PeerLink::receive_handshake(ByteView& bytes) {
    BT_TRY_ASSIGN(const std::size_t taken, handshake_reader_.receive(bytes));
    bytes = bytes.subspan(taken);
    const auto info_hash = handshake_reader_.info_hash();
    if (info_hash && stream_->skey().value_or(*info_hash) != *info_hash) {
        return fail(remote_error(ErrorCode::HandshakeRefused, "the encrypted handshake was for another info_hash"));
    }
    if (info_hash && !handshake_sent_) {
        BT_TRY_ASSIGN(info_hash_, owner_->on_info_hash(*this, *info_hash));
        send_handshake(info_hash_);
    }
    if (info_hash && *info_hash != info_hash_) {
        return fail(remote_error(ErrorCode::HandshakeRefused, "the peer answered with another info_hash"));
    }
    const auto handshake = handshake_reader_.handshake();
    if (!handshake) return {};
    BT_TRY_ASSIGN(connection_, owner_->on_handshake(*this, *handshake));
    state_ = State::Established;
    deadline_ = kNever;
    return {};
}

Status PeerLink::receive_messages(ByteView bytes) {
    if (bytes.empty()) return {};
    // Bytes of a message that is not whole yet are a sign of life too.
    connection_->session->on_bytes_received(env_->now());
    codec_.begin(bytes);
    while (true) {
        BT_TRY_ASSIGN(const auto message, codec_.next());
        if (!message) return {};
        BT_TRY(owner_->on_message(*this, *message));
    }
}

void PeerLink::flush() {
    if (state_ == State::Closed || state_ == State::Connecting || blocked_) return;
    if (!early_output_.empty()) {
        send(early_output_, UINT64_MAX);
        blocked_ = !early_output_.empty();
    }
    if (connection_ == nullptr || blocked_) return;
    while (flush_session() && owner_->on_output_drained(*this)) {
    }
}

// Returns how much was taken.
std::uint64_t PeerLink::send(OutputQueue& output, std::uint64_t allowed) {
    watch_.on_sending(*stream_, output, env_->now());
    const std::uint64_t before = output.size();
    stream_->send(output, allowed);
    watch_.on_sent(before - output.size());
    return before - output.size();
}

// Whether everything went out.
bool PeerLink::flush_session() {
    OutputQueue& output = connection_->session->output();
    if (output.empty()) return true;
    const std::uint64_t allowed = throttle_ ? throttle_->upload.allowance() : UINT64_MAX;
    if (allowed > 0) {
        const std::uint64_t sent = send(output, allowed);
        if (throttle_) throttle_->upload.spend(sent);
        connection_->session->on_bytes_sent(env_->now());
        if (output.empty()) return true;
        blocked_ = sent < allowed;
    }
    if (!blocked_) throttle_->upload.wait(env_->now());
    return false;
}

void PeerLink::join(ThrottleGroup& group) {
    throttle_.emplace(
        group, [this] { read_as_allowed(); }, [this] { flush(); });
}

void PeerLink::count_received(std::uint64_t bytes) {
    if (!throttle_ || !throttle_->download.is_limited()) return;
    throttle_->download.spend(bytes);
    read_as_allowed();
}

// The stream never takes more from the socket than what is granted: what is read cannot be put back.
void PeerLink::read_as_allowed() {
    if (state_ != State::Established) return;
    const std::uint64_t allowed = throttle_->download.allowance();
    stream_->resume_reading(allowed);
    if (allowed == 0) throttle_->download.wait(env_->now());
}

void PeerLink::on_writable() {
    blocked_ = false;
    flush();
    owner_->on_link_turn_end();
}

void PeerLink::on_closed(const Error& error) {
    owner_->on_link_failed(*this, error);
    owner_->on_link_turn_end();
}

void PeerLink::close() {
    watch_.on_closed(env_->now());
    state_ = State::Closed;
    deadline_ = kNever;
    connection_ = nullptr;
    throttle_.reset();
    stream_.reset();
}

}  // namespace bt::engine
