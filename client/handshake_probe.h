#pragma once

// Shakes hands with one peer, says nothing that need not be said, and hangs up: who it is, and with `extensions` what
// it calls ut_metadata (BEP 9, 10).
//
// Without extensions the reserved bytes of our handshake are all zero, and it is over with the peer's handshake. With
// them they are 00 00 00 00 00 10 00 00; a peer that offers the same is sent the extension handshake and it is over
// with its own. What else it sends (bitfield, have, …) is passed over. A peer that offers no extensions, or has no
// ut_metadata, is no error: metadata_id is empty.
// `done` is called once, from a callback of the ports; the probe may be destroyed in it. Destroying it before is how to
// cancel. Error: ConnectFailed, HandshakeRefused (another info_hash), ProtocolViolation, EndOfStream, TimedOut, …

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "common/engine/peer_link.h"

namespace bt::client {

struct Greeting {
    PeerId peer_id{};
    std::optional<std::uint8_t> metadata_id;
};

struct ProbeSettings {
    Endpoint remote;
    std::optional<Address> source;
    InfoHash info_hash{};
    PeerId own_peer_id{};
    bool extensions = false;
    Duration timeout = seconds(60);
};

class HandshakeProbe final : private engine::LinkOwner {
  public:
    using Done = std::function<void(Result<Greeting>)>;

    HandshakeProbe(env::Env& env, ProbeSettings settings, Done done);

    void start();

  private:
    Result<InfoHash> on_info_hash(engine::PeerLink& link, const InfoHash& info_hash) override;
    Result<swarm::PeerConnection*> on_handshake(engine::PeerLink& link, const wire::Handshake& remote) override;
    void fill_handshake(wire::Handshake& own) const override;
    Status on_message(engine::PeerLink& link, const wire::Message& message) override;
    bool on_output_drained(engine::PeerLink&) override { return false; }
    void on_link_failed(engine::PeerLink& link, const Error& error) override;
    void on_link_turn_end() override;

    void on_timer();
    // Decides what is told; the error is for the link, which has nothing more to do.
    std::unexpected<Error> finish(Greeting greeting);

    env::Env* env_;
    ProbeSettings settings_;
    Done done_;
    TimePoint deadline_;
    std::unique_ptr<env::Timer> timer_;
    std::unique_ptr<engine::PeerLink> link_;
    meta::PieceLayout no_layout_;
    swarm::PeerConnection connection_;
    Greeting greeting_;
    std::optional<Result<Greeting>> outcome_;
};

}  // namespace bt::client
