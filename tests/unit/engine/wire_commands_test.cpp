// What the commands on the network are made of, over simulated networks: the probe that shakes hands, the question for
// peers, the disk of one piece, and the plain announcer's silence at the end.

#include "client/handshake_probe.h"
#include "client/one_piece_env.h"
#include "client/peer_question.h"
#include "client/session.h"
#include "tests/unit/engine/metadata_peer.h"
#include "tests/unit/engine/tracker_hosts.h"

using namespace bt;
using namespace bt::test;

namespace {

using Reserved = std::array<Byte, 8>;
constexpr Reserved kNothing{};
constexpr Reserved kExtensions{0, 0, 0, 0, 0, 0x10, 0, 0};

struct CommandProbe {
    CommandProbe(World& world, bool extensions, Duration timeout = seconds(60))
        : env(world.add_host("client", at(1).address)), probe(env, settings(extensions, timeout), [this](auto told) {
              REQUIRE_FALSE(answer.has_value());
              answer = std::move(told);
              answered_at = env.now();
          }) {
        probe.start();
        CHECK_FALSE(answer.has_value());
    }
    static client::ProbeSettings settings(bool extensions, Duration timeout) {
        client::ProbeSettings made;
        made.remote = at(2);
        made.source = at(1).address;
        made.info_hash = small_torrent().metainfo->info_hash();
        made.own_peer_id.fill('q');
        made.extensions = extensions;
        made.timeout = timeout;
        return made;
    }
    SimEnv& env;
    std::optional<Result<client::Greeting>> answer;
    TimePoint answered_at{};
    client::HandshakeProbe probe;
};

void has_everything(WirePeer& peer) {
    peer.on_ready = [](WirePeer& p) { p.say_all(); };
}

struct Question {
    Question(World& world, std::vector<std::string> urls)
        : env(world.add_host("client", at(1).address)),
          question({.env = &env}, {}, std::move(urls), request(), seconds(20), Rng(3),
                   [this](auto told) { answer = std::move(told); }) {
        question.start();
        CHECK_FALSE(answer.has_value());
    }
    static wire::AnnounceRequest request() {
        wire::AnnounceRequest made;
        made.info_hash.fill('h');
        made.peer_id.fill('p');
        made.port = 6881;
        made.left = 1000;
        made.compact = true;
        return made;
    }
    SimEnv& env;
    std::optional<Result<std::vector<Endpoint>>> answer;
    client::PeerQuestion question;
};

struct EndSeen final : client::SessionObserver {
    void on_session_ended(const client::SessionResult& ended) override { result = ended; }
    std::optional<client::SessionResult> result;
};

}  // namespace

TEST_CASE("a probe without extensions offers nothing and says nothing behind the handshake") {
    World world({.rng_seed = 1});
    WireHost host(world, small_torrent(), 2, [](WirePeer& peer) {
        peer.offers_extensions = true;
        has_everything(peer);
    });
    CommandProbe probe(world, false);
    world.simulator().run_for(seconds(5));
    REQUIRE(probe.answer.has_value());
    REQUIRE(probe.answer->has_value());
    CHECK_FALSE((*probe.answer)->metadata_id.has_value());
    CHECK(host.peer().theirs.reserved == kNothing);
    CHECK(host.peer().heard.empty());
    CHECK(host.peer().closed_at().has_value());
}

TEST_CASE("a probe with extensions learns what the peer calls ut_metadata, whatever else it says first") {
    World world({.rng_seed = 2});
    WireHost host(world, small_torrent(), 2, [](WirePeer& peer) {
        honest(small_torrent()).setup()(peer);
        peer.on_ready = [hello = peer.on_ready](WirePeer& p) {
            p.say_all();
            p.say(wire::Unchoke{});
            hello(p);
        };
    });
    CommandProbe probe(world, true);
    world.simulator().run_for(seconds(5));
    REQUIRE(probe.answer.has_value());
    REQUIRE(probe.answer->has_value());
    CHECK((*probe.answer)->metadata_id == 9);
    CHECK(host.peer().theirs.reserved == kExtensions);
    CHECK(host.peer().count("extended") == host.peer().heard.size());
}

TEST_CASE("a peer without extensions is answered for by its handshake alone") {
    World world({.rng_seed = 3});
    WireHost host(world, small_torrent(), 2, has_everything);
    CommandProbe probe(world, true);
    world.simulator().run_for(seconds(5));
    REQUIRE(probe.answer.has_value());
    REQUIRE(probe.answer->has_value());
    CHECK_FALSE((*probe.answer)->metadata_id.has_value());
    CHECK(host.peer().heard.empty());
}

TEST_CASE("bad input: a probe ends at another info_hash, at nobody, and at its time-out") {
    World world({.rng_seed = 4});
    SECTION("another info_hash") {
        WireHost host(world, small_torrent(), 2, [](WirePeer& peer) { peer.info_hash = InfoHash{}; });
        CommandProbe probe(world, false);
        world.simulator().run_for(seconds(5));
        REQUIRE(probe.answer.has_value());
        CHECK(probe.answer->error().code == ErrorCode::HandshakeRefused);
    }
    SECTION("nobody listens") {
        world.add_host("empty", at(2).address);
        CommandProbe probe(world, false);
        world.simulator().run_for(seconds(15));
        REQUIRE(probe.answer.has_value());
        CHECK_FALSE(probe.answer->has_value());
    }
    SECTION("the extension handshake never comes") {
        WireHost host(world, small_torrent(), 2, [](WirePeer& peer) { peer.offers_extensions = true; });
        CommandProbe probe(world, true, seconds(3));
        world.simulator().run_for(seconds(2));
        CHECK_FALSE(probe.answer.has_value());
        world.simulator().run_for(seconds(2));
        REQUIRE(probe.answer.has_value());
        CHECK(probe.answer->error().code == ErrorCode::TimedOut);
    }
}

TEST_CASE("peers are asked of one tracker after the other until one answers, with nothing but what is needed") {
    World world({.rng_seed = 5});
    HttpHost refuses(world, 2, [](const HttpHost::Asked&) { return ok("d14:failure reason6:closede"); });
    HttpHost answers(world, 3, [](const HttpHost::Asked&) { return one_minute(); });
    HttpHost spare(world, 4, [](const HttpHost::Asked&) { return one_minute(); });
    Question question(world, {"http://10.0.0.2:6969/a", "http://10.0.0.3:6969/a", "http://10.0.0.4:6969/a"});
    world.simulator().run_for(seconds(5));
    REQUIRE(question.answer.has_value());
    REQUIRE(question.answer->has_value());
    CHECK(**question.answer == std::vector<Endpoint>{at(9)});
    CHECK(refuses.asked.size() == 1);
    REQUIRE(answers.asked.size() == 1);
    CHECK(spare.asked.empty());
    CHECK(answers.asked[0].has("left=1000"));
    CHECK(answers.asked[0].has("compact=1"));
    for (const char* more : {"event=", "numwant=", "key=", "trackerid=", "no_peer_id="}) {
        CHECK_FALSE(answers.asked[0].has(more));
    }
}

TEST_CASE("bad input: where no tracker answers, the last one's reason is told") {
    World world({.rng_seed = 6});
    HttpHost silent(world, 2, [](const HttpHost::Asked&) { return std::nullopt; });
    HttpHost refuses(world, 3, [](const HttpHost::Asked&) { return ok("d14:failure reason6:closede"); });
    Question question(world, {"http://10.0.0.2:6969/a", "http://10.0.0.3:6969/a"});
    world.simulator().run_for(seconds(14));
    CHECK_FALSE(question.answer.has_value());
    world.simulator().run_for(seconds(10));
    REQUIRE(question.answer.has_value());
    REQUIRE_FALSE(question.answer->has_value());
    CHECK(question.answer->error().code == ErrorCode::TrackerFailure);
    CHECK(question.answer->error().message().find("closed") != std::string::npos);
}

TEST_CASE("a session that wants one piece puts it whole into one file and nothing else") {
    World world({.rng_seed = 7});
    const TestTorrent& torrent = small_torrent();
    Node seed(world, torrent, 2, seeds);
    seed.place();
    seed.start();
    SimEnv& env = world.add_host("client", at(1).address);
    client::OnePieceEnv one_piece(env, "out");
    EndSeen seen;
    client::SessionSettings settings;
    settings.engine.listen = at(1);
    settings.engine.source = at(1).address;
    settings.engine.peer_id.fill('c');
    client::Session session(one_piece, settings, seen, {}, Rng(8));
    REQUIRE(session.start().has_value());
    client::SessionTorrent wanted;
    wanted.torrent.metainfo = torrent.metainfo;
    wanted.torrent.paths = storage::paths_in(*torrent.metainfo, "");
    wanted.torrent.profile = engine::WireProfile::Plain;
    wanted.torrent.swarm.only_piece = PieceIndex(5);
    wanted.torrent.manual_peers = {at(2)};
    REQUIRE(session.add(std::move(wanted)).has_value());
    world.simulator().run_for(seconds(30));
    REQUIRE(seen.result.has_value());
    CHECK(seen.result->end == client::TorrentEnd::Done);
    CHECK(seen.result->torrents[0].snapshot.stats.downloaded == 64 * 1024);
    CHECK(env.files().paths() == std::vector<std::string>{"out"});
    const ByteView piece = torrent.piece(PieceIndex(5));
    CHECK(env.files().read_all("out").value() == ByteBuffer(piece.begin(), piece.end()));
}

TEST_CASE("a plain torrent announces once and says no farewell") {
    World world({.rng_seed = 9});
    HttpHost tracker(world, 9, [](const HttpHost::Asked&) {
        return ok(std::string("d8:intervali1800e5:peers6:") + std::string("\x0a\x00\x00\x02\x1a\xe1", 6) + "e");
    });
    Node seed(world, small_torrent(), 2, seeds);
    seed.place();
    seed.start();
    Node node(world, small_torrent(), 1, [](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.profile = engine::WireProfile::Plain;
        options.tracker_tiers = {{"http://10.0.0.9:6969/announce"}};
    });
    node.start();
    world.simulator().run_for(seconds(30));
    CHECK(node.completed == 1);
    node.engine->stop();
    world.simulator().run_for(seconds(5));
    CHECK(node.engine_stopped == 1);
    REQUIRE(tracker.asked.size() == 1);
    CHECK_FALSE(tracker.asked[0].has("event="));
}
