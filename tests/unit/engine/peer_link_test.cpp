// Connections from the dial to the end: handshakes in every shape, time-outs, duplicates, limits.

#include "common/engine/peer_link.h"

#include "tests/unit/engine/support.h"

using namespace bt;
using namespace bt::test;

namespace {

ByteBuffer handshake_of(const InfoHash& info_hash, char id) {
    wire::Handshake handshake;
    handshake.info_hash = info_hash;
    handshake.peer_id.fill(static_cast<Byte>(id));
    const auto bytes = handshake.encode();
    return {bytes.begin(), bytes.end()};
}

InfoHash other_torrent() {
    InfoHash hash = small_torrent().metainfo->info_hash();
    hash[19] = static_cast<Byte>(hash[19] ^ 1);
    return hash;
}

}  // namespace

TEST_CASE("a handshake cut anywhere is a handshake, on either side") {
    World world({.rng_seed = 1});
    Node node(world, small_torrent(), 1, dials({at(2)}));
    node.start();
    std::size_t cut = 1;
    // The dialled side answers in two parts as well.
    WireHost dialled(world, small_torrent(), 2, [&](WirePeer& peer) {
        peer.greets = false;
        peer.on_ready = [&](WirePeer& p) {
            const ByteBuffer bytes = p.handshake();
            p.send(ByteView(bytes).first(33));
            world.simulator().schedule(world.now() + milliseconds(200), std::nullopt,
                                       [&p, bytes] { p.send(ByteView(bytes).subspan(33)); });
        };
    });
    WireHost dialling(world, small_torrent(), 3);
    world.simulator().run_for(seconds(1));
    CHECK(node.count("peer_connected") == 1);
    for (; cut < wire::kHandshakeSize; ++cut) {
        CAPTURE(cut);
        const std::size_t before = node.count("peer_connected");
        WirePeer& peer = dialling.dial(at(1), [](WirePeer& p) { p.greets = false; });
        const ByteBuffer bytes = handshake_of(small_torrent().metainfo->info_hash(), static_cast<char>(cut));
        peer.send(ByteView(bytes).first(cut));
        world.simulator().run_for(milliseconds(200));
        CHECK(node.count("peer_connected") == before);
        CHECK(peer.is_open());
        peer.send(ByteView(bytes).subspan(cut));
        world.simulator().run_for(milliseconds(200));
        REQUIRE(node.count("peer_connected") == before + 1);
        CHECK(peer.greeted());
        peer.close();
        world.simulator().run_for(milliseconds(200));
    }
}

TEST_CASE("a handshake whose connection ends at any byte leaves nothing behind") {
    World world({.rng_seed = 2});
    Node node(world, small_torrent(), 1);
    node.start();
    WireHost dialling(world, small_torrent(), 3);
    for (std::size_t cut = 0; cut < wire::kHandshakeSize; ++cut) {
        WirePeer& peer = dialling.dial(at(1), [](WirePeer& p) { p.greets = false; });
        const ByteBuffer bytes = peer.handshake();
        peer.send(ByteView(bytes).first(cut));
        world.simulator().run_for(milliseconds(200));
        peer.close();
        world.simulator().run_for(milliseconds(200));
        CAPTURE(cut);
        CHECK(node.count("peer_disconnected") == cut + 1);
    }
    CHECK(node.count("peer_connected") == 0);
    CHECK(world.network().open_streams(node.env().host()) == 0);
}

TEST_CASE("an accepted peer of another torrent is refused without an answer") {
    World world({.rng_seed = 3});
    Node node(world, small_torrent(), 1);
    node.start();
    WireHost stranger(world, small_torrent(), 2);
    WirePeer& peer = stranger.dial(at(1), [](WirePeer& p) { p.greets = false; });
    peer.send(handshake_of(other_torrent(), 'x'));
    world.simulator().run_for(seconds(1));
    CHECK_FALSE(peer.is_open());
    CHECK_FALSE(peer.greeted());
    CHECK(node.count("peer_disconnected", "unknown info_hash") == 1);
}

TEST_CASE("a dialled peer that answers with another info_hash is left, and the next dial is not lost with it") {
    World world({.rng_seed = 4});
    const bool in_one_piece = GENERATE(true, false);
    // Only one connection may be half-open at a time: whoever is not counted out blocks the other.
    Node node(world, small_torrent(), 1, [](engine::EngineSettings& settings, engine::TorrentOptions& options) {
        settings.dial.max_half_open = 1;
        options.manual_peers = {at(2)};
    });
    WireHost wrong(world, small_torrent(), 2, [&](WirePeer& peer) {
        peer.greets = false;
        peer.on_ready = [&](WirePeer& p) {
            const ByteBuffer bytes = handshake_of(other_torrent(), 'x');
            p.send(ByteView(bytes).first(in_one_piece ? bytes.size() : 48));
        };
    });
    WireHost right(world, small_torrent(), 3, serves(0, 16));
    node.start();
    world.simulator().run_for(seconds(1));
    CHECK(node.count("peer_disconnected", "another info_hash") == 1);
    node.torrent->add_peer(at(3), swarm::PeerSource::Manual);
    world.simulator().run_for(seconds(4));
    CHECK(node.count("peer_connected") == 1);
    CHECK(node.completed == 1);
}

TEST_CASE("a node that dials itself notices, and never does it again") {
    World world({.rng_seed = 5});
    Node node(world, small_torrent(), 1, dials({at(1), at(2)}));
    WireHost right(world, small_torrent(), 2, withholds(0, 16));
    node.start();
    world.simulator().run_for(minutes(5));
    CHECK(node.count("peer_disconnected", "connected to ourselves") >= 1);
    CHECK(node.count("dialing") >= 2);
    std::size_t to_itself = right.size();
    CHECK(node.count("dialing") == to_itself + 1);
    CHECK(node.torrent->snapshot().stats.known == 1);
}

TEST_CASE("of two connections that two nodes make to each other at once the same one survives on both sides") {
    const std::uint64_t rng_seed = GENERATE(range(1, 9));
    World world({.rng_seed = rng_seed});
    Node a(world, small_torrent(), 1, dials({at(2)}));
    Node b(world, small_torrent(), 2,
           [](engine::EngineSettings&, engine::TorrentOptions& options) { options.manual_peers = {at(1)}; });
    // Different moments within one round trip change who sees which handshake first.
    const Duration lag = milliseconds(GENERATE(0, 5, 19, 20, 21, 35, 40, 45, 60, 79));
    CAPTURE(rng_seed, lag.count());
    a.start();
    world.simulator().run_for(lag);
    b.start();
    world.simulator().run_for(seconds(3));
    CHECK(a.torrent->snapshot().stats.connected == 1);
    CHECK(b.torrent->snapshot().stats.connected == 1);
    CHECK(world.network().open_streams(a.env().host()) == 1);
    CHECK(world.network().open_streams(b.env().host()) == 1);
    const auto& of_a = a.torrent->torrent()->connections().begin()->second;
    const auto& of_b = b.torrent->torrent()->connections().begin()->second;
    CHECK(of_a.outgoing != of_b.outgoing);
    // They stay together.
    world.simulator().run_for(minutes(3));
    CHECK(a.torrent->snapshot().stats.connected == 1);
    CHECK(b.torrent->snapshot().stats.connected == 1);
    // And leave it at that: the address that was dialled in vain rests while its peer is here by another way.
    CHECK(a.count("dialing") + b.count("dialing") <= 4);
}

TEST_CASE("a peer that connects twice keeps its first connection") {
    World world({.rng_seed = 6});
    Node node(world, small_torrent(), 1);
    node.start();
    WireHost peer(world, small_torrent(), 2);
    WirePeer& first = peer.dial(at(1));
    world.simulator().run_for(seconds(1));
    WirePeer& second = peer.dial(at(1));
    world.simulator().run_for(seconds(1));
    CHECK(first.is_open());
    CHECK_FALSE(second.is_open());
    CHECK(node.count("peer_disconnected", "already") == 1);
}

TEST_CASE("an accepted connection has 10 s for its handshake") {
    World world({.rng_seed = 7});
    Node node(world, small_torrent(), 1);
    node.start();
    WireHost slow(world, small_torrent(), 2);
    const bool says_info_hash = GENERATE(false, true);
    WirePeer& peer = slow.dial(at(1), [](WirePeer& p) { p.greets = false; });
    const ByteBuffer bytes = peer.handshake();
    if (says_info_hash) peer.send(ByteView(bytes).first(60));
    const TimePoint accepted = world.now() + milliseconds(20);
    world.simulator().run_until(accepted + engine::kHandshakeTimeout - milliseconds(1));
    CHECK(peer.is_open());
    CHECK(node.count("peer_disconnected") == 0);
    world.simulator().run_until(accepted + engine::kHandshakeTimeout + milliseconds(30));
    CHECK_FALSE(peer.is_open());
    CHECK(node.count("peer_disconnected", "no handshake") == 1);
}

TEST_CASE("a dial has 10 s to connect and 10 s more for the handshake") {
    World world({.rng_seed = 8});
    const bool answers = GENERATE(true, false);
    Node node(world, small_torrent(), 1, dials({at(2)}));
    WireHost silent(world, small_torrent(), 2, [](WirePeer& peer) { peer.greets = false; });
    if (!answers) world.network().partition(silent.env().host());
    node.start();
    world.simulator().run_for(seconds(30));
    const auto dialled = node.first("dialing");
    REQUIRE(dialled);
    if (answers) {
        REQUIRE(node.first("peer_disconnected"));
        CHECK(node.first("peer_disconnected", "no handshake") == *dialled + milliseconds(40) + seconds(10));
        CHECK(silent.peer().closed_at() == *dialled + milliseconds(60) + seconds(10));
    } else {
        CHECK(node.first("peer_disconnected", "not connected") == *dialled + seconds(10));
    }
    // Tried again after the first retry time.
    CHECK(node.count("dialing") == 2);
}

TEST_CASE("dials that come to nothing, of every kind, leave room for the ones that do") {
    World world({.rng_seed = 9});
    std::vector<Endpoint> dead;
    for (Byte host = 20; host < 60; ++host) dead.push_back(at(host));             // no such hosts
    for (std::uint16_t port = 1; port < 20; ++port) dead.push_back(at(3, port));  // refused
    for (Byte host = 60; host < 70; ++host) dead.push_back(at(host));
    Node node(world, small_torrent(), 1, [&](engine::EngineSettings& settings, engine::TorrentOptions& options) {
        settings.dial.max_half_open = 4;
        options.manual_peers = dead;
    });
    std::vector<std::unique_ptr<WireHost>> hosts;
    const auto add = [&](Byte host, WireHost::Setup setup) {
        hosts.push_back(std::make_unique<WireHost>(world, small_torrent(), host, std::move(setup)));
    };
    add(3, serves(0, 16));
    add(60, [](WirePeer& p) { p.greets = false; });                             // mute
    add(61, [](WirePeer& p) { p.on_ready = [](WirePeer& q) { q.close(); }; });  // hangs up
    add(62, [&](WirePeer& p) {                                                  // says it is us
        p.greets = false;
        p.on_ready = [&](WirePeer& q) {
            q.set_peer_id(node.engine->peer_id());
            q.send(q.handshake());
        };
    });
    add(63, [](WirePeer& p) {
        p.greets = false;
        p.on_ready = [](WirePeer& q) { q.send(handshake_of(other_torrent(), 'x')); };
    });
    add(64, [](WirePeer& p) {
        p.greets = false;
        p.on_ready = [](WirePeer& q) { q.send(ByteBuffer(68, Byte{7})); };
    });
    add(65, [](WirePeer& p) { p.on_ready = [](WirePeer& q) { q.send(ByteBuffer(8, Byte{0xff})); }; });
    node.start();
    world.simulator().run_for(minutes(10));
    node.torrent->add_peer(at(3), swarm::PeerSource::Manual);
    world.simulator().run_for(seconds(90));
    CHECK(node.completed == 1);
}

TEST_CASE("a node does not dial more often than 30 times in any second, nor more than its half-open limit at once") {
    World world({.rng_seed = 10});
    std::vector<Endpoint> peers;
    for (Byte host = 100; host < 220; ++host) peers.push_back(at(host));
    const std::uint32_t half_open = GENERATE(100u, 7u);
    Node node(world, small_torrent(), 1, [&](engine::EngineSettings& settings, engine::TorrentOptions& options) {
        settings.dial.max_half_open = half_open;
        options.max_connections = 500;
        options.manual_peers = peers;
    });
    node.start();
    world.simulator().run_for(seconds(60));
    std::vector<TimePoint> dials;
    for (const auto& seen : node.seen) {
        if (seen.kind == "dialing") dials.push_back(seen.time);
    }
    REQUIRE(dials.size() >= (half_open == 100 ? 120u : 30u));
    for (std::size_t i = 30; i < dials.size(); ++i) CHECK(dials[i] - dials[i - 30] >= seconds(1));
    // Nobody answers: each dial takes a place until it has failed.
    std::size_t under_way = 0;
    std::size_t most = 0;
    for (const auto& seen : node.seen) {
        if (seen.kind == "dialing") most = std::max(most, ++under_way);
        if (seen.kind == "peer_disconnected") --under_way;
    }
    CHECK(most == std::min<std::size_t>(half_open, 30));   // a dial to nowhere fails within a second here
}

TEST_CASE("no more than 30 dials in any second, also across the borders of full seconds") {
    engine::DialBudget budget({.max_half_open = 1000, .dials_per_second = 30});
    TimePoint now(seconds(5));
    CHECK(budget.take(now));
    now += milliseconds(990);
    for (int i = 0; i < 29; ++i) CHECK(budget.take(now));
    CHECK_FALSE(budget.take(now));
    now += milliseconds(10);  // the first one is a second old now, the others are not
    CHECK(budget.take(now));
    CHECK_FALSE(budget.take(now));
    CHECK(budget.next_window(now) == TimePoint(seconds(5)) + milliseconds(1990));
    now = budget.next_window(now);
    CHECK(budget.take(now));
}

TEST_CASE("a peer is left after 120 s of silence, and not before") {
    World world({.rng_seed = 11});
    Node node(world, small_torrent(), 1);
    node.start();
    WireHost host(world, small_torrent(), 2);
    const bool keeps_alive = GENERATE(false, true);
    WirePeer& peer = host.dial(at(1));
    world.simulator().run_for(milliseconds(100));
    const TimePoint greeted = world.now();
    if (keeps_alive) {
        world.simulator().run_for(seconds(110));
        peer.say(wire::KeepAlive{});
        world.simulator().run_until(greeted + seconds(110 + 115));
        CHECK(peer.is_open());
    } else {
        world.simulator().run_until(greeted + seconds(119));
        CHECK(peer.is_open());
        world.simulator().run_until(greeted + seconds(122));
        CHECK_FALSE(peer.is_open());
        CHECK(node.count("peer_disconnected", "silent") == 1);
    }
}

TEST_CASE("a peer whose block takes minutes is not silent while its bytes come") {
    World world({.rng_seed = 12});
    Node node(world, small_torrent(), 1);
    node.start();
    WireHost host(world, small_torrent(), 2);
    WirePeer& peer = host.dial(at(1), serves(0, 0));
    ByteBuffer message;
    wire::encode_piece_header(0, 0, 16384, message);
    message.resize(message.size() + 16383);
    world.simulator().run_for(seconds(1));
    for (int i = 0; i < 100; ++i) {
        peer.send(ByteView(message).subspan(static_cast<std::size_t>(i) * 40, 40));
        world.simulator().run_for(seconds(2));
        REQUIRE(peer.is_open());
    }
}

TEST_CASE("a keep-alive goes out after 100 s without anything else to say, and once") {
    World world({.rng_seed = 13});
    Node node(world, small_torrent(), 1);
    node.start();
    WireHost host(world, small_torrent(), 2);
    WirePeer& peer = host.dial(at(1));
    world.simulator().run_for(milliseconds(100));
    for (int i = 0; i < 9; ++i) {
        world.simulator().run_for(seconds(11));
        peer.say(wire::KeepAlive{});
    }
    CHECK(peer.count("keep_alive") == 0);
    world.simulator().run_for(seconds(3));
    CHECK(peer.count("keep_alive") == 1);
    peer.say(wire::KeepAlive{});
    world.simulator().run_for(seconds(97));
    CHECK(peer.count("keep_alive") == 1);
    world.simulator().run_for(seconds(5));
    CHECK(peer.count("keep_alive") == 2);
}

TEST_CASE("an accepting node takes max_connections peers and no more, and a place that is free again") {
    World world({.rng_seed = 14});
    Node node(world, small_torrent(), 1,
              [](engine::EngineSettings&, engine::TorrentOptions& o) { o.max_connections = 3; });
    node.start();
    std::vector<std::unique_ptr<WireHost>> hosts;
    for (Byte host = 2; host < 7; ++host) {
        hosts.push_back(std::make_unique<WireHost>(world, small_torrent(), host));
        hosts.back()->dial(at(1));
        world.simulator().run_for(seconds(1));
    }
    CHECK(node.torrent->snapshot().stats.connected == 3);
    CHECK(hosts[2]->open() == 1);
    CHECK(hosts[3]->open() == 0);
    CHECK(node.count("peer_disconnected", "no connections now") == 2);
    hosts[0]->peer().close();
    world.simulator().run_for(seconds(1));
    hosts[4]->dial(at(1));
    world.simulator().run_for(seconds(1));
    CHECK(node.torrent->snapshot().stats.connected == 3);
    CHECK(hosts[4]->open() == 1);
}

TEST_CASE("a dialling node makes max_connections connections, and dials another when one ends") {
    World world({.rng_seed = 15});
    std::vector<Endpoint> peers;
    for (Byte host = 2; host < 9; ++host) peers.push_back(at(host));
    Node node(world, small_torrent(), 1, [&](engine::EngineSettings&, engine::TorrentOptions& o) {
        o.max_connections = 3;
        o.manual_peers = peers;
    });
    std::vector<std::unique_ptr<WireHost>> hosts;
    for (const Endpoint& peer : peers) {
        hosts.push_back(std::make_unique<WireHost>(world, small_torrent(), peer.address.bytes()[3]));
    }
    const auto open = [&] {
        std::size_t count = 0;
        for (const auto& host : hosts) count += host->open();
        return count;
    };
    node.start();
    world.simulator().run_for(seconds(5));
    CHECK(open() == 3);
    CHECK(node.count("dialing") == 3);
    for (const auto& host : hosts) {
        if (host->size() == 0) continue;
        host->peer().close();
        break;
    }
    world.simulator().run_for(seconds(1));
    CHECK(open() == 3);
    CHECK(node.count("dialing") == 4);
}

TEST_CASE("two seeds that meet part") {
    World world({.rng_seed = 16});
    Node a(world, small_torrent(), 1, [](engine::EngineSettings& s, engine::TorrentOptions& o) {
        seeds(s, o);
        o.manual_peers = {at(2)};
    });
    Node b(world, small_torrent(), 2, seeds);
    a.place();
    b.place();
    a.start();
    b.start();
    world.simulator().run_for(seconds(3));
    CHECK(a.running == 1);
    CHECK(a.count("peer_connected") == 1);
    CHECK(a.torrent->snapshot().stats.connected == 0);
    CHECK(b.torrent->snapshot().stats.connected == 0);
    CHECK(a.count("peer_disconnected", "everything") + b.count("peer_disconnected", "everything") >= 1);
}

TEST_CASE("what is waiting for a peer that does not read has a bound") {
    World world({.rng_seed = 17, .network = {.send_buffer = 1000}});
    Node node(world, small_torrent(), 1, [](engine::EngineSettings& settings, engine::TorrentOptions& options) {
        seeds(settings, options);
        options.swarm.max_unread = 10'000;
    });
    node.place();
    node.start();
    WireHost host(world, small_torrent(), 2);
    WirePeer& peer = host.dial(at(1));
    world.simulator().run_for(seconds(1));
    peer.pause();
    // As many answers as it likes to ask for do not hurt: they are not made before there is room.
    peer.say(wire::Interested{});
    world.simulator().run_for(seconds(1));
    for (std::uint32_t i = 0; i < 500; ++i) peer.say(wire::Request{i % 16, 0, kBlockSize});
    world.simulator().run_for(seconds(3));
    CHECK(peer.is_open());
    // A change of interest a turn is a choke or an unchoke a turn.
    bool interested = true;
    int turns = 0;
    for (; turns < 20'000 && node.torrent->snapshot().stats.connected == 1; ++turns) {
        interested = !interested;
        peer.say(interested ? wire::Message(wire::Interested{}) : wire::Message(wire::NotInterested{}));
        world.simulator().run_for(milliseconds(1));
    }
    CHECK(node.count("peer_disconnected", "does not read") == 1);
    CHECK(turns >= 10'000 / 5);
    CHECK(turns <= (10'000 + 9 * 16 + 2 * 32 * 1024) / 5);
}

TEST_CASE("a piece that a peer takes back is of no interest any more, and may come again") {
    World world({.rng_seed = 41});
    Node node(world, small_torrent(), 1);
    node.start();
    WireHost host(world, small_torrent(), 2);
    WirePeer& peer = host.dial(at(1), [](WirePeer& p) {
        p.offers_extensions = true;
        p.on_ready = [](WirePeer& ready) { ready.say_all(); };
    });
    world.simulator().run_for(seconds(1));
    const auto& connections = node.torrent->torrent()->connections();
    REQUIRE(connections.size() == 1);
    REQUIRE(connections.begin()->second.interesting == 16);
    const ByteBuffer third{0, 0, 0, 3};
    for (int i = 0; i < 2; ++i) peer.say(wire::Extended{wire::kLtDonthaveId, third});
    world.simulator().run_for(seconds(1));
    CHECK(connections.begin()->second.interesting == 15);
    peer.say(wire::Have{3});
    world.simulator().run_for(seconds(1));
    CHECK(connections.begin()->second.interesting == 16);
    for (const std::uint32_t piece : {0u, 7u, 15u}) {
        const ByteBuffer payload{0, 0, 0, static_cast<Byte>(piece)};
        peer.say(wire::Extended{wire::kLtDonthaveId, payload});
    }
    world.simulator().run_for(seconds(1));
    CHECK(connections.begin()->second.interesting == 13);
    peer.close();
    world.simulator().run_for(seconds(1));
    CHECK(node.torrent->torrent()->connections().empty());
    node.engine->check_invariants();
}
