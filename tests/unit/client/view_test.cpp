#include "client/view.h"

#include "common/app/terminal_text.h"
#include "common/base/encoding.h"
#include "tests/support/catch.h"

namespace bt::client {
namespace {

TorrentView some_torrent() {
    TorrentView torrent;
    torrent.name = "debian.iso";
    torrent.info_hash = std::string(40, 'a');
    torrent.phase = Phase::Downloading;
    torrent.wanted = 1000;
    torrent.have = 531;
    torrent.pieces = 100;
    torrent.down_rate = 12'340'000;
    torrent.up_rate = 1'200'000;
    torrent.uploaded = 120;
    torrent.connected = 7;
    torrent.known = 12;
    torrent.interesting = 5;
    torrent.unchoking = 4;
    torrent.has_trackers = true;
    return torrent;
}

PeerView some_peer() {
    PeerView peer;
    peer.address = "127.0.0.5:6881";
    peer.client = "libtorrent 2.0";
    peer.am_interested = true;
    peer.peer_choking = false;
    peer.peer_interested = true;
    peer.encrypted = true;
    peer.have = 100;
    peer.down_rate = 1'200'000;
    peer.choke_reason = "no slot";
    return peer;
}

TEST_CASE("a torrent has two lines of 80 columns: name and state, bar and figures") {
    SessionView session;
    session.torrents = {some_torrent()};
    const auto lines = live_view(session, {.width = 80});
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == "debian.iso                                         downloading from 4 of 7 peers");
    CHECK(lines[1] == " [==========>         ]  53.1% ↓  12.3 MB/s ↑   1.2 MB/s     0:00    7/12   0.12");
}

TEST_CASE("several torrents have a line for all of them") {
    SessionView session;
    session.torrents = {some_torrent(), some_torrent(), some_torrent()};
    session.download_limit = 50'000'000;
    const auto lines = live_view(session, {.width = 80});
    REQUIRE(lines.size() == 7);
    CHECK(lines[6] == "3 torrents  ↓ 37.0 MB/s of 50.0 MB/s  ↑ 3.6 MB/s  21 peers");
}

TEST_CASE("no line is wider than the terminal, at any width, whatever is shown") {
    TorrentView odd = some_torrent();
    odd.name = "日本語の名前がとても長いファイル名です\x1b[2J\xff 😀😀😀😀😀😀😀😀😀😀😀😀😀😀.mkv";
    odd.phase = Phase::Failed;
    odd.problem =
        "日本語日本語日本語: no space left on device, and more words than a line can take in, whatever its width";
    odd.up_rate = odd.down_rate = UINT64_MAX;
    odd.connected = odd.known = UINT32_MAX;
    odd.peers.assign(3, some_peer());
    odd.peers[1].client = std::string(300, 'x');
    odd.peers[2].address = "[2001:0db8:85a3:0000:0000:8a2e:0370:7334]:65535";
    SessionView session;
    session.torrents = {odd, some_torrent()};
    for (std::size_t width = 20; width <= 200; ++width) {
        for (const std::string& line :
             live_view(session, {.width = width, .height = 50, .color = false, .details = true})) {
            CAPTURE(width, line);
            CHECK(app::columns(line) <= width);
            CHECK(is_valid_utf8(line));
            CHECK(line.find('\x1b') == std::string::npos);
        }
    }
}

TEST_CASE("narrow terminals lose ratio, rate up, time left, then the bar, and keep name and share") {
    SessionView session;
    session.torrents = {some_torrent()};
    CHECK(live_view(session, {.width = 66})[1] == " [======>      ]  53.1% ↓  12.3 MB/s ↑   1.2 MB/s     0:00    7/12");
    CHECK(live_view(session, {.width = 40})[1] == " [=========>       ]  53.1% ↓  12.3 MB/s");
    CHECK(live_view(session, {.width = 20})[1] == " [=====>    ]  53.1%");
    CHECK(live_view(session, {.width = 20})[0] == "debia…  downloading…");
}

TEST_CASE("no more lines are made than the terminal has, and the rest is counted") {
    SessionView session;
    for (int i = 0; i < 30; ++i) {
        session.torrents.push_back(some_torrent());
        session.torrents.back().peers.assign(10, some_peer());
    }
    for (std::size_t height = 4; height < 80; ++height) {
        CAPTURE(height);
        CHECK(live_view(session, {.width = 80, .height = height}).size() <= height);
        CHECK(live_view(session, {.width = 80, .height = height, .details = true}).size() <= height);
    }
    const auto lines = live_view(session, {.width = 80, .height = 10});
    CHECK(lines[lines.size() - 2] == "and 26 more torrents");
    session.torrents.resize(1);
    const auto detailed = live_view(session, {.width = 80, .height = 8, .details = true});
    CHECK(detailed.size() == 8);
    CHECK(detailed.back() == "   and 5 more peers");
}

TEST_CASE("details say of each peer its letters, pieces, rates, client and why it is choked") {
    SessionView session;
    session.torrents = {some_torrent()};
    session.torrents[0].peers = {some_peer()};
    const auto lines = live_view(session, {.width = 100, .details = true});
    REQUIRE(lines.size() == 3);
    CHECK(lines[2] == "   127.0.0.5:6881        DuE    100%    1.2 MB/s       0 B/s  libtorrent 2.0, choked: no slot");
}

TEST_CASE("the flag letters are those that users know") {
    PeerView peer;
    CHECK(peer_flags(peer) == "");
    peer.am_interested = true;
    CHECK(peer_flags(peer) == "d");
    peer.peer_choking = false;
    CHECK(peer_flags(peer) == "D");
    peer.am_interested = false;
    CHECK(peer_flags(peer) == "K");
    peer.peer_interested = true;
    CHECK(peer_flags(peer) == "uK");
    peer.am_choking = false;
    CHECK(peer_flags(peer) == "UK");
    peer.peer_interested = false;
    peer.incoming = peer.encrypted = peer.from_pex = peer.from_dht = true;
    CHECK(peer_flags(peer) == "K?IEXH");
}

TEST_CASE("a torrent that does not move says on what it waits") {
    TorrentView torrent = some_torrent();
    torrent.since_block = seconds(75);
    CHECK(state_words(torrent) == "nothing from 4 of 7 peers for 1:15");
    torrent.unchoking = 0;
    CHECK(state_words(torrent) == "choked by 5 peers");
    torrent.interesting = 0;
    CHECK(state_words(torrent) == "7 peers, none has what is missing");
    torrent.connected = 0;
    torrent.connecting = 3;
    CHECK(state_words(torrent) == "connecting to 3 peers");
    torrent.connecting = 1;
    CHECK(state_words(torrent) == "connecting to 1 peer");
    torrent.connecting = 0;
    CHECK(state_words(torrent) == "no answer from 12 peers, trying again");
    torrent.known = 0;
    torrent.tracker_asked = true;
    CHECK(state_words(torrent) == "asking the tracker for peers");
    torrent.tracker_asked = false;
    torrent.tracker_peers = 0;
    CHECK(state_words(torrent) == "no peers: tracker answered 0");
    torrent.next_announce = seconds(45);
    CHECK(state_words(torrent) == "no peers: tracker answered 0, asks again in 0:45");
    torrent.tracker_error = "http://t/announce: Connection refused";
    CHECK(state_words(torrent) == "no peers: http://t/announce: Connection refused, asks again in 0:45");
    torrent.tracker_error.clear();
    torrent.tracker_peers.reset();
    torrent.next_announce.reset();
    CHECK(state_words(torrent) == "no peers yet");
    torrent.has_trackers = false;
    CHECK(state_words(torrent) == "no peers: no tracker, waiting for one to come");
}

TEST_CASE("every phase has its words") {
    TorrentView torrent = some_torrent();
    torrent.phase = Phase::Checking;
    torrent.checked = 0.419;
    CHECK(state_words(torrent) == "checking 41 %");
    CHECK(share_done(torrent) == Approx(0.419));
    torrent.phase = Phase::Metadata;
    CHECK(state_words(torrent) == "asking 7 peers what this is");
    torrent.metadata = 0.5;
    CHECK(state_words(torrent) == "asking 7 peers what this is, 50 %");
    torrent.connected = 0;
    torrent.connecting = 2;
    CHECK(state_words(torrent) == "connecting to 2 peers");
    torrent.phase = Phase::Seeding;
    CHECK(state_words(torrent) == "seeding, nobody asks");
    torrent.connected = 2;
    CHECK(state_words(torrent) == "seeding to 2 peers");
    torrent.up_rate = 0;
    CHECK(state_words(torrent) == "seeding, 2 peers idle");
    torrent.phase = Phase::Failed;
    torrent.problem = "disk full";
    CHECK(state_words(torrent) == "failed: disk full");
    torrent.phase = Phase::Stopping;
    CHECK(state_words(torrent) == "stopping");
    torrent.phase = Phase::Done;
    CHECK(state_words(torrent) == "done");
}

TEST_CASE("the plain line has no cursor tricks and the same facts") {
    TorrentView torrent = some_torrent();
    torrent.name = "a\nb";
    torrent.down_rate = 47;
    CHECK(plain_line(torrent) ==
          "a?b: downloading from 4 of 7 peers, 53.1% (531 B of 1.0 kB), down 47 B/s, up 1.2 MB/s, peers 7/12, "
          "ratio 0.12, 0:09 left");
}

TEST_CASE("100 % is shown when all is there, not a byte before") {
    SessionView session;
    session.torrents = {some_torrent()};
    session.torrents[0].wanted = 1'000'000;
    session.torrents[0].have = 999'999;
    CHECK(live_view(session, {})[1].find("100.0%") == std::string::npos);
    session.torrents[0].have = 1'000'000;
    CHECK(live_view(session, {})[1].find("100.0%") != std::string::npos);
}

TEST_CASE("color is around the bar only, and only where it is wanted") {
    SessionView session;
    session.torrents = {some_torrent()};
    const std::string line = live_view(session, {.width = 80, .color = true})[1];
    CHECK(line.starts_with(" [\x1b[32m==========>"));
    CHECK(line.find("\x1b[0m]  53.1%") != std::string::npos);
}

TEST_CASE("progress for machines is one JSON object a line, names without loss") {
    TorrentView torrent = some_torrent();
    torrent.name = "a\"/\xff";
    CHECK(
        progress_json(torrent, milliseconds(1500), false) ==
        "{\"time\":1.500,\"name\":\"a\\\"/\\udcff\",\"info_hash\":\"" + std::string(40, 'a') +
            "\",\"state\":\"downloading\",\"words\":\"downloading from 4 of 7 peers\",\"progress\":0.5310,\"have\":531,"
            "\"wanted\":1000,\"down_rate\":12340000,\"up_rate\":1200000,\"downloaded\":0,\"uploaded\":120,"
            "\"ratio\":0.1200,\"eta\":0,\"connected\":7,\"connecting\":0,\"known\":12,\"banned\":0,"
            "\"hash_failures\":0,\"wasted\":0}\n");
    torrent.peers = {some_peer()};
    const std::string detailed = progress_json(torrent, {}, true);
    CHECK(detailed.find(
              "\"peer_list\":[{\"address\":\"127.0.0.5:6881\",\"client\":\"libtorrent 2.0\",\"flags\":\"DuE\"") !=
          std::string::npos);
}

}  // namespace
}  // namespace bt::client
