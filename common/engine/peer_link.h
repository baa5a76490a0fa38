#pragma once

// One stream to a peer: encryption, handshake, framing, and the way between a Stream and a swarm::PeerSession.
//
// States: Connecting (outgoing only) -> Handshaking -> Established -> Closed. Outgoing: we speak first. Incoming: we
// wait for the info_hash, so that a node with several torrents knows which one is meant, and answer then.
// Deadlines: 10 s to connect, 10 s for the handshake, encrypted or not; behind that the session's rules hold.
// Encryption is a layer below (encrypted_stream.h): what is said here is said through it.
// The link never destroys itself: it tells its owner, which calls close() and keeps the object until the turn is over.

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "common/base/endpoint.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "common/engine/encrypted_stream.h"
#include "common/engine/link_watch.h"
#include "common/engine/throttle.h"
#include "common/env/env.h"
#include "common/swarm/peer_group.h"
#include "common/wire/handshake.h"
#include "common/wire/message_codec.h"

namespace bt::engine {

class PeerLink;

inline constexpr Duration kConnectTimeout = seconds(10);
inline constexpr Duration kHandshakeTimeout = seconds(10);

// What a link asks of and tells its surroundings.
class LinkOwner {
  public:
    virtual ~LinkOwner() = default;
    // Incoming and encrypted: the torrent whose mse_skey_hash() this is, if it is one of ours.
    [[nodiscard]] virtual std::optional<InfoHash> find_skey(const Sha1Digest& skey_hash);
    // Incoming: the torrent meant. May hand the link over to another owner (set_owner). Error: refuse.
    [[nodiscard]] virtual Result<InfoHash> on_info_hash(PeerLink& link, const InfoHash& info_hash) = 0;
    // The handshake is complete. Error: close.
    [[nodiscard]] virtual Result<swarm::PeerConnection*> on_handshake(PeerLink& link,
                                                                      const wire::Handshake& remote) = 0;
    // What our handshake offers: the reserved bits.
    virtual void fill_handshake(wire::Handshake& own) const = 0;
    [[nodiscard]] virtual Status on_message(PeerLink& link, const wire::Message& message) = 0;
    // The output is empty: more of what the peer asked for may be put into it. False: there is nothing.
    [[nodiscard]] virtual bool on_output_drained(PeerLink& link) = 0;
    // The link broke: the owner closes it.
    virtual void on_link_failed(PeerLink& link, const Error& error) = 0;
    // End of a turn that began with something that happened on this link.
    virtual void on_link_turn_end() = 0;
};

class PeerLink final : public env::StreamHandler {
  public:
    enum class State : std::uint8_t { Connecting, Handshaking, Established, Closed };

    // An outgoing link knows its torrent; an accepted one learns it.
    PeerLink(env::Env& env, LinkOwner& owner, ConnectionId id, std::unique_ptr<env::Stream> stream,
             const Endpoint& remote, const PeerId& own_peer_id, std::optional<InfoHash> outgoing_to,
             StreamEncryption encryption = {});

    void set_owner(LinkOwner& owner) { owner_ = &owner; }
    // At once behind the constructor; null: nobody listens in.
    void set_tap(telemetry::LinkTap* tap) { watch_.set_tap(tap); }
    // Rate limits hold for it behind its handshake.
    void join(ThrottleGroup& group);
    // Established: the session has moved.
    void rebind(swarm::PeerConnection& connection) { connection_ = &connection; }
    // Sends what is in the session's output until it is empty, the stream is full or the limits allow no more now.
    void flush();
    void close();

    [[nodiscard]] ConnectionId id() const { return id_; }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool is_outgoing() const { return outgoing_; }
    [[nodiscard]] const Endpoint& remote() const { return remote_; }
    [[nodiscard]] swarm::PeerConnection* connection() { return connection_; }
    // True once, and only of an outgoing link: its dial takes no place among the half-open ones any more.
    [[nodiscard]] bool end_dial() { return std::exchange(half_open_, false); }
    // Of connecting and handshaking; kNever once established.
    [[nodiscard]] TimePoint deadline() const;
    [[nodiscard]] Error timeout_error() const;
    // None also while it is not known yet, and once closed.
    [[nodiscard]] transport::StreamCrypto crypto() const;
    // How it was dialled, and whether the peer, once connected, has neither agreed on encryption nor answered in the
    // peer wire protocol: it may want the other way. One that closes behind that has another reason.
    [[nodiscard]] transport::DialWay way() const { return way_; }
    [[nodiscard]] bool is_way_unanswered() const;

    void on_connected() override;
    void on_received(MutableByteView bytes) override;
    void on_writable() override;
    void on_closed(const Error& error) override;

  private:
    [[nodiscard]] Status receive_handshake(ByteView& bytes);
    [[nodiscard]] Status receive_messages(ByteView bytes);
    void send_handshake(const InfoHash& info_hash);
    std::uint64_t send(OutputQueue& output, std::uint64_t allowed);
    [[nodiscard]] bool flush_session();
    void count_received(std::uint64_t bytes);
    void read_as_allowed();

    env::Env* env_;
    LinkOwner* owner_;
    ConnectionId id_;
    std::unique_ptr<EncryptedStream> stream_;
    transport::DialWay way_;
    Endpoint remote_;
    PeerId own_peer_id_;
    bool outgoing_;
    bool half_open_;
    InfoHash info_hash_{};
    State state_;
    TimePoint deadline_;
    bool handshake_sent_ = false;
    bool blocked_ = false;      // the stream is full: on_writable will come
    OutputQueue early_output_;  // the handshake, before there is a session
    wire::HandshakeReader handshake_reader_;
    wire::MessageCodec codec_;
    swarm::PeerConnection* connection_ = nullptr;
    std::optional<ThrottleMember> throttle_;
    LinkWatch watch_;
};

}  // namespace bt::engine
