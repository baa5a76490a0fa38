#include "client/client.h"

#include <csignal>
#include <future>
#include <map>
#include <stdexcept>
#include <thread>

#include "common/meta/metainfo_writer.h"
#include "seeder/seed_node.h"
#include "tests/unit/net/support.h"

namespace bt::client {
namespace {

using net::test::random_bytes;
using net::test::read_file;
using net::test::TempFolder;
using net::test::write_file;

constexpr std::uint32_t kPieceLength = 32 * 1024;
constexpr auto kPatience = std::chrono::seconds(30);
const Address kLoopback = Address::v4({127, 0, 0, 1});

// One file of random bytes with its .torrent, in a folder of its own.
struct Original {
    TempFolder folder;
    std::string name;
    ByteBuffer bytes;
    std::string torrent;
    std::string info_hash;

    Original(std::string file_name, std::size_t size) : name(std::move(file_name)), bytes(random_bytes(size, size)) {
        meta::TorrentDescription description;
        description.name = name;
        description.files = {{name, size}};
        description.piece_length = kPieceLength;
        for (std::size_t begin = 0; begin < size; begin += kPieceLength) {
            description.piece_hashes.push_back(
                crypto::sha1(ByteView(bytes).subspan(begin, std::min<std::size_t>(kPieceLength, size - begin))));
        }
        const ByteBuffer file = meta::write_metainfo(description).value();
        torrent = folder / (name + ".torrent");
        write_file(torrent, file);
        write_file(folder / name, bytes);
        info_hash = to_hex(meta::Metainfo::parse(file).value().info_hash());
    }
};

// A real seeder on loopback, on a thread of its own.
class Seeder {
  public:
    explicit Seeder(const Original& original) {
        std::promise<Endpoint> ready;
        auto endpoint = ready.get_future();
        thread_ = std::thread([this, &original, ready = std::move(ready)]() mutable { serve(original, ready); });
        endpoint_ = endpoint.get();
    }
    ~Seeder() {
        stop_->signal();
        thread_.join();
    }

    // A file that names it.
    [[nodiscard]] std::string peers_file(const TempFolder& folder) const {
        const std::string path = folder / "peers.txt";
        write_file(path, as_bytes(endpoint_.to_string() + "\n"));
        return path;
    }

  private:
    void serve(const Original& original, std::promise<Endpoint>& ready) {
        net::UvLoop loop;
        net::UvEnv env(loop);
        Rng rng(7);
        seeder::SeedSettings settings;
        settings.engine.listen = {kLoopback, 0};
        settings.engine.peer_id = engine::make_peer_id(rng);
        settings.engine.encryption = transport::EncryptionPolicy::Prefer;
        settings.torrent.metainfo =
            std::make_shared<const meta::Metainfo>(meta::Metainfo::parse(read_file(original.torrent)).value());
        settings.torrent.paths = {original.folder / original.name};
        Endpoint listen;
        seeder::SeedNode node(
            env, settings, {}, rng, [&] { ready.set_value(listen); },
            [&](const std::optional<Error>&) { loop.stop(); });
        net::Wakeup stop(loop, [&] { node.stop(); });
        stop_ = &stop;
        listen = node.start().value();
        loop.run();
    }

    std::thread thread_;
    Endpoint endpoint_;
    net::Wakeup* stop_ = nullptr;
};

ClientOptions options_in(const TempFolder& folder) {
    ClientOptions options;
    options.outdir = folder / "downloads";
    options.bind = kLoopback;
    options.timeout = seconds(30);
    return options;
}

// What each signal does, as the kernel knows it.
std::map<int, void (*)(int)> handlers() {
    std::map<int, void (*)(int)> all;
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction action {};
        if (sigaction(number, nullptr, &action) == 0) all[number] = action.sa_handler;
    }
    return all;
}

TEST_CASE("a client downloads from a seeder and says what it has got") {
    const Original original("song.flac", 10 * kPieceLength + 77);
    const Seeder seeder(original);
    const TempFolder folder;
    ClientOptions options = options_in(folder);
    options.peers_file = seeder.peers_file(folder);
    std::vector<SessionView> views;
    std::optional<Endpoint> listening;
    const auto thread = std::this_thread::get_id();
    ClientCallbacks callbacks;
    callbacks.progress_interval = milliseconds(10);
    callbacks.on_listening = [&](const Endpoint& endpoint) { listening = endpoint; };
    callbacks.on_progress = [&](const SessionView& view) {
        CHECK(std::this_thread::get_id() == thread);
        views.push_back(view);
    };

    Client client{original.torrent, options, callbacks};
    const ClientResult result = client.run();

    CHECK(result.ok());
    REQUIRE(result.torrents.size() == 1);
    const TorrentOutcome& torrent = result.torrents.front();
    CHECK(torrent.cause == app::ExitCode::Ok);
    CHECK(torrent.name == "song.flac");
    CHECK(torrent.info_hash == original.info_hash);
    CHECK(torrent.wanted == original.bytes.size());
    CHECK(torrent.bytes == original.bytes.size());
    CHECK(torrent.downloaded == original.bytes.size());
    CHECK(torrent.pieces == 11);
    CHECK(torrent.have_pieces == 11);
    REQUIRE(torrent.files.size() == 1);
    CHECK(torrent.files[0].path == options.outdir + "/song.flac");
    CHECK(torrent.files[0].length == original.bytes.size());
    CHECK(torrent.files[0].wanted);
    CHECK(read_file(torrent.files[0].path) == original.bytes);
    REQUIRE(listening);
    CHECK(listening->address == kLoopback);
    CHECK(listening->port != 0);
    REQUIRE_FALSE(views.empty());
    CHECK(views.back().torrents.at(0).phase == Phase::Done);
    CHECK(views.back().torrents.at(0).down_rate == 0);

    SECTION("a second run finds all of it there") {
        const ClientResult again = client.run();
        CHECK(again.ok());
        CHECK(again.torrents.at(0).bytes == original.bytes.size());
        CHECK(again.torrents.at(0).downloaded == 0);
    }
}

TEST_CASE("a client downloads by magnet, and by info_hash alone") {
    const Original original("film.ogv", 6 * kPieceLength + 5);
    const Seeder seeder(original);
    const TempFolder folder;
    ClientOptions options = options_in(folder);
    options.peers_file = seeder.peers_file(folder);
    std::string torrent;
    SECTION("magnet") { torrent = "magnet:?xt=urn:btih:" + original.info_hash + "&dn=something"; }
    SECTION("info_hash") { torrent = original.info_hash; }
    const ClientResult result = Client(torrent, options).run();
    CHECK(result.ok());
    REQUIRE(result.torrents.size() == 1);
    CHECK(result.torrents[0].name == "film.ogv");
    CHECK(result.torrents[0].info_hash == original.info_hash);
    CHECK(result.torrents[0].bytes == original.bytes.size());
    REQUIRE(result.torrents[0].files.size() == 1);
    CHECK(result.torrents[0].files[0].path == options.outdir + "/film.ogv");
    CHECK(read_file(result.torrents[0].files[0].path) == original.bytes);
}

TEST_CASE("a magnet of which nobody knows anything has no files, and is told as no progress") {
    const TempFolder folder;
    ClientOptions options = options_in(folder);
    options.timeout = milliseconds(300);
    const ClientResult result = Client("magnet:?xt=urn:btih:" + std::string(40, 'a') + "&dn=lost", options).run();
    CHECK(result.cause == app::ExitCode::NoProgress);
    REQUIRE(result.torrents.size() == 1);
    CHECK(result.torrents[0].name == "lost");
    CHECK(result.torrents[0].files.empty());
    CHECK(result.torrents[0].bytes == 0);
    CHECK(result.torrents[0].wanted == 0);
}

TEST_CASE("a client tells of each peer, and whether the connection is encrypted") {
    const Original original("secret.bin", 10 * kPieceLength);
    const Seeder seeder(original);
    const TempFolder folder;
    ClientOptions options = options_in(folder);
    options.peers_file = seeder.peers_file(folder);
    options.torrent_download_limit = 20 * kPieceLength;  // half a second: it is seen
    bool encrypted = false;
    SECTION("required") {
        options.encryption = transport::EncryptionPolicy::Require;
        encrypted = true;
    }
    SECTION("not at all") { options.encryption = transport::EncryptionPolicy::Off; }
    std::vector<PeerView> peers;
    ClientCallbacks callbacks;
    callbacks.with_peers = true;
    callbacks.progress_interval = milliseconds(10);
    callbacks.on_progress = [&](const SessionView& view) {
        const auto& now = view.torrents.at(0).peers;
        peers.insert(peers.end(), now.begin(), now.end());
    };
    CHECK(Client(original.torrent, options, callbacks).run().ok());
    REQUIRE_FALSE(peers.empty());
    for (const PeerView& peer : peers) CHECK(peer.encrypted == encrypted);
}

TEST_CASE("two clients in two threads download at once") {
    const Original originals[] = {{"one.bin", 5 * kPieceLength}, {"two.bin", 9 * kPieceLength + 1}};
    const Seeder seeders[] = {Seeder(originals[0]), Seeder(originals[1])};
    const TempFolder folders[2];
    std::promise<void> begun[2];
    std::shared_future<void> both[] = {begun[0].get_future().share(), begun[1].get_future().share()};
    ClientResult results[2];
    bool met[2] = {};
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < 2; ++i) {
            threads.emplace_back([&, i] {
                ClientOptions options = options_in(folders[i]);
                options.peers_file = seeders[i].peers_file(folders[i]);
                ClientCallbacks callbacks;
                // Neither goes on before the other has begun.
                callbacks.on_listening = [&, i](const Endpoint&) {
                    begun[i].set_value();
                    met[i] = both[1 - i].wait_for(kPatience) == std::future_status::ready;
                };
                results[i] = Client(originals[i].torrent, options, callbacks).run();
            });
        }
    }
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(met[i]);
        CHECK(results[i].ok());
        REQUIRE(results[i].torrents.size() == 1);
        CHECK(results[i].torrents[0].info_hash == originals[i].info_hash);
        CHECK(read_file(results[i].torrents[0].files.at(0).path) == originals[i].bytes);
    }
}

TEST_CASE("one client runs several torrents, and says of each what came of it") {
    const Original there("there.bin", 3 * kPieceLength);
    const Original nowhere("nowhere.bin", 2 * kPieceLength);
    const Seeder seeder(there);
    const TempFolder folder;
    ClientOptions options = options_in(folder);
    options.torrents = {there.torrent, nowhere.torrent};
    options.peers_file = seeder.peers_file(folder);
    options.timeout = seconds(1);
    const ClientResult result = Client(options).run();
    CHECK(result.cause == app::ExitCode::NoProgress);
    REQUIRE(result.torrents.size() == 2);
    CHECK(result.torrents[0].cause == app::ExitCode::Ok);
    CHECK(result.torrents[0].bytes == there.bytes.size());
    CHECK(result.torrents[1].cause == app::ExitCode::NoProgress);
    CHECK(result.torrents[1].bytes == 0);
    CHECK(result.torrents[1].have_pieces == 0);
    CHECK_FALSE(result.torrents[1].message.empty());
}

TEST_CASE("a client that waits for peers ends when it is told to stop") {
    const Original original("lonely.bin", 2 * kPieceLength);
    const TempFolder folder;
    Client* running = nullptr;
    ClientCallbacks callbacks;
    std::jthread other;

    SECTION("by another thread") {
        callbacks.on_listening = [&](const Endpoint&) { other = std::jthread([&] { running->stop(); }); };
    }
    SECTION("by a callback") {
        callbacks.on_progress = [&](const SessionView&) { running->stop(); };
    }
    SECTION("before it began") {}
    Client client{original.torrent, options_in(folder), callbacks};
    running = &client;
    if (!callbacks.on_listening && !callbacks.on_progress) client.stop();
    const ClientResult result = client.run();
    CHECK(result.cause == app::ExitCode::Interrupted);
    REQUIRE(result.torrents.size() == 1);
    CHECK(result.torrents[0].cause == app::ExitCode::Interrupted);
    CHECK(result.torrents[0].bytes == 0);
    CHECK(client.run().cause == app::ExitCode::Interrupted);
    other = {};  // joined before the client goes
}

TEST_CASE("a callback that throws ends the run, which throws the same") {
    const Original original("lonely.bin", 2 * kPieceLength);
    const TempFolder folder;
    int calls = 0;
    ClientCallbacks callbacks;
    callbacks.on_progress = [&](const SessionView&) {
        ++calls;
        throw std::runtime_error("enough");
    };
    Client client{original.torrent, options_in(folder), callbacks};
    CHECK_THROWS_WITH(client.run(), "enough");
    CHECK(calls == 1);
    CHECK_THROWS_WITH(client.run(), "enough");  // it was not stopped: the next run is a new one
    CHECK(calls == 2);
}

TEST_CASE("a client leaves the signals of its process alone") {
    const Original original("lonely.bin", 2 * kPieceLength);
    const TempFolder folder;
    const auto before = handlers();
    std::map<int, void (*)(int)> inside;
    Client* running = nullptr;
    ClientCallbacks callbacks;
    callbacks.on_progress = [&](const SessionView&) {
        inside = handlers();
        running->stop();
    };
    Client client{original.torrent, options_in(folder), callbacks};
    running = &client;
    CHECK(client.run().cause == app::ExitCode::Interrupted);
    CHECK(inside == before);
    CHECK(handlers() == before);
}

TEST_CASE("bad input: a client says why it cannot begin") {
    const Original original("lonely.bin", 2 * kPieceLength);
    const TempFolder folder;
    ClientOptions options = options_in(folder);

    SECTION("no torrent") {
        const auto result = Client(options).run();
        CHECK(result.cause == app::ExitCode::BadArguments);
        CHECK(result.torrents.empty());
    }
    SECTION("a torrent that is not there") {
        const auto result = Client(folder / "missing.torrent", options).run();
        CHECK(result.cause == app::ExitCode::BadTorrent);
        CHECK(result.message.find("missing.torrent") != std::string::npos);
    }
    SECTION("a magnet that is none") {
        const auto result = Client("magnet:?dn=x", options).run();
        CHECK(result.cause == app::ExitCode::BadTorrent);
    }
    SECTION("a peers file that is none") {
        options.peers_file = folder / "peers.txt";
        write_file(options.peers_file, as_bytes("somewhere\n"));
        const auto result = Client(original.torrent, options).run();
        CHECK(result.cause == app::ExitCode::BadArguments);
        CHECK(result.message.find("peers.txt:1") != std::string::npos);
    }
    SECTION("no folder") {
        options.outdir.clear();
        const auto result = Client(original.torrent, options).run();
        CHECK(result.cause == app::ExitCode::BadArguments);
        CHECK(result.message.find("outdir") != std::string::npos);
    }
    SECTION("nobody may be asked") {
        options.max_peers = 0;
        const auto result = Client(original.torrent, options).run();
        CHECK(result.cause == app::ExitCode::BadArguments);
        CHECK(result.message.find("max_peers") != std::string::npos);
    }
    SECTION("a port that is taken") {
        std::optional<app::ExitCode> second;
        Client* running = nullptr;
        ClientCallbacks callbacks;
        callbacks.on_listening = [&](const Endpoint& endpoint) {
            options.port = endpoint.port;
            options.outdir += "-elsewhere";
            second = Client(original.torrent, options).run().cause;
            running->stop();
        };
        Client client{original.torrent, options, callbacks};
        running = &client;
        CHECK(client.run().cause == app::ExitCode::Interrupted);
        CHECK(second == app::ExitCode::CannotListen);
    }
}

}  // namespace
}  // namespace bt::client
