#pragma once

// One torrent's swarm as seen by one node: composes picker, choker, sessions, peer list, assembly and blame. It has no
// policy of its own and does no I/O; its owner (common/engine) moves bytes and runs disk jobs.
//
// A turn: the owner feeds what happened (on_message, on_piece_written, on_peer_gone, on_deadline, …) and then calls
// settle(now) once, which makes the decisions that follow (choking, requests, answers) and leaves the results in
// the sessions' outputs and in take_writes / take_drops / take_prefetches. Batching decisions by turn is what keeps the
// cost of a block small: one refill of the pipeline for everything a read brought.
//
// Life of a piece: absent -> in progress (picker + assembly) -> handed out by take_writes -> verified, or failed and
// absent again. on_piece_written must follow every entry of take_writes, also when the write failed.
// A peer that let a request expire is stalled until it delivers what is still asked of it: it is asked for one block at
// a time, and that block is free for everybody else too; otherwise it would take its own expired blocks again at once.
// A have is said at once to a peer that can act on it: one that lacks the piece, and that we have unchoked or that is
// not interested yet. The others hear of it with the next message to them, kHaveWait later at the latest: in a swarm of
// many peers most messages would be haves, one packet each. Who has everything suggests pieces to those that it
// unchokes: first_copies.h. Errors of the disk stop the torrent (failure()); nothing that a peer does can.

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
#include "common/swarm/early_state.h"
#include "common/swarm/first_copies.h"
#include "common/swarm/peer_group.h"
#include "common/swarm/piece_assembly.h"
#include "common/swarm/piece_picker.h"
#include "common/telemetry/event.h"
#include "common/transport/rate_limits.h"

namespace bt::swarm {

inline constexpr Duration kHaveWait = milliseconds(100);

struct TorrentSettings {
    bool download = true;                        // false: only serve what is there
    std::vector<std::uint8_t> file_priorities;   // 0 (not wanted) … 7, one a file; empty: everything is normal
    std::optional<PieceIndex> only_piece;        // of what the files want, nothing but this
    bool extensions = true;                      // BEP 10 is offered in our handshakes
    bool extras = true;                          // and so are BEP 6, 11, 21 and 54
    bool peer_exchange = true;                   // BEP 11, unless the torrent is private
    Duration pex_interval = wire::kPexInterval;  // between two messages to the same peer
    PeerId peer_id{};                            // ours, on the wire
    std::string client_version = "Swarmlab";     // BEP 10 `v`
    std::uint16_t listen_port = 0;               // BEP 10 `p`; 0: not told
    std::uint64_t max_piece_memory = 64u << 20;  // bytes of pieces in progress and on their way to the disk
    Duration idle_piece_after = seconds(30);     // a partial piece without progress for so long may give up its memory
    std::uint64_t max_unread = 1u << 20;         // bytes for a peer that does not read, beyond answers and haves
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

struct TorrentStats {
    std::uint32_t have = 0, pieces = 0;
    std::uint64_t downloaded = 0, uploaded = 0;  // payload bytes, duplicates and failed pieces included
    std::uint64_t down_rate = 0, up_rate = 0;    // bytes per second
    std::uint64_t left = 0;                      // bytes of wanted pieces not verified
    std::uint64_t wanted = 0;                    // bytes of wanted pieces: what there is to do in all
    std::uint64_t lacking = 0;                   // bytes of pieces not verified, wanted or not: for trackers
    std::uint32_t connected = 0, known = 0, banned = 0;
    std::uint32_t hash_failures = 0;
    std::uint64_t wasted = 0;  // bytes of blocks that were not missing any more
    std::uint32_t complete_files = 0;
};

class Torrent final : public PeerGroup {
  public:
    Torrent(std::shared_ptr<const meta::Metainfo> metainfo, meta::Bitfield have, StorageId storage,
            TorrentSettings settings, telemetry::Telemetry telemetry, Rng rng);

    // PeerGroup
    [[nodiscard]] Result<PeerConnection*> on_peer_connected(ConnectionId id, const Endpoint& endpoint, bool outgoing,
                                                            const wire::Handshake& remote, TimePoint now,
                                                            transport::StreamCrypto crypto = {}) override;
    [[nodiscard]] Status on_message(PeerConnection& peer, const wire::Message& message, TimePoint now) override;
    void on_peer_gone(ConnectionId id, const Error& reason, TimePoint now) override;
    void on_deadline(TimePoint now) override;
    [[nodiscard]] TimePoint next_deadline() const override;
    // The owner runs what the take_… functions answer, too.
    void settle(TimePoint now) override;
    // Moves queued answers into the output up to the watermark.
    bool fill_output(PeerConnection& peer, TimePoint now) override;
    [[nodiscard]] bool wants_peers() const override { return !settings_.download || !is_complete(); }
    void check_invariants() const override;

    // The rates that limits leave the torrent. What lies in an output can be neither choked nor cancelled any more, so
    // with a bound it is half a second's worth; what is asked for of all peers together is what comes within 10 s, or
    // requests would expire that the limit alone holds up. One block always may.
    void set_rate_bounds(const transport::RateLimits& bounds);
    // A connection from the time before the metainfo was known, with what its peer has told since. It may be dropped
    // at once (take_drops) when that cannot be true of this torrent. greet: say again what we speak, now that there is
    // metadata to be had from us.
    [[nodiscard]] PeerConnection* take_over(HandedOverPeer peer, bool greet, TimePoint now);
    void take_over_addresses(PeerList peer_list) { peer_list_ = std::move(peer_list); }
    void on_piece_written(PieceIndex piece, PieceVerdict verdict, TimePoint now);

    [[nodiscard]] std::vector<PieceToWrite> take_writes() { return std::exchange(writes_, {}); }
    [[nodiscard]] std::vector<PieceIndex> take_prefetches() { return std::exchange(prefetches_, {}); }

    // Addresses that peers told of (BEP 11) since the last call; not those of peers that are here.
    [[nodiscard]] std::vector<Endpoint> take_heard_peers() { return std::exchange(heard_peers_, {}); }

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
    [[nodiscard]] const meta::Metainfo& metainfo() const { return *metainfo_; }
    [[nodiscard]] TorrentStats stats(TimePoint now) const;
    [[nodiscard]] std::optional<ConnectionId> optimistic_peer() const { return choker_.optimistic_peer(); }
    [[nodiscard]] std::uint64_t buffered_bytes() const { return assembly_.buffered_bytes(); }

  private:
    // torrent.cpp: what happens
    [[nodiscard]] Status take_in(PeerConnection& peer, const wire::Message& message, TimePoint now);
    [[nodiscard]] PeerConnection* insert(PeerConnection peer, TimePoint now);
    void send_extension_handshake(PeerConnection& peer);
    [[nodiscard]] Status on_extended(PeerConnection& peer, const PeerExtended& event, TimePoint now);
    [[nodiscard]] bool exchanges_peers() const;
    [[nodiscard]] bool is_upload_only() const { return is_complete() || !settings_.download; }
    void tell_upload_only();
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
    void drop_if_useless(PeerConnection& peer);
    void emit_message(const char* kind, ConnectionId id, const wire::Message& message, TimePoint now) const;
    // torrent_settle.cpp: what follows
    void settle_chokes(bool round, TimePoint now);
    void offer_fast(PeerConnection& peer);
    void suggest_pieces(PeerConnection& peer);
    void on_requested(PeerConnection& peer, PieceIndex piece);
    void tell_have(PeerConnection& peer, PieceIndex piece, TimePoint now);
    void send_haves(PeerConnection& peer, TimePoint now);
    void refill(PeerConnection& peer, TimePoint now);
    [[nodiscard]] bool relieve_longest_queue(PeerConnection& idle, const meta::Bitfield& has, std::uint32_t room,
                                             TimePoint now);
    [[nodiscard]] static bool waits_for_suggestions(const PeerSession& session, TimePoint now);
    [[nodiscard]] std::uint32_t refill_room(const PeerConnection& peer, TimePoint now) const;
    void count_requests();
    void maintain(PeerConnection& peer, TimePoint now);
    void reclaim_memory(TimePoint now);

    std::shared_ptr<const meta::Metainfo> metainfo_;
    const meta::PieceLayout& layout_;
    StorageId storage_;
    TorrentSettings settings_;
    PiecePicker picker_;
    Choker choker_;
    PieceAssembly assembly_;
    Blame blame_;
    storage::FileState file_state_;
    std::map<PieceIndex, Contributors> in_verification_;
    std::vector<PieceToWrite> writes_;
    std::vector<PieceIndex> prefetches_;
    std::vector<ConnectionId> cancel_scratch_;
    std::vector<PickedBlock> pick_scratch_;
    std::vector<FileRange> range_scratch_;
    std::optional<Error> failure_;
    TimePoint next_tick_;
    TimePoint haves_due_ = kNever;
    FirstCopies first_copies_;
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
    std::vector<Endpoint> heard_peers_;
    std::uint64_t peers_version_ = 1;  // another one when there is something new to tell of our peers
};

}  // namespace bt::swarm
