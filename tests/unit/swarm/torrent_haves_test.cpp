// When a torrent tells its peers of a piece that it got.

#include <deque>
#include <map>

#include "common/swarm/torrent.h"
#include "tests/sim/support/test_torrent.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::swarm;

namespace {

class HavesTold final : public telemetry::EventSink {
  public:
    [[nodiscard]] bool wants(telemetry::Level) const override { return true; }
    void on_event(const telemetry::Event& event) override {
        if (event.kind != "message_sent") return;
        std::string_view message;
        std::uint64_t piece = 0;
        for (const telemetry::Field& field : event.fields) {
            if (field.key == "message") message = std::get<std::string_view>(field.value);
            if (field.key == "piece") piece = std::get<std::uint64_t>(field.value);
        }
        if (message == "have") told[event.connection->value()].push_back(piece);
        if (message == "request") asked.push_back(piece);
    }
    std::map<std::uint32_t, std::vector<std::uint64_t>> told;  // by connection
    std::deque<std::uint64_t> asked;
};

// A torrent of eight pieces of one block, and peers on connections 1, 2, …
struct HavesBench {
    HavesBench() : torrent(make()) {}

    std::unique_ptr<Torrent> make() {
        TorrentSettings settings;
        settings.choker.regular_slots = 1;
        return std::make_unique<Torrent>(content.metainfo, meta::Bitfield(8), StorageId(1), settings,
                                         telemetry::Telemetry(&events), Rng(1));
    }
    PeerConnection& connect() {
        const ConnectionId id(++connections);
        wire::Handshake handshake;
        handshake.peer_id.fill(static_cast<Byte>(connections));
        const Endpoint endpoint{Address::v4({10, 0, 0, static_cast<Byte>(connections)}), 6881};
        const auto peer = torrent->on_peer_connected(id, endpoint, false, handshake, now);
        REQUIRE(peer);
        return **peer;
    }
    // One that sends to us, three that want something of us, of whom two may have it, and one that does not yet.
    void connect_five() {
        seed = &connect();
        unchoked = &connect();
        optimistic = &connect();
        choked = &connect();
        not_interested = &connect();
        torrent->on_deadline(now);
        meta::Bitfield all(8);
        all.set_all();
        say(*seed, wire::Bitfield{all.wire()});
        say(*seed, wire::Unchoke{});
        for (PeerConnection* peer : {unchoked, optimistic, choked}) say(*peer, wire::Interested{});
        settle();
        if (optimistic->session->am_choking()) std::swap(optimistic, choked);  // the slot was drawn
        REQUIRE_FALSE(unchoked->session->am_choking());
        REQUIRE_FALSE(optimistic->session->am_choking());
        REQUIRE(choked->session->am_choking());
    }
    [[nodiscard]] std::vector<std::uint64_t> told(const PeerConnection& peer) {
        return events.told[peer.session->id().value()];
    }
    void say(PeerConnection& peer, const wire::Message& message) { REQUIRE(torrent->on_message(peer, message, now)); }
    // Everything in the outputs goes out.
    void settle() {
        torrent->settle(now);
        for (const auto& [id, peer] : torrent->connections()) peer.session->output().clear();
    }
    // One piece comes from the seed and is verified.
    std::uint64_t get_piece() {
        settle();
        REQUIRE_FALSE(events.asked.empty());
        const PieceIndex piece(static_cast<std::uint32_t>(events.asked.front()));
        events.asked.pop_front();
        say(*seed, wire::Piece{piece.value(), 0, content.piece(piece)});
        settle();
        for (PieceToWrite& write : torrent->take_writes()) {
            torrent->on_piece_written(write.piece, {std::move(write.buffer), true, {}, {}}, now);
        }
        settle();
        return piece.value();
    }

    sim::TestTorrent content =
        sim::make_test_torrent({.size = 8 * kBlockSize, .piece_length = kBlockSize, .rng_seed = 1});
    HavesTold events;
    TimePoint now{seconds(1)};
    std::uint32_t connections = 0;
    PeerConnection *seed = nullptr, *unchoked = nullptr, *optimistic = nullptr, *choked = nullptr;
    PeerConnection* not_interested = nullptr;
    std::unique_ptr<Torrent> torrent;
};

}  // namespace

TEST_CASE("who can act on a have hears it at once, the others within the wait and in one go") {
    HavesBench f;
    f.connect_five();
    using Told = std::vector<std::uint64_t>;
    const std::uint64_t first = f.get_piece();
    for (const PeerConnection* peer : {f.unchoked, f.optimistic, f.not_interested}) CHECK(f.told(*peer) == Told{first});
    for (const PeerConnection* peer : {f.seed, f.choked}) CHECK(f.told(*peer).empty());
    CHECK(f.torrent->next_deadline() == f.now + kHaveWait);

    f.now += kHaveWait / 2;
    const std::uint64_t second = f.get_piece();
    CHECK(f.told(*f.seed) == Told{first});  // a request to the seed took it along
    CHECK(f.told(*f.choked).empty());
    f.now += kHaveWait / 2;
    f.torrent->on_deadline(f.now);
    f.settle();
    for (const auto& [id, peer] : f.torrent->connections()) CHECK(f.told(peer) == Told{first, second});
    CHECK(f.torrent->next_deadline() > f.now + kHaveWait);
}

TEST_CASE("a have that waits goes out before its time with whatever else is said to the peer") {
    HavesBench f;
    f.connect_five();
    const std::uint64_t piece = f.get_piece();
    CHECK(f.told(*f.choked).empty());
    f.say(*f.unchoked, wire::NotInterested{});  // its slot is free
    f.settle();
    CHECK_FALSE(f.choked->session->am_choking());
    CHECK(f.told(*f.choked) == std::vector<std::uint64_t>{piece});
}
