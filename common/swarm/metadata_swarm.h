#pragma once

// The connections of a torrent of which only the info_hash is known: finds the metadata among them
// (metadata_download.h) and keeps what the peers say of themselves until the layout is there (early_state.h). Then the
// connections live on in a Torrent: hand_over() and take_addresses().
//
// We have nothing to give and want nothing but metadata: everybody stays choked, nobody is told of interest. What is
// said on a connection: with Fast (BEP 6) that we have none, the extension handshake, then requests for metadata;
// answers to requests of the peer (a reject while we lack it); keep-alives. Plain: the extension handshake names
// ut_metadata and nothing else. A peer that breaks a rule is dropped; one that sent wrong metadata is banned. Between
// the arrival of the metadata and the handing over (the check of the files may take minutes) the connections are kept
// alive, and the metadata is served.

#include <memory>
#include <string>
#include <vector>

#include "common/swarm/early_state.h"
#include "common/swarm/metadata_download.h"
#include "common/swarm/peer_group.h"
#include "common/telemetry/event.h"

namespace bt::swarm {

struct MetadataSwarmSettings {
    InfoHash info_hash{};
    PeerId peer_id{};  // ours
    std::string client_version = "Swarmlab";
    std::uint16_t listen_port = 0;
    bool plain = false;
    std::uint64_t max_unread = 1u << 20;  // bytes for a peer that does not read
    PeerListSettings peer_list;
    MetadataDownloadSettings download;
};

class MetadataSwarm final : public PeerGroup {
  public:
    MetadataSwarm(MetadataSwarmSettings settings, telemetry::Telemetry telemetry, Rng rng);

    [[nodiscard]] Result<PeerConnection*> on_peer_connected(ConnectionId id, const Endpoint& endpoint, bool outgoing,
                                                            const wire::Handshake& remote, TimePoint now,
                                                            transport::StreamCrypto crypto = {}) override;
    [[nodiscard]] Status on_message(PeerConnection& peer, const wire::Message& message, TimePoint now) override;
    void on_peer_gone(ConnectionId id, const Error& reason, TimePoint now) override;
    void on_deadline(TimePoint now) override;
    [[nodiscard]] TimePoint next_deadline() const override;
    void settle(TimePoint now) override;
    bool fill_output(PeerConnection&, TimePoint) override { return false; }
    [[nodiscard]] bool wants_peers() const override { return true; }
    void check_invariants() const override;

    // The raw bytes of `info`, once they are there; they have the info_hash.
    [[nodiscard]] const std::optional<ByteBuffer>& metadata() const { return download_.metadata(); }
    [[nodiscard]] MetadataProgress progress() const { return download_.progress(); }

    // The end: everything moves out. Only between turns: nothing may be waiting in take_drops().
    [[nodiscard]] std::vector<HandedOverPeer> hand_over();
    [[nodiscard]] PeerList take_addresses() { return std::move(peer_list_); }

  private:
    struct Acquaintance {
        wire::Handshake remote;
        EarlyState told;
    };
    [[nodiscard]] Status on_extended(PeerConnection& peer, const wire::Message& message, TimePoint now);
    [[nodiscard]] Status on_metadata_message(PeerConnection& peer, ByteView payload, TimePoint now);
    void greet(PeerConnection& peer);
    void maintain(PeerConnection& peer, TimePoint now);
    void ban_liars(TimePoint now);

    MetadataSwarmSettings settings_;
    meta::PieceLayout no_layout_;  // for sessions: no pieces, as far as they are concerned
    MetadataDownload download_;
    std::map<ConnectionId, Acquaintance> acquaintances_;
    TimePoint next_tick_{};
};

}  // namespace bt::swarm
