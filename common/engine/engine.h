#pragma once

// A node: one identity, one listening port, its torrents and what they share. Client, seeder and every simulated
// peer are this class with different options.
//
// start() listens; add_torrent() begins its check at once. stop() says farewell to the trackers (2 s at most),
// waits for disk jobs under way, and then tells on_engine_stopped. Torrents live as long as the engine, or until
// forget(); the engine must outlive its env's callbacks or be destroyed after on_engine_stopped, never inside an
// observer's call.

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "common/base/result.h"
#include "common/base/rng.h"
#include "common/engine/dial_budget.h"
#include "common/engine/listeners.h"
#include "common/engine/peer_link.h"
#include "common/engine/throttle.h"
#include "common/engine/torrent_node.h"
#include "common/env/env.h"
#include "common/telemetry/event.h"

namespace bt::engine {

struct EngineSettings {
    Endpoint listen;                    // port 0: the world chooses; unspecified address: all
    Families families = Families::One;  // Both: IPv6 too, where listen is all of IPv4
    std::optional<Address> source;      // dial from here (normally the listen address, where it is a real one)
    PeerId peer_id{};
    std::shared_ptr<TlsProvider> tls;  // for https trackers; null: they are refused
    // Off: what an embedder gets who does not ask. Our programs ask for Prefer.
    transport::EncryptionPolicy encryption = transport::EncryptionPolicy::Off;
    DialSettings dial;
    telemetry::LinkTap* tap = nullptr;  // listens in on every link; must outlive the engine
    std::uint32_t max_incoming_handshakes = 100;
};

// "-SL0100-" and 12 characters from the rng (BEP 20).
[[nodiscard]] PeerId make_peer_id(Rng& rng);

class EngineObserver : public TorrentObserver {
  public:
    virtual void on_engine_stopped() = 0;
};

class Engine final : public LinkOwner, public TorrentObserver {
  public:
    Engine(env::Env& env, EngineSettings settings, EngineObserver& observer, telemetry::Telemetry telemetry, Rng rng);
    ~Engine() override;

    // Error: AddressInUse, PermissionDenied, ….
    [[nodiscard]] Result<Endpoint> start();
    TorrentNode& add_torrent(TorrentOptions options);
    // Takes a torrent that is Stopped out of memory; its info_hash may be added again. Not from an observer's call.
    void forget(TorrentNode& torrent);
    void stop();

    // For all torrents together; at any time, and before start() too.
    void set_limits(const transport::RateLimits& limits);
    [[nodiscard]] transport::RateLimits limits() const { return throttle_.limits(); }

    [[nodiscard]] const std::vector<std::unique_ptr<TorrentNode>>& torrents() const { return torrents_; }
    [[nodiscard]] const Endpoint& listen_endpoint() const { return context_.listen; }
    [[nodiscard]] const PeerId& peer_id() const { return settings_.peer_id; }

    void check_invariants() const;

  private:
    // LinkOwner, for accepted links whose torrent is not known yet
    std::optional<InfoHash> find_skey(const Sha1Digest& skey_hash) override;
    Result<InfoHash> on_info_hash(PeerLink& link, const InfoHash& info_hash) override;
    Result<swarm::PeerConnection*> on_handshake(PeerLink& link, const wire::Handshake& remote) override;
    void fill_handshake(wire::Handshake&) const override {}
    Status on_message(PeerLink& link, const wire::Message& message) override;
    bool on_output_drained(PeerLink&) override { return false; }
    void on_link_failed(PeerLink& link, const Error& error) override;
    void on_link_turn_end() override { arm_timer(); }
    // TorrentObserver
    void on_torrent_metadata(TorrentNode& torrent) override { observer_->on_torrent_metadata(torrent); }
    void on_torrent_running(TorrentNode& torrent) override { observer_->on_torrent_running(torrent); }
    void on_torrent_completed(TorrentNode& torrent) override { observer_->on_torrent_completed(torrent); }
    void on_torrent_failed(TorrentNode& torrent, const Error& error) override {
        observer_->on_torrent_failed(torrent, error);
    }
    void on_torrent_stopped(TorrentNode& torrent) override;

    void on_accepted(std::unique_ptr<env::Stream> stream);
    void on_timer();
    void arm_timer();
    void tell_stopped_if_so();

    env::Env* env_;
    EngineSettings settings_;
    EngineObserver* observer_;
    telemetry::Telemetry telemetry_;
    Rng rng_;
    NodeContext context_;
    DialBudget dial_budget_;
    Throttle throttle_;
    Listeners listeners_;
    std::unique_ptr<env::Timer> timer_;
    std::vector<std::unique_ptr<TorrentNode>> torrents_;
    std::map<ConnectionId, std::unique_ptr<PeerLink>> unidentified_;
    std::vector<std::unique_ptr<PeerLink>> retired_;
    std::uint32_t next_connection_ = 1;
    std::uint64_t torrents_added_ = 0;
    bool stopping_ = false;
    bool stopped_told_ = false;
};

}  // namespace bt::engine
