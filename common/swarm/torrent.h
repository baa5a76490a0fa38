#pragma once

// One torrent's swarm as seen by one node: composes picker, choker, sessions, peer list, assembly and blame. It has no
// policy of its own and does no I/O; its owner (common/engine) moves bytes and runs disk jobs.
//
// A turn: the owner feeds what happened (on_message, on_piece_written, on_peer_gone, on_deadline, …) and then calls
// settle(now) once, which makes the decisions that follow (choking, requests, answers) and leaves the results in
// the sessions' outputs and in take_writes / take_drops / take_prefetches. Batching decisions by turn is what keeps the cost
// of a block small: one refill of the pipeline for everything a read brought.
//
// Life of a piece: absent -> in progress (picker + assembly) -> handed out by take_writes -> verified, or failed and
// absent again. on_piece_written must follow every entry of take_writes, also when the write failed.
// A peer that let a request expire is stalled until it delivers what is still asked of it: it is asked for one block at
// a time, and that block is free for everybody else too; otherwise it would take its own expired blocks again at once.
// Errors of the disk stop the torrent (failure()); nothing that a peer does can.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/rng.h"
#include "common/meta/bitfield.h"
#include "common/meta/metainfo.h"
#include "common/storage/file_state.h"
#include "common/storage/piece_buffer.h"
#include "common/swarm/blame.h"
#include "common/swarm/choker.h"
#include "common/swarm/peer_list.h"
#include "common/swarm/peer_session.h"
#include "common/swarm/piece_assembly.h"
#include "common/swarm/piece_picker.h"
#include "common/telemetry/event.h"
#include "common/transport/rate_limits.h"

namespace bt::swarm {

struct TorrentSettings {
    bool download = true;                          // false: only serve what is there
    std::vector<std::uint8_t> file_priorities;     // 0 (not wanted) … 7, one a file; empty: everything is normal
    PeerId peer_id{};                              // ours, on the wire
    std::string client_version = "Swarmlab";       // BEP 10 `v`
    std::uint16_t listen_port = 0;                 // BEP 10 `p`; 0: not told
    std::uint64_t max_piece_memory = 64u << 20;    // bytes of pieces in progress and on their way to the disk
    Duration idle_piece_after = seconds(30);       // a partial piece without progress for so long may give up its memory
    std::uint64_t max_unread = 1u << 20;           // bytes for a peer that does not read, beyond answers and haves
    PickerSettings picker;
    ChokerSettings choker;
    PipelineSettings pipeline;
    PeerListSettings peer_list;
};

struct PieceToWrite {
    PieceIndex piece;
    storage::PieceBuffer buffer;
    bool want_block_digests = false;
};

struct PieceVerdict {
    storage::PieceBuffer buffer;
    bool hash_ok = false;
    Status status;
    std::vector<Sha1Digest> block_digests;
};

struct PeerToDrop {
    ConnectionId connection;
    Error error;
};

// One connection of the torrent; stable in memory while it lives.
struct PeerConnection {
    std::unique_ptr<PeerSession> session;
    Endpoint endpoint;            // of the stream
    PeerId peer_id{};
    bool outgoing = false;
    transport::StreamCrypto crypto = transport::StreamCrypto::None;
    std::uint32_t interesting = 0;   // pieces it has that we want and lack
    std::optional<ChokeReason> choke_reason;   // of the choker's last decision on it
    bool needs_refill = false;
    bool stalled = false;            // let a request expire and has delivered nothing since
    std::optional<PieceIndex> prefetched;  // piece last hinted to the disk for it
    std::optional<Endpoint> also_at;       // an address that led to this peer again; not dialled while it is here
};

struct TorrentStats {
    std::uint32_t have = 0, pieces = 0;
    std::uint64_t downloaded = 0, uploaded = 0;      // payload bytes, duplicates and failed pieces included
    std::uint64_t down_rate = 0, up_rate = 0;        // bytes per second
    std::uint64_t left = 0;                          // bytes of wanted pieces not verified
    std::uint64_t wanted = 0;                        // bytes of wanted pieces: what there is to do in all
    std::uint64_t lacking = 0;                       // bytes of pieces not verified, wanted or not: for trackers
    std::uint32_t connected = 0, known = 0, banned = 0;
    std::uint32_t hash_failures = 0;
    std::uint64_t wasted = 0;                        // bytes of blocks that were not missing any more
    std::uint32_t complete_files = 0;
};

class Torrent {
  public:
    Torrent(std::shared_ptr<const meta::Metainfo> metainfo, meta::Bitfield have, StorageId storage,
            TorrentSettings settings, telemetry::Telemetry telemetry, Rng rng);

    // A connection got past its handshake. Error: it must be closed instead (ourselves, banned, connected already).
    [[nodiscard]] Result<PeerConnection*> on_peer_connected(ConnectionId id, const Endpoint& endpoint, bool outgoing,
                                                            const wire::Handshake& remote, TimePoint now,
                                                            transport::StreamCrypto crypto = {});
    // Error: drop the connection for it (call on_peer_gone then).
    [[nodiscard]] Status on_message(PeerConnection& peer, const wire::Message& message, TimePoint now);
    void on_peer_gone(ConnectionId id, const Error& reason, TimePoint now);
    void on_piece_written(PieceIndex piece, PieceVerdict verdict, TimePoint now);
    void on_deadline(TimePoint now);
    [[nodiscard]] TimePoint next_deadline() const;

    // Decisions of the turn. Then the owner sends every non-empty output and runs what the take_… functions answer.
    void settle(TimePoint now);
    // Moves queued answers into the output up to the watermark; answers whether anything was added.
    bool fill_output(PeerConnection& peer, TimePoint now);
    // The rates that limits leave the torrent. What lies in an output can be neither choked nor cancelled any more, so
    // with a bound it is half a second's worth; what is asked for of all peers together is what comes within 10 s, or
    // requests would expire that the limit alone holds up. One block always may.
    void set_rate_bounds(const transport::RateLimits& bounds);

    [[nodiscard]] std::vector<PieceToWrite> take_writes() { return std::exchange(writes_, {}); }
    [[nodiscard]] std::vector<PeerToDrop> take_drops() { return std::exchange(drops_, {}); }
    [[nodiscard]] std::vector<PieceIndex> take_prefetches() { return std::exchange(prefetches_, {}); }

    // Other files are wanted, or more or less than before. Pieces that became wanted are asked for in the same turn.
    void set_file_priorities(const std::vector<std::uint8_t>& file_priorities, TimePoint now);
    // Files whose last piece was verified since the last call.
    [[nodiscard]] std::vector<FileIndex> take_completed_files() { return std::exchange(completed_files_, {}); }
    [[nodiscard]] const storage::FileState& file_state() const { return file_state_; }

    // Every wanted piece is there; has_everything: every piece.
    [[nodiscard]] bool is_complete() const { return picker_.is_complete(); }
    [[nodiscard]] bool has_everything() const { return picker_.have().is_complete(); }
    [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
    [[nodiscard]] const meta::Bitfield& have() const { return picker_.have(); }
    [[nodiscard]] PeerList& peer_list() { return peer_list_; }
    [[nodiscard]] const PeerList& peer_list() const { return peer_list_; }
    [[nodiscard]] const std::map<ConnectionId, PeerConnection>& connections() const { return connections_; }
    [[nodiscard]] std::map<ConnectionId, PeerConnection>& connections() { return connections_; }
    [[nodiscard]] const meta::Metainfo& metainfo() const { return *metainfo_; }
    [[nodiscard]] TorrentStats stats(TimePoint now) const;
    [[nodiscard]] std::optional<ConnectionId> optimistic_peer() const { return choker_.optimistic_peer(); }
    [[nodiscard]] std::uint64_t buffered_bytes() const { return assembly_.buffered_bytes(); }

    void check_invariants() const;

  private:
    // torrent.cpp: what happens
    void on_block(PeerConnection& peer, const BlockArrived& event, TimePoint now);
    void on_requests_lost(ConnectionId id, const std::vector<BlockRequest>& lost);
    void on_piece_verified(PieceIndex piece, const std::vector<Sha1Digest>& digests, TimePoint now);
    void on_piece_hash_failed(PieceIndex piece, const Contributors& contributors,
                              const std::vector<Sha1Digest>& digests, TimePoint now);
    void ban(const std::vector<Address>& addresses, PieceIndex piece, TimePoint now);
    void count_interesting(PeerConnection& peer, TimePoint now);
    void change_interesting(PeerConnection& peer, int delta, TimePoint now);
    [[nodiscard]] bool wants(PieceIndex piece) const;
    void apply_priorities(const std::vector<std::uint8_t>& file_priorities);
    void tell_completion(TimePoint now);
    void drop_if_both_seeds(PeerConnection& peer);
    [[nodiscard]] std::optional<Error> resolve_duplicate(const PeerId& remote, const Endpoint& endpoint, bool outgoing,
                                                         TimePoint now);
    void emit_message(const char* kind, ConnectionId id, const wire::Message& message, TimePoint now) const;
    // torrent_settle.cpp: what follows
    void settle_chokes(bool round, TimePoint now);
    void refill(PeerConnection& peer, TimePoint now);
    [[nodiscard]] std::uint32_t refill_room(const PeerConnection& peer, TimePoint now) const;
    void count_requests();
    void maintain(PeerConnection& peer, TimePoint now);
    void reclaim_memory(TimePoint now);

    std::shared_ptr<const meta::Metainfo> metainfo_;
    const meta::PieceLayout& layout_;
    StorageId storage_;
    TorrentSettings settings_;
    telemetry::Telemetry telemetry_;
    PiecePicker picker_;
    Choker choker_;
    PeerList peer_list_;
    PieceAssembly assembly_;
    Blame blame_;
    storage::FileState file_state_;
    std::map<ConnectionId, PeerConnection> connections_;
    std::map<PieceIndex, Contributors> in_verification_;
    std::vector<PieceToWrite> writes_;
    std::vector<PeerToDrop> drops_;
    std::vector<PieceIndex> prefetches_;
    std::vector<ConnectionId> cancel_scratch_;
    std::vector<PickedBlock> pick_scratch_;
    std::vector<FileRange> range_scratch_;
    std::optional<Error> failure_;
    TimePoint next_tick_;
    std::uint64_t output_ahead_;                 // bytes of answers in an output
    std::uint64_t requests_ahead_ = UINT64_MAX;  // blocks asked for in all
    std::uint64_t requests_left_ = UINT64_MAX;   // of those, in this turn
    bool choke_dirty_ = false;
    bool refill_all_ = false;
    transport::RateMeter download_;
    transport::RateMeter upload_;
    std::uint32_t hash_failures_ = 0;
    std::uint64_t wasted_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t wanted_ = 0;
    std::uint64_t lacking_ = 0;
    std::vector<FileIndex> completed_files_;
};

}  // namespace bt::swarm
