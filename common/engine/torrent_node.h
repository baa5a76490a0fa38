#pragma once

// One torrent of a node over the ports: its life from the first check to the farewell, its links, its trackers, its
// disk jobs. Decisions are swarm::Torrent's; this class carries them out.
//
// Life: Checking -> Running -> Stopping -> Stopped, or Failed from Checking and Running (disk trouble, wrong original),
// from which stop() leads to Stopped all the same. Completion is not a state of its own: is_complete().
// Without a metainfo it begins with FetchingMetadata: a swarm::MetadataSwarm has the connections, trackers are asked at
// once, and when the metadata is there prepare() makes the options whole and the check follows as always. Connections
// live through the check and move into the Torrent. peers_ is whichever of the two has them; nothing else differs.
// A private torrent (BEP 27) takes addresses from its trackers and from the user alone: what the magnet named, or a
// peer, is forgotten and disconnected as soon as the metainfo says so. A turn (docs/architecture.md): every callback of
// a port ends in end_turn(), which settles the torrent, runs its disk jobs, drops what must be dropped, dials, sends,
// and arms the one timer.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/engine/announcer.h"
#include "common/engine/content_check.h"
#include "common/engine/content_keeper.h"
#include "common/engine/dial_budget.h"
#include "common/engine/peer_link.h"
#include "common/engine/throttle.h"
#include "common/engine/wire_profile.h"
#include "common/env/env.h"
#include "common/meta/magnet.h"
#include "common/swarm/metadata_swarm.h"
#include "common/swarm/torrent.h"

namespace bt::engine {

struct TorrentOptions {
    std::shared_ptr<const meta::Metainfo> metainfo;  // nothing: fetched from peers by info_hash
    InfoHash info_hash{};                            // where there is no metainfo
    std::string name_hint;                           // what to call it until then
    std::vector<Endpoint> magnet_peers;              // x.pe of a magnet
    // Called once, with metainfo filled in, when that came from peers: fills in what depends on it (paths, resume_path,
    // selection). An error fails the torrent.
    std::function<Status(TorrentOptions&)> prepare;
    WireProfile profile = WireProfile::Full;
    std::vector<std::string> paths;  // of every file, in metainfo order
    storage::Access access = storage::Access::ReadWrite;
    std::optional<storage::Placement> placement;  // names of unfinished files; what is wanted is filled in
    storage::Existing existing = storage::Existing::Use;
    std::shared_ptr<const void> lock{};         // held as long as the torrent is there
    bool trust_sizes = false;                   // files of the right length are not read (content_check.h)
    Duration resume_interval = seconds(30);     // between two records while pieces come
    std::string resume_path;                    // empty: none is read or written
    std::string boot_id;                        // of this run of the machine, for resume data
    bool download = true;                       // false: only serve; peers from trackers are not dialled
    std::vector<std::uint8_t> file_priorities;  // one a file, 0 (not wanted) … 7; empty: all files, 4 (normal)
    std::vector<Endpoint> manual_peers;
    std::vector<std::vector<std::string>> tracker_tiers;
    std::uint32_t max_connections = 50;
    std::uint32_t numwant = 50;
    discovery::TrackerSettings tracker;
    swarm::TorrentSettings swarm;  // peer_id, listen_port and download are filled in
};

// For a magnet: its info_hash, name, peers and trackers (a tier each). prepare is left to the caller.
[[nodiscard]] TorrentOptions options_for(const meta::Magnet& magnet);

enum class TorrentState : std::uint8_t { FetchingMetadata, Checking, Running, Failed, Stopping, Stopped };

struct TorrentSnapshot {
    TorrentState state = TorrentState::Checking;
    std::string_view
        word;  // "fetching metadata", "checking", "connecting", "downloading", "seeding", "failed", "stopped"
    swarm::TorrentStats stats;
    swarm::MetadataProgress metadata;  // while it is fetched
    std::uint32_t checked_pieces = 0;  // while checking
    std::uint32_t connecting = 0;      // links that are not past their handshake
    std::string tracker_status;
    bool trackers_failed = false;  // there are some, and none has ever answered
    bool has_trackers = false;
    bool tracker_asked = false;                  // an announce is under way
    std::optional<std::uint32_t> tracker_peers;  // in the last answer
    std::string tracker_error;                   // of the last announce, when it failed
    std::optional<TimePoint> next_announce;
};

class TorrentNode;

class TorrentObserver {
  public:
    virtual ~TorrentObserver() = default;
    virtual void on_torrent_metadata(TorrentNode&) {}             // metainfo() is there now; it came from peers
    virtual void on_torrent_running(TorrentNode& torrent) = 0;    // checked; may be complete already
    virtual void on_torrent_completed(TorrentNode& torrent) = 0;  // the last piece was verified in this run
    virtual void on_torrent_failed(TorrentNode& torrent, const Error& error) = 0;
    virtual void on_torrent_stopped(TorrentNode& torrent) = 0;
};

// What a torrent shares with others of its node.
struct NodeContext {
    env::Env* env = nullptr;
    PeerId peer_id{};
    Endpoint listen;                // address and port that peers reach us at
    std::optional<Address> source;  // dial from here
    TrackerContext trackers;
    std::vector<TrackerRoute> tracker_routes;  // none: over whatever address answers
    telemetry::Telemetry telemetry;
    telemetry::LinkTap* tap = nullptr;  // listens in on every link
    transport::EncryptionPolicy encryption = transport::EncryptionPolicy::Off;
    DialBudget* dial_budget = nullptr;
    Throttle* throttle = nullptr;
    std::function<ConnectionId()> next_connection_id;
};

class TorrentNode final : public LinkOwner, public AnnouncerHost {
  public:
    TorrentNode(NodeContext context, TorrentOptions options, TorrentObserver& observer, Rng rng);
    ~TorrentNode() override;

    void start();
    void stop();
    void add_peer(const Endpoint& endpoint, swarm::PeerSource source);
    // Of this torrent, within those of the engine; at any time.
    void set_limits(const transport::RateLimits& limits);
    [[nodiscard]] transport::RateLimits limits() const { return throttle_.limits(); }
    // Those of the engine are other ones.
    void on_engine_limits_changed() { tell_rate_bounds(); }
    // Other files are wanted from now on. Completion is told again when that makes work and the work is done.
    void set_file_priorities(std::vector<std::uint8_t> file_priorities);

    // An accepted link whose info_hash is ours.
    [[nodiscard]] Status adopt(std::unique_ptr<PeerLink> link);
    [[nodiscard]] bool accepts_links() const;
    // Of a connection: both sides went through the encrypted handshake, whatever travels behind it.
    [[nodiscard]] bool is_encrypted(ConnectionId id) const;

    [[nodiscard]] bool has_metainfo() const { return options_.metainfo != nullptr; }
    // Only where has_metainfo().
    [[nodiscard]] const meta::Metainfo& metainfo() const { return *options_.metainfo; }
    [[nodiscard]] const std::shared_ptr<const meta::Metainfo>& shared_metainfo() const { return options_.metainfo; }
    [[nodiscard]] const TorrentOptions& options() const { return options_; }
    [[nodiscard]] const InfoHash& info_hash() const { return options_.info_hash; }
    // The torrent's name, or the hint of a magnet, or the info_hash in hex.
    [[nodiscard]] std::string name() const;
    [[nodiscard]] TorrentState state() const { return state_; }
    // Every piece of the wanted files is there, and the files have their names.
    [[nodiscard]] bool is_complete() const { return torrent_ && torrent_->is_complete() && !keeper_->is_placing(); }
    [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
    // Why the last announce failed; nothing once one was answered.
    [[nodiscard]] const std::optional<Error>& tracker_error() const { return last_tracker_error_; }
    [[nodiscard]] TorrentSnapshot snapshot() const;
    [[nodiscard]] swarm::Torrent* torrent() { return torrent_ ? &*torrent_ : nullptr; }

    void check_invariants() const;

  private:
    // LinkOwner
    Result<InfoHash> on_info_hash(PeerLink& link, const InfoHash& info_hash) override;
    Result<swarm::PeerConnection*> on_handshake(PeerLink& link, const wire::Handshake& remote) override;
    Status on_message(PeerLink& link, const wire::Message& message) override;
    void fill_handshake(wire::Handshake& own) const override;
    bool on_output_drained(PeerLink& link) override;
    void on_link_failed(PeerLink& link, const Error& error) override;
    void on_link_turn_end() override { end_turn(); }
    // AnnouncerHost
    wire::AnnounceRequest announce_request() const override;
    void on_tracker_peers(const std::vector<wire::AnnouncePeer>& peers) override;
    void on_tracker_failed(const Error& error) override;
    void on_announcer_finished() override;

    // torrent_node_metadata.cpp
    void begin_metadata();
    void notice_metadata();
    [[nodiscard]] Status adopt_metadata(const ByteBuffer& info);
    void hand_over_connections();
    void forget_unofficial_peers();
    void describe_metadata(TorrentSnapshot& snapshot) const;

    void begin_check();
    void begin_announcing();
    void on_checked(Result<CheckOutcome> outcome);
    void begin();  // checked, and complete files have their names
    void on_timer();
    void end_turn();
    void run_disk_jobs();
    void tell_rate_bounds();
    bool drop_peers();                                                   // whether there was one
    void note_peer(const Endpoint& endpoint, swarm::PeerSource source);  // somebody named it
    void note_heard_peers();
    void note_own_endpoint();
    void dial();
    void drop_link(PeerLink& link, const Error& error);
    [[nodiscard]] bool on_dial_failed(const PeerLink& link, const Error& error);  // true: the other way comes next
    void fail_torrent(Error error);
    void arm_timer();
    [[nodiscard]] bool is_active() const;  // has connections, or may have
    [[nodiscard]] bool wants_to_dial() const;
    void expire_links();
    void flush_links();
    void notice_completion();
    void advance_stop();
    void leave_content();
    void on_files_placed(const Status& status);
    void describe_trackers(TorrentSnapshot& snapshot) const;
    template <class Callback>
    auto guarded(Callback callback);

    NodeContext context_;
    TorrentOptions options_;
    TorrentObserver* observer_;
    Rng rng_;
    TorrentState state_ = TorrentState::Checking;
    std::optional<StorageId> storage_;
    std::optional<ContentKeeper> keeper_;  // with storage_
    std::unique_ptr<ContentCheck> check_;
    std::optional<CheckOutcome> checked_;
    std::unique_ptr<swarm::MetadataSwarm> metadata_;  // until its connections have moved
    std::optional<swarm::Torrent> torrent_;
    swarm::PeerGroup* peers_ = nullptr;  // one of these two
    std::unique_ptr<Announcer> announcer_;
    std::unique_ptr<env::Timer> timer_;
    TimePoint timer_armed_for_ = kNever;
    ThrottleGroup throttle_;  // behind its links' parts
    std::map<ConnectionId, std::unique_ptr<PeerLink>> links_;
    std::vector<std::unique_ptr<PeerLink>> retired_;  // closed in this turn; freed at the next
    std::uint32_t writes_in_flight_ = 0;
    std::optional<Error> failure_;
    std::optional<Error> last_tracker_error_;
    std::optional<std::uint32_t> last_tracker_peers_;
    bool was_complete_ = false;
    bool reselect_ = false;  // other files are wanted than when the storage was opened
    bool announcer_finished_ = false;
    bool leaving_content_ = false;  // under way
    bool content_left_ = false;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace bt::engine
