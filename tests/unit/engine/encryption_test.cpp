// Encryption between engines and towards peers that break its rules: who connects, how, and what follows a refusal.

#include "common/engine/encrypted_stream.h"
#include "common/transport/mse.h"
#include "tests/unit/engine/support.h"

using namespace bt;
using namespace bt::test;
using transport::EncryptionPolicy;

namespace {

Node::Change with(EncryptionPolicy policy, Node::Change change = {}) {
    return [=](engine::EngineSettings& settings, engine::TorrentOptions& options) {
        settings.encryption = policy;
        if (change) change(settings, options);
    };
}

// How the node's first connection was encrypted; "" when there was none.
std::string connected_as(const Node& node) {
    for (const auto& seen : node.seen) {
        if (seen.kind == "peer_connected") return seen.encryption;
    }
    return "";
}

// The other end of a connection, byte by byte.
class RawPeer final : public env::StreamHandler {
  public:
    using Script = std::function<void(RawPeer&, ByteView)>;

    RawPeer(SimEnv& env, Script script) : env_(&env), script_(std::move(script)) {}
    void attach(std::unique_ptr<env::Stream> stream) {
        stream_ = std::move(stream);
        stream_->set_handler(this);
    }
    void dial(const Endpoint& remote) { attach(env_->connect(remote, std::nullopt)); }
    void send(ByteView bytes) {
        output_.append_bytes(bytes);
        if (stream_) stream_->send(output_);
    }
    void send(transport::MseHandshake& from) {
        while (!from.pending_output().empty()) {
            const auto bytes = std::get<ByteView>(from.pending_output().segment(0));
            send(bytes);
            from.mark_sent(bytes.size());
        }
    }
    void close() { stream_.reset(); }
    [[nodiscard]] bool is_open() const { return stream_ != nullptr; }
    [[nodiscard]] TimePoint closed_at() const { return closed_at_; }

    ByteBuffer received;
    std::optional<TimePoint> first_byte_at;

  private:
    void on_connected() override { stream_->send(output_); }
    void on_writable() override { stream_->send(output_); }
    void on_closed(const Error&) override {
        closed_at_ = env_->now();
        stream_.reset();
    }
    void on_received(MutableByteView bytes) override {
        if (!first_byte_at) first_byte_at = env_->now();
        append(received, bytes);
        if (script_) script_(*this, bytes);
    }

    SimEnv* env_;
    Script script_;
    std::unique_ptr<env::Stream> stream_;
    OutputQueue output_;
    TimePoint closed_at_{};
};

class RawHost {
  public:
    RawHost(World& world, Byte host, RawPeer::Script script = {})
        : env_(world.add_host("raw-" + std::to_string(host), at(host).address)) {
        auto listening = env_.listen(at(host), [this, script = std::move(script)](std::unique_ptr<env::Stream> stream) {
            add(script).attach(std::move(stream));
        });
        listener_ = std::move(listening).value();
    }
    RawPeer& add(RawPeer::Script script = {}) {
        peers.push_back(std::make_unique<RawPeer>(env_, std::move(script)));
        return *peers.back();
    }
    std::vector<std::unique_ptr<RawPeer>> peers;

  private:
    SimEnv& env_;
    std::unique_ptr<env::Listener> listener_;
};

bool speaks_plain(const RawPeer& peer) {
    return transport::classify_greeting(peer.received) == transport::Greeting::Plain;
}

ByteBuffer plain_handshake(char id = 'z') {
    wire::Handshake handshake;
    handshake.info_hash = small_torrent().metainfo->info_hash();
    handshake.peer_id.fill(static_cast<Byte>(id));
    const auto bytes = handshake.encode();
    return {bytes.begin(), bytes.end()};
}

// Drops whoever does not start as in plain, and greets the others.
void only_plain(RawPeer& peer, ByteView) {
    if (!speaks_plain(peer)) return peer.close();
    if (peer.received.size() >= wire::kHandshakeSize) peer.send(plain_handshake());
}

}  // namespace

TEST_CASE("two engines with every pair of policies: who connects, and how") {
    struct Row {
        EncryptionPolicy dialling;
        EncryptionPolicy accepting;
        const char* crypto;  // "": they never connect
    };
    using enum EncryptionPolicy;
    const Row row = GENERATE(values<Row>({
        {Prefer, Prefer, "plaintext"},
        {Prefer, Require, "rc4"},
        {Prefer, Off, "none"},
        {Require, Prefer, "rc4"},
        {Require, Require, "rc4"},
        {Require, Off, ""},
        {Off, Prefer, "none"},
        {Off, Require, ""},
        {Off, Off, "none"},
    }));
    CAPTURE(static_cast<int>(row.dialling), static_cast<int>(row.accepting));
    const bool leecher_dials = GENERATE(true, false);
    const std::uint64_t send_buffer = GENERATE(std::uint64_t{1000}, std::uint64_t{256 * 1024});
    World world({.rng_seed = 1, .network = {.default_delay = milliseconds(1), .send_buffer = send_buffer}});
    Node leecher(world, small_torrent(), 1,
                 with(leecher_dials ? row.dialling : row.accepting,
                      dials(leecher_dials ? std::vector{at(2)} : std::vector<Endpoint>{})));
    Node seed(
        world, small_torrent(), 2,
        with(leecher_dials ? row.accepting : row.dialling, [&](engine::EngineSettings& s, engine::TorrentOptions& o) {
            seeds(s, o);
            if (!leecher_dials) o.manual_peers = {at(1)};
        }));
    seed.place();
    seed.start();
    leecher.start();
    world.simulator().run_for(seconds(30));
    CHECK(connected_as(leecher) == row.crypto);
    CHECK(connected_as(seed) == row.crypto);
    const bool connects = *row.crypto != '\0';
    CHECK(leecher.completed == (connects ? 1 : 0));
    CHECK((!connects || leecher.has_content()));
}

TEST_CASE("a peer that closes on an encrypted handshake is dialled in plain at once, and first next time") {
    World world({.rng_seed = 2, .network = {.default_delay = milliseconds(5)}});
    Node node(world, small_torrent(), 1, with(EncryptionPolicy::Prefer, dials({at(2)})));
    RawHost host(world, 2, only_plain);
    node.start();
    world.simulator().run_for(seconds(1));
    REQUIRE(host.peers.size() == 2);
    CHECK_FALSE(speaks_plain(*host.peers[0]));
    CHECK(speaks_plain(*host.peers[1]));
    CHECK(*host.peers[1]->first_byte_at - *host.peers[0]->first_byte_at < milliseconds(50));
    CHECK(connected_as(node) == "none");
    host.peers[1]->close();
    world.simulator().run_for(minutes(2));
    REQUIRE(host.peers.size() >= 3);
    CHECK(speaks_plain(*host.peers[2]));
}

TEST_CASE("a peer that answers an encrypted handshake with a plain one is dialled in plain at once") {
    World world({.rng_seed = 3});
    Node node(world, small_torrent(), 1, with(EncryptionPolicy::Prefer, dials({at(2)})));
    RawHost host(world, 2, [](RawPeer& peer, ByteView) {
        if (peer.received.size() >= wire::kHandshakeSize) peer.send(plain_handshake());
    });
    node.start();
    world.simulator().run_for(seconds(1));
    CHECK(host.peers.size() == 2);
    CHECK(connected_as(node) == "none");
}

TEST_CASE(
    "a peer that says nothing to an encrypted handshake is dialled in plain after 4 s; under require after 10 s it is "
    "over") {
    const bool require = GENERATE(false, true);
    World world({.rng_seed = 4, .network = {.default_delay = milliseconds(5)}});
    Node node(world, small_torrent(), 1,
              with(require ? EncryptionPolicy::Require : EncryptionPolicy::Prefer, dials({at(2)})));
    RawHost host(world, 2);
    node.start();
    world.simulator().run_for(milliseconds(3950));
    CHECK(host.peers.size() == 1);
    world.simulator().run_for(milliseconds(200));
    CHECK(host.peers.size() == (require ? 1u : 2u));
    CHECK(node.count("way_refused", "within 4 s") == (require ? 0u : 1u));
    world.simulator().run_for(seconds(10));
    CHECK(node.count("peer_disconnected", "no handshake within 10 s") == 1);
    for (const auto& peer : host.peers) CHECK((!require || !speaks_plain(*peer)));
}

TEST_CASE("an address where nobody listens is not dialled twice for the sake of encryption") {
    World world({.rng_seed = 5});
    Node node(world, small_torrent(), 1, with(EncryptionPolicy::Prefer, dials({at(77)})));
    node.start();
    world.simulator().run_for(seconds(4));
    CHECK(node.count("dialing") == 1);
}

TEST_CASE("under require no connection carries the plain handshake, in either direction") {
    World world({.rng_seed = 6});
    Node node(world, small_torrent(), 1, with(EncryptionPolicy::Require, dials({at(2)})));
    RawHost host(world, 2, [](RawPeer& peer, ByteView) {
        if (peer.received.size() > 700) peer.close();
    });
    node.start();
    RawPeer& dialling = host.add();
    dialling.send(plain_handshake());
    dialling.dial(at(1));
    world.simulator().run_for(minutes(3));
    CHECK_FALSE(dialling.is_open());
    CHECK(dialling.received.empty());
    CHECK(node.count("peer_disconnected", "we require encryption") == 1);
    REQUIRE(host.peers.size() > 3);
    for (const auto& peer : host.peers) {
        CHECK(as_text(peer->received).find("BitTorrent protocol") == std::string_view::npos);
    }
}

TEST_CASE("an accepting engine finds the torrent that an encrypted handshake means, wherever the bytes are cut") {
    World world({.rng_seed = 7});
    static const TestTorrent other = sim::make_test_torrent({.size = 100'000, .piece_length = 32'768, .rng_seed = 78});
    Node node(world, small_torrent(), 1, with(EncryptionPolicy::Prefer));
    node.start();
    engine::TorrentOptions second = node.options();
    second.metainfo = other.metainfo;
    second.paths = storage::paths_in(*other.metainfo, "other");
    engine::TorrentNode& other_node = node.engine->add_torrent(second);
    RawHost host(world, 2);
    const std::size_t cut = GENERATE(1u, 19u, 20u, 21u, 300u, 5000u);
    const transport::MseMethods methods = {.plaintext = cut % 2 == 0, .rc4 = true};
    transport::MseHandshake handshake(other.metainfo->info_hash(), methods, Rng(9), world.now());
    std::optional<transport::MseAgreed> agreed;
    wire::Handshake greeting;
    greeting.info_hash = other.metainfo->info_hash();
    greeting.peer_id.fill('x');
    REQUIRE(handshake.add_payload(greeting.encode()) == wire::kHandshakeSize);
    ByteBuffer heard;
    ByteBuffer to_send;
    const auto collect = [&] {
        while (!handshake.pending_output().empty()) {
            append(to_send, std::get<ByteView>(handshake.pending_output().segment(0)));
            handshake.mark_sent(std::get<ByteView>(handshake.pending_output().segment(0)).size());
        }
    };
    RawPeer& peer = host.add([&](RawPeer&, ByteView bytes) {
        ByteBuffer stream = to_buffer(bytes);
        if (!agreed) {
            const auto taken = handshake.receive(stream, world.now());
            REQUIRE(taken.has_value());
            stream.erase(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(*taken));
            agreed = handshake.poll_event();
            collect();
        }
        if (agreed) agreed->cipher.decrypt(stream);
        if (agreed) append(heard, stream);
    });
    collect();
    peer.dial(at(1));
    for (int i = 0; i < 3000 && heard.size() < wire::kHandshakeSize; ++i) {
        const std::size_t step = std::min(cut, to_send.size());
        peer.send(ByteView(to_send).first(step));
        to_send.erase(to_send.begin(), to_send.begin() + static_cast<std::ptrdiff_t>(step));
        world.simulator().run_for(milliseconds(to_send.empty() ? 100 : 1));
        if (to_send.empty() && i > 2500) break;
    }
    REQUIRE(heard.size() >= wire::kHandshakeSize);
    CHECK(transport::classify_greeting(heard) == transport::Greeting::Plain);
    CHECK(other_node.snapshot().stats.connected == 1);
    CHECK(node.torrent->snapshot().stats.connected == 0);
    CHECK(connected_as(node) == (methods.plaintext ? "plaintext" : "rc4"));
}

TEST_CASE("bad input: an encrypted handshake for one torrent with a plain one for another inside") {
    World world({.rng_seed = 8});
    static const TestTorrent other = sim::make_test_torrent({.size = 100'000, .piece_length = 32'768, .rng_seed = 79});
    Node node(world, small_torrent(), 1, with(EncryptionPolicy::Prefer));
    node.start();
    engine::TorrentOptions second = node.options();
    second.metainfo = other.metainfo;
    second.paths = storage::paths_in(*other.metainfo, "other");
    node.engine->add_torrent(second);
    RawHost host(world, 2);
    transport::MseHandshake handshake(other.metainfo->info_hash(), {}, Rng(9), world.now());
    REQUIRE(handshake.add_payload(plain_handshake()) == wire::kHandshakeSize);
    RawPeer& peer = host.add([&](RawPeer& p, ByteView bytes) {
        REQUIRE(handshake.receive(bytes, world.now()).has_value());
        p.send(handshake);
    });
    peer.send(handshake);
    peer.dial(at(1));
    world.simulator().run_for(seconds(2));
    CHECK_FALSE(peer.is_open());
    CHECK(node.count("peer_disconnected", "another info_hash") == 1);
}

TEST_CASE("bad input: an accepting engine drops endless padding, a degenerate key and an unknown info_hash") {
    World world({.rng_seed = 9});
    Node node(world, small_torrent(), 1, with(EncryptionPolicy::Prefer));
    node.start();
    RawHost host(world, 2);
    RawPeer& endless = host.add();
    endless.send(ByteBuffer(96 + 512 + 20, 0x33));
    endless.dial(at(1));
    RawPeer& degenerate = host.add();
    degenerate.send(ByteBuffer(96, 0));
    degenerate.dial(at(1));
    InfoHash unknown{};
    unknown.fill(5);
    transport::MseHandshake handshake(unknown, {}, Rng(9), world.now());
    RawPeer& stranger = host.add([&](RawPeer& p, ByteView bytes) {
        static_cast<void>(handshake.receive(bytes, world.now()));
        p.send(handshake);
    });
    stranger.send(handshake);
    stranger.dial(at(1));
    world.simulator().run_for(seconds(1));
    CHECK(node.count("peer_disconnected", "padding") == 1);
    CHECK(node.count("peer_disconnected", "degenerate") == 1);
    CHECK(node.count("peer_disconnected", "unknown info_hash") == 1);
    for (const auto& peer : host.peers) CHECK_FALSE(peer->is_open());
}

TEST_CASE("bad input: an encrypted handshake that falls silent is over 10 s after the connection began") {
    World world({.rng_seed = 10, .network = {.default_delay = milliseconds(0)}});
    Node node(world, small_torrent(), 1, with(EncryptionPolicy::Prefer));
    node.start();
    const std::size_t said = GENERATE(0u, 1u, 19u, 50u, 96u, 400u);
    RawHost host(world, 2);
    RawPeer& peer = host.add();
    peer.send(ByteBuffer(said, 0x33));
    peer.dial(at(1));
    world.simulator().run_for(milliseconds(9950));
    CHECK(peer.is_open());
    world.simulator().run_for(milliseconds(100));
    CHECK_FALSE(peer.is_open());
    CHECK(node.count("peer_disconnected", "no handshake within 10 s") == 1);
}

TEST_CASE("bad input: an encrypted handshake is refused under off") {
    World world({.rng_seed = 11});
    Node node(world, small_torrent(), 1, with(EncryptionPolicy::Off));
    node.start();
    RawHost host(world, 2);
    RawPeer& peer = host.add();
    transport::MseHandshake handshake(small_torrent().metainfo->info_hash(), {}, Rng(9), world.now());
    peer.send(handshake);
    peer.dial(at(1));
    world.simulator().run_for(seconds(1));
    CHECK_FALSE(peer.is_open());
    CHECK(peer.received.empty());
}

TEST_CASE("a file that cannot be read ends an encrypted connection like a plain one") {
    World world({.rng_seed = 12});
    Node leecher(world, small_torrent(), 1, with(EncryptionPolicy::Require, dials({at(2)})));
    Node seed(world, small_torrent(), 2, with(EncryptionPolicy::Require, seeds));
    seed.place();
    seed.start();
    world.simulator().run_for(milliseconds(500));
    REQUIRE(seed.running == 1);
    for (const std::string& path : seed.options().paths) seed.env().files().set_fault(path, EIO);
    leecher.start();
    world.simulator().run_for(seconds(5));
    CHECK(leecher.count("peer_connected") >= 1);
    CHECK(seed.count("peer_disconnected", "cannot read") >= 1);
    CHECK(leecher.completed == 0);
}

TEST_CASE("rate limits hold on an encrypted connection too, in both directions") {
    const bool upload = GENERATE(true, false);
    World world({.rng_seed = 13});
    Node leecher(world, small_torrent(), 1, with(EncryptionPolicy::Require, dials({at(2)})));
    Node seed(world, small_torrent(), 2, with(EncryptionPolicy::Require, seeds));
    seed.place();
    if (upload) {
        seed.engine->set_limits({.upload = 100'000});
    } else {
        leecher.engine->set_limits({.download = 100'000});
    }
    seed.start();
    leecher.start();
    world.simulator().run_for(seconds(8));
    CHECK(leecher.completed == 0);
    world.simulator().run_for(seconds(8));
    CHECK(leecher.completed == 1);
    CHECK(leecher.has_content());
}
