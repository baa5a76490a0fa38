#pragma once

// A simulated world with engines under test in it, and peers and trackers that do what a test tells them.

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/engine/engine.h"
#include "lab/sim/checkers.h"
#include "lab/sim/event_log.h"
#include "lab/sim/sim_env.h"
#include "tests/sim/support/test_torrent.h"
#include "tests/support/catch.h"

namespace bt::test {

using sim::SimEnv;
using sim::TestTorrent;
using sim::World;

inline constexpr std::uint16_t kPort = 6881;

[[nodiscard]] inline Endpoint at(Byte host, std::uint16_t port = kPort) {
    return {Address::v4({10, 0, 0, host}), port};
}

// 16 pieces of 64 KiB (4 blocks each) in one file, without trackers.
[[nodiscard]] inline const TestTorrent& small_torrent() {
    static const TestTorrent torrent =
        sim::make_test_torrent({.size = 1u << 20, .piece_length = 64 * 1024, .rng_seed = 77});
    return torrent;
}

// An engine with one torrent on a host of its own.
class Node final : public engine::EngineObserver {
  public:
    using Change = std::function<void(engine::EngineSettings&, engine::TorrentOptions&)>;
    struct Seen {
        std::string kind;
        std::string reason;
        std::string error;
        TimePoint time;
        std::string encryption = {};
    };

    Node(World& world, const TestTorrent& of, Byte host, const Change& change = {}, sim::LinkSettings links = {},
         sim::DiskSettings disk = {})
        : torrent_(of),
          env_(world.add_host("node-" + std::to_string(host), at(host).address, links, disk)),
          log_(telemetry::Level::Decision, false) {
        log_.add_watcher([this](const std::string&, const telemetry::Event& event) {
            seen.push_back({std::string(event.kind), sim::field_text(event, "reason"), sim::field_text(event, "error"),
                            event.time, sim::field_text(event, "encryption")});
            if (on_event) on_event(event);
        });
        Rng rng = world.fork_rng(host);
        settings_.listen = at(host);
        settings_.source = at(host).address;
        settings_.peer_id = engine::make_peer_id(rng);
        options_.metainfo = of.metainfo;
        options_.paths = storage::paths_in(*of.metainfo, "content");
        options_.tracker_tiers = of.metainfo->tracker_tiers();
        options_.tracker.interval_floor = seconds(5);
        if (change) change(settings_, options_);
        engine = std::make_unique<engine::Engine>(env_, settings_, *this, log_.telemetry_of("node"), rng.fork(1));
        world.simulator().add_hook([this](const sim::EventInfo& event) {
            if (engine && event.host == env_.host()) engine->check_invariants();
        });
    }
    ~Node() override = default;

    // Before start: its disk holds these bytes already.
    void place() { sim::place_content(env_.files(), *torrent_.metainfo, options_.paths, torrent_.content); }
    void start() {
        REQUIRE(engine->start().has_value());
        torrent = &engine->add_torrent(options_);
    }
    [[nodiscard]] SimEnv& env() { return env_; }
    [[nodiscard]] const engine::TorrentOptions& options() const { return options_; }
    [[nodiscard]] const engine::EngineSettings& settings() const { return settings_; }
    [[nodiscard]] bool has_content() {
        return sim::check_content(env_.files(), *torrent_.metainfo, options_.paths, torrent_.content).has_value();
    }
    [[nodiscard]] std::size_t count(std::string_view kind, std::string_view reason = "") const {
        std::size_t found = 0;
        for (const Seen& s : seen) {
            if (s.kind == kind && s.reason.find(reason) != std::string::npos) ++found;
        }
        return found;
    }
    [[nodiscard]] std::optional<TimePoint> first(std::string_view kind, std::string_view reason = "") const {
        for (const Seen& s : seen) {
            if (s.kind == kind && s.reason.find(reason) != std::string::npos) return s.time;
        }
        return std::nullopt;
    }

    std::unique_ptr<engine::Engine> engine;
    engine::TorrentNode* torrent = nullptr;
    std::vector<Seen> seen;
    std::function<void(const telemetry::Event&)> on_event;
    int metadata = 0;
    int running = 0;
    int completed = 0;
    int failed = 0;
    int torrent_stopped = 0;
    int engine_stopped = 0;
    std::optional<Error> failure;

  private:
    void on_torrent_metadata(engine::TorrentNode&) override { ++metadata; }
    void on_torrent_running(engine::TorrentNode&) override { ++running; }
    void on_torrent_completed(engine::TorrentNode&) override { ++completed; }
    void on_torrent_failed(engine::TorrentNode&, const Error& error) override {
        ++failed;
        failure = error;
    }
    void on_torrent_stopped(engine::TorrentNode&) override { ++torrent_stopped; }
    void on_engine_stopped() override { ++engine_stopped; }

    const TestTorrent& torrent_;
    SimEnv& env_;
    sim::EventLog log_;
    engine::EngineSettings settings_;
    engine::TorrentOptions options_;
};

inline void seeds(engine::EngineSettings&, engine::TorrentOptions& options) {
    options.access = storage::Access::ReadOnly;
    options.download = false;
}

[[nodiscard]] inline Node::Change dials(std::vector<Endpoint> peers) {
    return [peers = std::move(peers)](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.manual_peers = peers;
    };
}

// One connection of a peer that does what the test says. Speaks through our codec, or raw bytes.
class WirePeer final : public env::StreamHandler {
  public:
    WirePeer(SimEnv& env, const TestTorrent& torrent, char id) : env_(&env), torrent_(&torrent) {
        id_.fill(static_cast<Byte>(id));
    }

    void attach(std::unique_ptr<env::Stream> stream) {
        stream_ = std::move(stream);
        stream_->set_handler(this);
    }
    void dial(const Endpoint& remote) { attach(env_->connect(remote, std::nullopt)); }
    void close() { stream_.reset(); }
    void pause() { stream_->pause_reading(); }

    void set_peer_id(const PeerId& id) { id_ = id; }
    [[nodiscard]] ByteBuffer handshake() const {
        wire::Handshake own;
        own.info_hash = info_hash.value_or(torrent_->metainfo->info_hash());
        own.peer_id = id_;
        if (offers_extensions) own.set_extensions();
        if (offers_fast) own.set_fast();
        const auto bytes = own.encode();
        return {bytes.begin(), bytes.end()};
    }
    void send(ByteView bytes) {
        output_.append_bytes(bytes);
        if (stream_) stream_->send(output_);
    }
    void say(const wire::Message& message) {
        ByteBuffer bytes;
        wire::encode(message, bytes);
        send(bytes);
    }
    void say_pieces(std::uint32_t first, std::uint32_t count) {
        meta::Bitfield pieces(torrent_->metainfo->layout().piece_count());
        for (std::uint32_t i = 0; i < count; ++i) pieces.set(PieceIndex(first + i));
        say(wire::Bitfield{pieces.wire()});
    }
    void say_all() { say_pieces(0, torrent_->metainfo->layout().piece_count()); }
    void serve(const wire::Request& request) {
        const ByteView piece = torrent_->piece(PieceIndex(request.piece));
        say(wire::Piece{request.piece, request.begin, piece.subspan(request.begin, request.length)});
    }

    [[nodiscard]] bool is_open() const { return stream_ != nullptr; }
    [[nodiscard]] bool greeted() const { return reader_.handshake().has_value(); }
    [[nodiscard]] std::optional<TimePoint> closed_at() const { return closed_at_; }
    [[nodiscard]] std::size_t count(std::string_view message) const {
        return static_cast<std::size_t>(std::count(heard.begin(), heard.end(), message));
    }

    std::optional<InfoHash> info_hash;  // in place of the torrent's
    wire::Handshake theirs;
    std::vector<std::string> heard;
    std::vector<wire::Request> requests;
    std::function<void(WirePeer&)> on_ready;  // their whole handshake is in
    std::function<void(WirePeer&, const wire::Message&)> on_message;
    bool offers_extensions = false;
    bool offers_fast = false;
    bool greets = true;  // on being connected or greeted

  private:
    void on_connected() override {
        if (greets) greet();
        stream_->send(output_);
    }
    void on_writable() override { stream_->send(output_); }
    void on_closed(const Error&) override {
        closed_at_ = env_->now();
        stream_.reset();
    }
    void greet() {
        if (!std::exchange(has_greeted_, true)) send(handshake());
    }
    void on_received(MutableByteView bytes) override {
        ByteView rest = bytes;
        if (!reader_.handshake()) {
            const auto taken = reader_.receive(rest);
            REQUIRE(taken.has_value());
            rest = rest.subspan(*taken);
            if (!reader_.handshake()) return;
            theirs = *reader_.handshake();
            if (greets) greet();
            if (on_ready) on_ready(*this);
        }
        codec_.begin(rest);
        for (auto message = codec_.next(); stream_; message = codec_.next()) {
            REQUIRE(message.has_value());
            if (!*message) return;
            heard.emplace_back(wire::message_name(**message));
            if (const auto* request = std::get_if<wire::Request>(&**message)) requests.push_back(*request);
            if (on_message) on_message(*this, **message);
        }
    }

    SimEnv* env_;
    const TestTorrent* torrent_;
    PeerId id_{};
    std::unique_ptr<env::Stream> stream_;
    OutputQueue output_;
    wire::HandshakeReader reader_;
    wire::MessageCodec codec_;
    std::optional<TimePoint> closed_at_;
    bool has_greeted_ = false;
};

// A host that listens and sets up each connection it is dialled on.
class WireHost {
  public:
    using Setup = std::function<void(WirePeer&)>;

    WireHost(World& world, const TestTorrent& torrent, Byte host, Setup setup = {}, sim::LinkSettings links = {})
        : env_(world.add_host("wire-" + std::to_string(host), at(host).address, links)),
          torrent_(torrent),
          id_(static_cast<char>('a' + host % 20)) {
        auto listening = env_.listen(at(host), [this, setup = std::move(setup)](std::unique_ptr<env::Stream> stream) {
            WirePeer& peer = add();
            if (setup) setup(peer);
            peer.attach(std::move(stream));
        });
        listener_ = std::move(listening).value();
    }
    WirePeer& add() {
        peers_.push_back(std::make_unique<WirePeer>(env_, torrent_, id_));
        return *peers_.back();
    }
    WirePeer& dial(const Endpoint& remote, const Setup& setup = {}) {
        WirePeer& peer = add();
        if (setup) setup(peer);
        peer.dial(remote);
        return peer;
    }
    [[nodiscard]] SimEnv& env() { return env_; }
    [[nodiscard]] std::size_t size() const { return peers_.size(); }
    [[nodiscard]] WirePeer& peer(std::size_t i = 0) { return *peers_.at(i); }
    [[nodiscard]] std::size_t open() const {
        return static_cast<std::size_t>(
            std::count_if(peers_.begin(), peers_.end(), [](const auto& p) { return p->is_open(); }));
    }

  private:
    SimEnv& env_;
    const TestTorrent& torrent_;
    char id_;
    std::unique_ptr<env::Listener> listener_;
    std::vector<std::unique_ptr<WirePeer>> peers_;
};

// Behaviours of a scripted peer that has pieces [first, first + count).
[[nodiscard]] inline WireHost::Setup serves(std::uint32_t first, std::uint32_t count) {
    return [=](WirePeer& peer) {
        peer.on_ready = [=](WirePeer& p) { p.say_pieces(first, count); };
        peer.on_message = [](WirePeer& p, const wire::Message& message) {
            if (std::holds_alternative<wire::Interested>(message)) p.say(wire::Unchoke{});
            if (const auto* request = std::get_if<wire::Request>(&message)) p.serve(*request);
        };
    };
}

// Has them too, lets us ask, and never answers.
[[nodiscard]] inline WireHost::Setup withholds(std::uint32_t first, std::uint32_t count) {
    return [=](WirePeer& peer) {
        peer.on_ready = [=](WirePeer& p) { p.say_pieces(first, count); };
        peer.on_message = [](WirePeer& p, const wire::Message& message) {
            if (std::holds_alternative<wire::Interested>(message)) p.say(wire::Unchoke{});
        };
    };
}

}  // namespace bt::test
