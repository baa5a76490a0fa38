// A torrent that begins with its info_hash alone: metadata from honest and other peers, and what becomes of the
// connections.

#include "common/base/encoding.h"
#include "common/meta/metainfo_writer.h"
#include "tests/unit/engine/metadata_peer.h"
#include "tracker/tracker_node.h"

using namespace bt;
using namespace bt::test;

namespace {

// Metadata of several blocks: 4,000 pieces.
const TestTorrent& many_pieces() {
    static const TestTorrent torrent =
        sim::make_test_torrent({.size = 4000 * 512, .piece_length = 512, .rng_seed = 78});
    return torrent;
}

Node::Change magnet(std::vector<Endpoint> peers, engine::WireProfile profile = engine::WireProfile::Full) {
    return [=](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.info_hash = options.metainfo->info_hash();
        options.metainfo.reset();
        options.paths.clear();
        options.magnet_peers = peers;
        options.profile = profile;
        options.prepare = [](engine::TorrentOptions& whole) -> Status {
            whole.paths = storage::paths_in(*whole.metainfo, "content");
            return {};
        };
    };
}

}  // namespace

TEST_CASE("a magnet gets its metadata and then the content over the same connection") {
    World world({.rng_seed = 1});
    const TestTorrent& torrent = GENERATE(true, false) ? small_torrent() : many_pieces();
    Node seed(world, torrent, 2, seeds);
    seed.place();
    seed.start();
    const auto profile = GENERATE(engine::WireProfile::Full, engine::WireProfile::Plain);
    Node node(world, torrent, 1, magnet({at(2)}, profile));
    node.start();
    CHECK(node.torrent->state() == engine::TorrentState::FetchingMetadata);
    CHECK(node.torrent->snapshot().word == "fetching metadata");
    CHECK_FALSE(node.torrent->has_metainfo());
    world.simulator().run_for(minutes(1));
    CHECK(node.metadata == 1);
    CHECK(node.running == 1);
    CHECK(node.completed == 1);
    REQUIRE(node.torrent->has_metainfo());
    CHECK(node.torrent->metainfo().info_hash() == torrent.metainfo->info_hash());
    CHECK(sim::check_content(node.env().files(), *torrent.metainfo, node.torrent->options().paths, torrent.content));
    CHECK(node.count("peer_connected") == 1);
    CHECK(seed.count("peer_connected") == 1);
}

TEST_CASE("a plain magnet says its extension handshake first, then asks for metadata, and nothing in between") {
    World world({.rng_seed = 2});
    WireHost host(world, small_torrent(), 2, [](WirePeer& peer) {
        honest(small_torrent()).setup()(peer);
        peer.on_ready = [hello = peer.on_ready](WirePeer& p) {
            p.say_all();  // a bitfield first, as many do
            hello(p);
            p.say(wire::Unchoke{});
        };
    });
    Node node(world, small_torrent(), 1, magnet({at(2)}, engine::WireProfile::Plain));
    node.start();
    world.simulator().run_for(seconds(5));
    CHECK(host.peer().theirs.reserved == std::array<Byte, 8>{0, 0, 0, 0, 0, 0x10, 0, 0});
    REQUIRE(host.peer().heard.size() >= 4);
    CHECK(host.peer().heard[0] == "extended");
    CHECK(host.peer().heard[1] == "extended");
    // Behind the metadata: what the peer told before the layout was known counts.
    CHECK(host.peer().heard[2] == "interested");
    CHECK(host.peer().heard[3] == "request");
    CHECK(node.metadata == 1);
}

TEST_CASE("a plain torrent offers nothing: its reserved bytes are zero, and it does not say what it could") {
    World world({.rng_seed = 3});
    WireHost host(world, small_torrent(), 2, [](WirePeer& peer) {
        serves(0, 16)(peer);
        peer.offers_extensions = true;
    });
    Node node(world, small_torrent(), 1, [](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.profile = engine::WireProfile::Plain;
        options.manual_peers = {at(2)};
    });
    node.start();
    world.simulator().run_for(seconds(5));
    CHECK(host.peer().theirs.reserved == std::array<Byte, 8>{});
    CHECK(host.peer().count("extended") == 0);
    CHECK(host.peer().count("have") == 0);  // it has all the pieces itself
    CHECK(node.completed == 1);
}

TEST_CASE("while the size is not known a magnet announces that one byte is left") {
    World world({.rng_seed = 4});
    SimEnv& tracker_host = world.add_host("tracker", at(9).address);
    tracker::TrackerNode tracker(tracker_host, {}, world.fork_rng(9), {});
    REQUIRE(tracker.start(at(9, 6969)));
    std::vector<std::uint64_t> left;
    Node seed(world, many_pieces(), 2, [](engine::EngineSettings& engine, engine::TorrentOptions& options) {
        seeds(engine, options);
        options.tracker_tiers = {{"http://10.0.0.9:6969/announce"}};
    });
    seed.place();
    seed.start();
    world.simulator().run_for(seconds(1));
    Node node(world, many_pieces(), 1, [&](engine::EngineSettings& engine, engine::TorrentOptions& options) {
        magnet({})(engine, options);
        options.tracker_tiers = {{"http://10.0.0.9:6969/announce"}};
    });
    node.on_event = [&](const telemetry::Event& event) {
        if (event.kind != "announce_sent") return;
        for (const telemetry::Field& field : event.fields) {
            if (field.key == "left") left.push_back(std::get<std::uint64_t>(field.value));
        }
    };
    node.start();
    world.simulator().run_for(minutes(1));
    CHECK(node.completed == 1);
    REQUIRE(left.size() >= 2);
    CHECK(left.front() == 1);
    CHECK(left.back() == 0);
}

TEST_CASE("bad input: a peer whose metadata does not have the info_hash is banned, and another is asked") {
    World world({.rng_seed = 5});
    WireHost bad(world, many_pieces(), 3, liar(many_pieces(), 2).setup());
    Node seed(world, many_pieces(), 2, seeds);
    seed.place();
    Node node(world, many_pieces(), 1, magnet({at(3)}));
    node.start();
    world.simulator().run_for(seconds(5));
    CHECK(node.count("peer_banned", "info_hash") == 1);
    CHECK(node.torrent->state() == engine::TorrentState::FetchingMetadata);
    CHECK(bad.open() == 0);
    seed.start();
    node.torrent->add_peer(at(2), swarm::PeerSource::Tracker);
    world.simulator().run_for(minutes(1));
    CHECK(node.completed == 1);
    CHECK(bad.size() == 1);
}

TEST_CASE("bad input: metadata of the right hash that is no torrent fails the magnet, and says why") {
    World world({.rng_seed = 6});
    const std::string info =
        GENERATE(as<std::string>(), "this is no bencode", "d4:name1:xe",
                 // two values in the place of one
                 "d6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae1:zi1e");
    const ByteView bytes = as_bytes(info);
    WireHost host(world, small_torrent(), 2, [&](WirePeer& peer) {
        MetadataPeer{bytes.size(),
                     [=](WirePeer& p, std::uint8_t id, std::uint32_t block) { send_block(p, id, block, bytes); }}
            .setup()(peer);
        peer.info_hash = crypto::sha1(bytes);
    });
    Node node(world, small_torrent(), 1, [&](engine::EngineSettings& engine, engine::TorrentOptions& options) {
        magnet({at(2)})(engine, options);
        options.info_hash = crypto::sha1(bytes);
    });
    node.start();
    world.simulator().run_for(seconds(5));
    CHECK(node.failed == 1);
    REQUIRE(node.failure);
    CHECK((node.failure->code == ErrorCode::InvalidMetainfo || node.failure->code == ErrorCode::InvalidBencode));
    CHECK(node.torrent->snapshot().word == "failed");
    node.engine->stop();
    world.simulator().run_for(seconds(5));
    CHECK(node.engine_stopped == 1);
}

TEST_CASE("a magnet that nobody serves stays where it is, rejects who asks it, and stops in order") {
    World world({.rng_seed = 7});
    Node one(world, small_torrent(), 1, magnet({at(2)}));
    Node two(world, small_torrent(), 2, magnet({at(1)}));
    one.start();
    two.start();
    world.simulator().run_for(minutes(5));
    CHECK(one.torrent->snapshot().word == "fetching metadata");
    CHECK(one.torrent->snapshot().stats.connected == 1);
    CHECK(two.torrent->snapshot().stats.connected == 1);
    CHECK(one.count("peer_disconnected", "silent") == 0);
    one.engine->stop();
    two.engine->stop();
    world.simulator().run_for(seconds(5));
    CHECK(one.engine_stopped == 1);
    CHECK(two.engine_stopped == 1);
}

TEST_CASE("a magnet gives its metadata to another one as soon as it has it") {
    World world({.rng_seed = 8});
    // The seed serves one connection: the second magnet can learn from the first alone.
    Node seed(world, many_pieces(), 3, [](engine::EngineSettings& engine, engine::TorrentOptions& options) {
        seeds(engine, options);
        options.max_connections = 1;
    });
    seed.place();
    Node first(world, many_pieces(), 1, magnet({at(3)}));
    Node second(world, many_pieces(), 2, magnet({at(1)}));
    first.start();
    second.start();
    world.simulator().run_for(seconds(20));
    CHECK(second.torrent->snapshot().stats.connected == 1);
    CHECK(second.metadata == 0);
    seed.start();
    world.simulator().run_for(minutes(2));
    CHECK(first.completed == 1);
    CHECK(second.completed == 1);
}

TEST_CASE("a private magnet leaves the peers that only its link named, and keeps the tracker's and the user's") {
    World world({.rng_seed = 9});
    meta::TorrentDescription description;
    description.name = "content";
    description.files = {{"content", 3}};
    description.piece_length = 16384;
    description.piece_hashes = {crypto::sha1(as_bytes("abc"))};
    description.is_private = true;
    const auto bytes = meta::write_metainfo(description).value();
    TestTorrent torrent{to_buffer(as_bytes("abc")),
                        std::make_shared<const meta::Metainfo>(meta::Metainfo::parse(bytes).value())};
    // It has the metadata and nothing else, so nobody leaves for another reason.
    const auto poor = honest(torrent).setup();
    WireHost of_link(world, torrent, 2, poor);
    WireHost of_user(world, torrent, 3, poor);
    WireHost of_tracker(world, torrent, 4, poor);
    Node node(world, torrent, 1, [&](engine::EngineSettings& engine, engine::TorrentOptions& options) {
        magnet({at(2), at(4)})(engine, options);
        options.manual_peers = {at(3)};
    });
    node.start();
    node.torrent->add_peer(at(4), swarm::PeerSource::Tracker);
    world.simulator().run_for(seconds(20));
    CHECK(node.metadata == 1);
    CHECK(node.torrent->metainfo().is_private());
    CHECK(of_link.open() == 0);
    CHECK(of_user.open() == 1);
    CHECK(of_tracker.open() == 1);
    node.torrent->add_peer(at(2), swarm::PeerSource::Exchange);
    world.simulator().run_for(seconds(20));
    CHECK(of_link.open() == 0);
}

TEST_CASE("what peers told before the layout was known is judged when it is known: a wrong bitfield drops its sender") {
    World world({.rng_seed = 10});
    WireHost odd(world, small_torrent(), 3, [](WirePeer& peer) {
        honest(small_torrent()).setup()(peer);
        peer.on_ready = [hello = peer.on_ready](WirePeer& p) {
            const ByteBuffer bits(9);
            p.say(wire::Bitfield{bits});
            hello(p);
        };
    });
    Node node(world, small_torrent(), 1, magnet({at(3)}));
    node.start();
    world.simulator().run_for(seconds(5));
    CHECK(node.metadata == 1);
    CHECK(node.count("peer_disconnected", "bitfield") == 1);
}

TEST_CASE("a magnet whose content is there already is complete when it is checked") {
    World world({.rng_seed = 11});
    Node seed(world, small_torrent(), 2, seeds);
    seed.place();
    seed.start();
    Node node(world, small_torrent(), 1, magnet({at(2)}));
    sim::place_content(node.env().files(), *small_torrent().metainfo,
                       storage::paths_in(*small_torrent().metainfo, "content"), small_torrent().content);
    node.start();
    world.simulator().run_for(seconds(30));
    CHECK(node.metadata == 1);
    CHECK(node.running == 1);
    CHECK(node.completed == 0);
    CHECK(node.torrent->is_complete());
}
