// What a whole node says and hears of Fast (BEP 6), peer exchange (BEP 11) and upload_only (BEP 21).

#include "common/meta/metainfo_writer.h"
#include "common/wire/ut_pex.h"
#include "tests/unit/engine/support.h"

using namespace bt;
using namespace bt::test;

namespace {

WireHost::Setup fast(const WireHost::Setup& then = {}) {
    return [=](WirePeer& peer) {
        peer.offers_fast = true;
        peer.offers_extensions = true;
        if (then) then(peer);
    };
}

// Keeps the extension messages that it gets; its own handshake says that it speaks ut_pex as 7, and this.
struct Talker {
    std::vector<wire::PexMessage> told;
    std::optional<wire::ExtensionHandshake> theirs;
    bool upload_only = false;
    std::uint16_t port = 0;

    WireHost::Setup setup() {
        return [this](WirePeer& peer) {
            peer.offers_extensions = true;
            peer.on_ready = [this](WirePeer& p) {
                wire::ExtensionHandshake hello;
                hello.ids.emplace("ut_pex", std::uint8_t{7});
                if (upload_only) hello.upload_only = true;
                if (port != 0) hello.listen_port = port;
                p.say(wire::Extended{0, hello.encode()});
            };
            peer.on_message = [this](WirePeer&, const wire::Message& message) {
                const auto* extended = std::get_if<wire::Extended>(&message);
                if (extended == nullptr) return;
                if (extended->id == 0) theirs = wire::ExtensionHandshake::parse(extended->payload).value();
                if (extended->id == 7) told.push_back(wire::PexMessage::parse(extended->payload).value());
            };
        };
    }
};

void say_pex(WirePeer& peer, const std::vector<wire::PexPeer>& added) {
    peer.say(wire::Extended{wire::kUtPexId, wire::PexMessage{added, {}}.encode()});
}

Node::Change plain(const Node::Change& then) {
    return [=](engine::EngineSettings& settings, engine::TorrentOptions& options) {
        then(settings, options);
        options.profile = engine::WireProfile::Plain;
    };
}

// One slot in all, the optimistic one.
void seeds_one_at_a_time(engine::EngineSettings& settings, engine::TorrentOptions& options) {
    seeds(settings, options);
    options.swarm.choker.regular_slots = 0;
}

void wants_all(WirePeer& peer) {
    peer.on_ready = [](WirePeer& p) { p.say(wire::Interested{}); };
}

void wants_rest_behind(WirePeer& peer, std::uint32_t has) {
    peer.on_ready = [has](WirePeer& p) {
        p.say_pieces(0, has);
        p.say(wire::Interested{});
    };
}

}  // namespace

TEST_CASE("with fast a seed says have_all and a newcomer have_none; without it they say bitfields or nothing") {
    World world({.rng_seed = 1});
    Node seed(world, small_torrent(), 1, seeds);
    seed.place();
    seed.start();
    Node newcomer(world, small_torrent(), 2);
    newcomer.start();
    WireHost host(world, small_torrent(), 9);
    const WirePeer& to_seed = host.dial(at(1), fast());
    const WirePeer& to_newcomer = host.dial(at(2), fast());
    WireHost old(world, small_torrent(), 8);
    const WirePeer& old_to_seed = old.dial(at(1));
    const WirePeer& old_to_newcomer = old.dial(at(2));
    world.simulator().run_for(seconds(2));
    CHECK(to_seed.theirs.has_fast());
    REQUIRE_FALSE(to_seed.heard.empty());
    CHECK(to_seed.heard.front() == "have_all");
    CHECK(to_seed.count("allowed_fast") == 0);  // it has not said that it wants anything
    REQUIRE_FALSE(to_newcomer.heard.empty());
    CHECK(to_newcomer.heard.front() == "have_none");
    CHECK(old_to_seed.count("bitfield") == 1);
    CHECK(old_to_newcomer.heard.empty());
}

TEST_CASE("the plain profile offers neither fast nor peer exchange") {
    World world({.rng_seed = 2});
    Node seed(world, small_torrent(), 1, plain(seeds));
    seed.place();
    seed.start();
    WireHost host(world, small_torrent(), 9);
    const WirePeer& peer = host.dial(at(1), fast());
    world.simulator().run_for(seconds(2));
    CHECK_FALSE(peer.theirs.has_fast());
    CHECK(peer.heard == std::vector<std::string>{"bitfield"});
}

TEST_CASE("bad input: fast messages from a peer that did not set the bit end the connection") {
    World world({.rng_seed = 3});
    Node node(world, small_torrent(), 1);
    node.start();
    WireHost host(world, small_torrent(), 9);
    const WirePeer& peer =
        host.dial(at(1), [](WirePeer& p) { p.on_ready = [](WirePeer& ready) { ready.say(wire::HaveAll{}); }; });
    world.simulator().run_for(seconds(2));
    CHECK_FALSE(peer.is_open());
    CHECK(node.count("peer_disconnected", "without the fast extension") == 1);
}

TEST_CASE("what a choking peer allows is downloaded, and what it rejects is asked for of somebody else") {
    World world({.rng_seed = 4});
    WireHost choking(world, small_torrent(), 2, fast([](WirePeer& peer) {
                         peer.on_ready = [](WirePeer& p) {
                             p.say(wire::HaveAll{});
                             p.say(wire::AllowedFast{3});
                         };
                         peer.on_message = [](WirePeer& p, const wire::Message& message) {
                             if (const auto* request = std::get_if<wire::Request>(&message)) p.serve(*request);
                         };
                     }));
    WireHost rejecting(world, small_torrent(), 3, fast([](WirePeer& peer) {
                           peer.on_ready = [](WirePeer& p) {
                               p.say(wire::HaveAll{});
                               p.say(wire::Unchoke{});
                           };
                           peer.on_message = [](WirePeer& p, const wire::Message& message) {
                               if (const auto* r = std::get_if<wire::Request>(&message)) {
                                   p.say(wire::RejectRequest{r->piece, r->begin, r->length});
                               }
                           };
                       }));
    Node node(world, small_torrent(), 1, dials({at(2), at(3)}));
    node.start();
    world.simulator().run_for(seconds(20));
    CHECK(node.torrent->torrent()->have().count() == 1);
    CHECK(node.torrent->torrent()->have().has(PieceIndex(3)));
    REQUIRE(rejecting.size() == 1);
    // Asked again after each pause, not without end.
    CHECK(rejecting.peer().requests.size() > 20);
    CHECK(rejecting.peer().requests.size() < 2000);
    WireHost good(world, small_torrent(), 4, serves(0, 16));
    node.torrent->add_peer(at(4), swarm::PeerSource::Manual);
    world.simulator().run_for(minutes(2));
    CHECK(node.completed == 1);
}

TEST_CASE("a choked peer gets the pieces that it was allowed, and rejects for the others") {
    World world({.rng_seed = 5});
    Node seed(world, small_torrent(), 1, seeds_one_at_a_time);
    seed.place();
    seed.start();
    WireHost first_there(world, small_torrent(), 8);
    const WirePeer& served = first_there.dial(at(1), fast(wants_all));
    world.simulator().run_for(seconds(1));
    WireHost host(world, small_torrent(), 9);
    std::vector<std::uint32_t> allowed;
    std::vector<std::uint32_t> got;
    std::vector<std::uint32_t> rejected;
    const WirePeer& peer = host.dial(at(1), fast([&](WirePeer& p) {
                                         wants_all(p);
                                         p.on_message = [&](WirePeer& self, const wire::Message& message) {
                                             if (const auto* a = std::get_if<wire::AllowedFast>(&message)) {
                                                 allowed.push_back(a->piece);
                                                 self.say(wire::Request{a->piece, 0, 16384});
                                                 self.say(wire::Request{(a->piece + 1) % 16, 0, 16384});
                                             }
                                             if (const auto* b = std::get_if<wire::Piece>(&message))
                                                 got.push_back(b->piece);
                                             if (const auto* r = std::get_if<wire::RejectRequest>(&message)) {
                                                 rejected.push_back(r->piece);
                                             }
                                         };
                                     }));
    world.simulator().run_for(seconds(5));
    CHECK(peer.is_open());
    CHECK(peer.count("unchoke") == 0);
    REQUIRE(allowed.size() == 1);  // a tenth of 16 pieces
    CHECK(got == allowed);
    CHECK(rejected == std::vector<std::uint32_t>{(allowed[0] + 1) % 16});
    // Who found a slot free needs no start; neither does who has some pieces, nor who cannot hear of it.
    CHECK(served.count("unchoke") == 1);
    CHECK(served.count("allowed_fast") == 0);
    WireHost starting(world, small_torrent(), 6);
    WireHost started(world, small_torrent(), 7);
    WireHost old(world, small_torrent(), 5);
    const WirePeer& with_five = starting.dial(at(1), fast([](WirePeer& p) { wants_rest_behind(p, 5); }));
    const WirePeer& with_six = started.dial(at(1), fast([](WirePeer& p) { wants_rest_behind(p, 6); }));
    const WirePeer& without_fast = old.dial(at(1), wants_all);
    world.simulator().run_for(seconds(5));
    CHECK(with_five.count("allowed_fast") == 1);
    CHECK(with_six.count("allowed_fast") == 0);
    CHECK(without_fast.count("allowed_fast") == 0);
}

TEST_CASE("peers are told of one another where they can be reached, and addresses that they name are dialled") {
    World world({.rng_seed = 6});
    WireHost third(world, small_torrent(), 5);
    Node node(world, small_torrent(), 1, [](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.swarm.pex_interval = seconds(20);
    });
    node.start();
    Talker first;
    Talker second;
    second.port = 7001;
    WireHost one(world, small_torrent(), 2);
    WireHost two(world, small_torrent(), 3);
    WirePeer& to_one = one.dial(at(1), first.setup());
    two.dial(at(1), second.setup());
    world.simulator().run_for(seconds(5));
    // The second said where it listens; the first did not.
    REQUIRE(first.told.size() == 1);
    CHECK(first.told[0].added == std::vector<wire::PexPeer>{{at(3, 7001), 0}});
    CHECK(second.told.empty());
    say_pex(to_one, {{at(5), 0}, {at(3, 7001), 0}});
    world.simulator().run_for(seconds(5));
    CHECK(third.size() == 1);
    CHECK(node.count("peer_connected") == 3);
    CHECK(node.torrent->torrent()->peer_list().source_of(at(5)) == swarm::PeerSource::Exchange);
    CHECK_FALSE(node.torrent->torrent()->peer_list().source_of(at(3, 7001)));
    // What has changed since is told when the interval is over.
    CHECK(first.told.size() == 1);
    world.simulator().run_for(seconds(20));
    REQUIRE(first.told.size() == 2);
    CHECK(first.told[1].added == std::vector<wire::PexPeer>{{at(5), wire::kPexReachable}});
    CHECK(first.told[1].dropped.empty());
    two.peer().close();
    world.simulator().run_for(seconds(20));
    REQUIRE(first.told.size() == 3);
    CHECK(first.told[2].dropped == std::vector<Endpoint>{at(3, 7001)});
}

TEST_CASE("bad input: peer exchange in a flood ends the connection, and only its first message counts") {
    World world({.rng_seed = 7});
    Node node(world, small_torrent(), 1);
    node.start();
    Talker talker;
    WireHost host(world, small_torrent(), 2);
    WirePeer& peer = host.dial(at(1), talker.setup());
    world.simulator().run_for(seconds(1));
    for (Byte i = 0; i <= swarm::kMaxEarlyPex; ++i) say_pex(peer, {{at(static_cast<Byte>(100 + i)), 0}});
    world.simulator().run_for(seconds(1));
    CHECK(peer.is_open());
    CHECK(node.torrent->torrent()->peer_list().known() == 1);
    say_pex(peer, {{at(200), 0}});
    world.simulator().run_for(seconds(1));
    CHECK_FALSE(peer.is_open());
    CHECK(node.count("peer_disconnected", "again and again") == 1);
}

TEST_CASE("with peer exchange off, or in a private torrent, nobody is told and nobody is heard") {
    World world({.rng_seed = 8});
    const bool is_private = GENERATE(false, true);
    CAPTURE(is_private);
    const TestTorrent torrent =
        sim::make_test_torrent({.size = 1u << 20, .piece_length = 64 * 1024, .rng_seed = 77, .is_private = is_private});
    WireHost third(world, torrent, 5);
    Node node(world, torrent, 1, [&](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.swarm.peer_exchange = is_private;
    });
    node.start();
    Talker first;
    Talker second;
    second.port = 7001;
    WireHost one(world, torrent, 2);
    WireHost two(world, torrent, 3);
    WirePeer& to_one = one.dial(at(1), first.setup());
    two.dial(at(1), second.setup());
    world.simulator().run_for(seconds(3));
    REQUIRE(first.theirs);
    CHECK(first.theirs->id_of("ut_pex") == 0);
    CHECK(first.theirs->id_of("ut_metadata") != 0);
    say_pex(to_one, {{at(5), 0}});
    world.simulator().run_for(seconds(90));
    CHECK(first.told.empty());
    CHECK(third.size() == 0);
    CHECK(to_one.is_open());
}

TEST_CASE("two that want nothing of each other part, and who still wants something is kept") {
    World world({.rng_seed = 9});
    Node seed(world, small_torrent(), 1, seeds);
    seed.place();
    seed.start();
    Node leech(world, small_torrent(), 2);
    leech.start();
    Talker partial;
    partial.upload_only = true;
    WireHost host(world, small_torrent(), 9);
    const WirePeer& to_seed = host.dial(at(1), partial.setup());
    Talker other;
    other.upload_only = true;
    const WirePeer& to_leech = host.dial(at(2), other.setup());
    world.simulator().run_for(seconds(2));
    CHECK_FALSE(to_seed.is_open());
    CHECK(seed.count("peer_disconnected", "neither side wants anything") == 1);
    CHECK(to_leech.is_open());
    REQUIRE(partial.theirs);
    CHECK(partial.theirs->upload_only == true);
    REQUIRE(other.theirs);
    CHECK(other.theirs->upload_only == false);
}

TEST_CASE("who completes says that it only uploads from then on") {
    World world({.rng_seed = 10});
    WireHost host(world, small_torrent(), 3, serves(0, 16));
    Node node(world, small_torrent(), 1, dials({at(3)}));
    node.start();
    Talker watcher;
    WireHost watching(world, small_torrent(), 9);
    watching.dial(at(1), watcher.setup());
    world.simulator().run_for(minutes(1));
    REQUIRE(node.completed == 1);
    REQUIRE(watcher.theirs);
    CHECK(watcher.theirs->upload_only == true);
    CHECK(watcher.theirs->id_of("ut_pex") == wire::kUtPexId);
}
