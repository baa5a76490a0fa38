#pragma once

// Which block of the metadata (BEP 9) to ask of whom, until a copy has the info_hash. Pure: no I/O, no clock.
//
// Rules
//  - A size is believed of nobody: each size that a peer names is a candidate of its own, filled only by the peers that
//    name it, and its memory grows with the blocks that come. Sizes over kMaxMetadataSize are not asked for. A peer
//    that names another size later breaks BEP 9 and is dropped.
//  - A peer that speaks ut_metadata but names no size (it may have got the metadata since, or never say) is asked for
//    block 0 once in probe_every; the answer names the size.
//  - At most max_outstanding requests a peer. One that is not answered within request_timeout is free for others, and
//    the peer is asked again after back_off; so is one that rejects. A late answer is taken all the same. A block
//    that was never asked of this peer, or has the wrong size for its candidate, is a breach.
//  - A whole candidate is hashed. Wrong: if all blocks came from one address, that address is banned. If not, somebody
//    lied and nobody knows who: digests and senders of the blocks are kept, and the candidate is fetched again from one
//    peer alone, which the verdict then falls on; the next peer's turn comes when it is gone, times out or rejects.
//    When a good copy is there, everybody whose kept block differs from it is banned too.
//  - All candidates together hold at most max_memory bytes. Over it the candidate with the fewest peers (then the
//    larger size) loses its blocks, so that liars cannot keep an honest candidate out by filling the memory.
//  - Choices depend on ids and sizes only, so a run repeats.
//
// Cost: a message O(log n); pick() O(peers + blocks asked for); one SHA-1 of the whole when a candidate is full.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "common/wire/ut_metadata.h"

namespace bt::swarm {

struct MetadataDownloadSettings {
    std::uint32_t max_outstanding = 4;  // requests a peer
    Duration request_timeout = seconds(10);
    Duration back_off = seconds(30);     // after a reject or a time-out
    Duration probe_every = seconds(30);  // of a peer that names no size
    std::uint64_t max_memory = 2 * wire::kMaxMetadataSize;
};

struct MetadataAsk {
    ConnectionId peer;
    std::uint32_t block = 0;
};

struct MetadataProgress {
    std::uint64_t size = 0;          // of the candidate that is furthest; 0: none is known
    std::uint64_t received = 0;      // bytes of it
    std::uint32_t peers = 0;         // that may be asked for anything
    std::uint32_t wrong_copies = 0;  // whole candidates that did not have the info_hash
};

class MetadataDownload {
  public:
    MetadataDownload(const InfoHash& info_hash, MetadataDownloadSettings settings);

    // The peer speaks ut_metadata; again whenever its extension handshake comes again. Error: it changed its mind
    // about the size.
    [[nodiscard]] Status on_peer(ConnectionId peer, const Address& address, std::optional<std::uint64_t> size);
    void on_peer_gone(ConnectionId peer);
    [[nodiscard]] Status on_data(ConnectionId peer, const wire::MetadataData& data);
    void on_reject(ConnectionId peer, std::uint32_t block, TimePoint now);

    // What to ask now; each is outstanding from then on.
    [[nodiscard]] std::vector<MetadataAsk> pick(TimePoint now);
    [[nodiscard]] TimePoint next_deadline() const;
    void on_deadline(TimePoint now);

    // The raw bytes of `info`, once a copy has the right hash.
    [[nodiscard]] const std::optional<ByteBuffer>& metadata() const { return metadata_; }
    // Addresses that were found to have sent what is wrong; each is answered once.
    [[nodiscard]] std::vector<Address> take_liars();
    [[nodiscard]] MetadataProgress progress() const;

    void check_invariants() const;

  private:
    struct Peer {
        Address address;
        std::uint64_t size = 0;  // 0: not named
        bool too_large = false;
        std::map<std::uint32_t, TimePoint> outstanding;  // block -> when it expires
        std::set<std::uint32_t> asked;                   // ever, of its candidate
        TimePoint ask_again_at{};
    };
    struct Block {
        ByteBuffer bytes;
        Address from;
    };
    struct Suspicion {
        std::uint32_t block = 0;
        Sha1Digest digest{};
        Address from;
    };
    struct Candidate {
        std::map<std::uint32_t, Block> blocks;
        std::uint64_t bytes = 0;
        bool one_peer_alone = false;
        std::optional<ConnectionId> alone;  // whose turn it is
        std::vector<Suspicion> suspicions;
    };

    void name_size(Peer& peer, std::uint64_t size);
    void ask(ConnectionId id, Peer& peer, std::uint32_t block, TimePoint now, std::vector<MetadataAsk>& asks);
    using Asked = std::set<std::pair<std::uint64_t, std::uint32_t>>;  // size, block: outstanding somewhere
    void pick_blocks(ConnectionId id, Peer& peer, TimePoint now, Asked& asked, std::vector<MetadataAsk>& asks);
    [[nodiscard]] bool may_fill(ConnectionId id, Candidate& candidate);
    void back_off(ConnectionId id, Peer& peer, TimePoint now);
    void end_turn_alone(ConnectionId id, const Peer& peer);
    void store(const Peer& peer, const wire::MetadataData& data);
    void judge(std::uint64_t size);
    void forget_blocks(Candidate& candidate);
    void accuse(const Address& address);
    void make_room();
    [[nodiscard]] std::uint32_t supporters(std::uint64_t size) const;

    InfoHash info_hash_;
    MetadataDownloadSettings settings_;
    std::map<ConnectionId, Peer> peers_;
    std::map<std::uint64_t, Candidate> candidates_;  // by size
    std::set<Address> accused_;
    std::vector<Address> liars_;
    std::optional<ByteBuffer> metadata_;
    std::uint64_t buffered_ = 0;
    std::uint32_t wrong_copies_ = 0;
};

}  // namespace bt::swarm
