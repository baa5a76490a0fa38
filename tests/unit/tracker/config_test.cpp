#include "tracker/config.h"

#include <filesystem>
#include <fstream>

#include "common/app/exit_code.h"
#include "common/base/encoding.h"
#include "tests/support/catch.h"
#include "tests/support/certificates.h"

namespace bt::tracker {
namespace {

namespace fs = std::filesystem;

// A folder with torrents/x.torrent and a place for configurations, gone at the end.
class Folder {
  public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "tracker-config-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        root_ = name;
        fs::create_directories(root_ / "conf");
        write("torrents/x.torrent",
              "d4:infod6:lengthi5e4:name1:x12:piece lengthi16384e6:pieces20:" + std::string(20, 's') + "ee");
    }
    ~Folder() { fs::remove_all(root_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string write(const std::string& name, const std::string& text) const {
        const fs::path path = root_ / name;
        fs::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
        return path.string();
    }

  private:
    fs::path root_;
};

const test::Certificate& certificate() {
    static const test::Certificate made = test::CertificateAuthority().issue("IP:127.0.0.1");
    return made;
}

const std::string kSmallestToml = R"(port = 6881
torrentFile = "../torrents/x.torrent"

[[peers]]
peerId = "-XX0001-abcdefghijkl"
ip = "127.0.0.5"
port = 7001

[[peers]]
peerId = "2d5858303030312d6162636465666768696a6b6c"
ip = "::1"
port = 7002
)";

const std::string kSmallestJson = R"({
  "port": 6881,
  "torrentFile": "../torrents/x.torrent",
  "peers": [
    {"peerId": "-XX0001-abcdefghijkl", "ip": "127.0.0.5", "port": 7001},
    {"peerId": "2d5858303030312d6162636465666768696a6b6c", "ip": "::1", "port": 7002}
  ]
}
)";

TEST_CASE("the smallest file gives the same configuration in TOML and in JSON") {
    const Folder folder;
    for (const std::string& path :
         {folder.write("conf/t.toml", kSmallestToml), folder.write("conf/t.json", kSmallestJson)}) {
        CAPTURE(path);
        const auto config = load_config(path);
        REQUIRE(config);
        const Doors doors = config->doors();
        CHECK(doors.http == std::vector<Endpoint>{{Address(), 6881}, {Address::v6({}), 6881}});
        CHECK(doors.udp == doors.http);
        CHECK(doors.https.empty());
        const AnnounceSettings& announce = config->node.announce;
        REQUIRE(announce.torrents.size() == 1);
        CHECK(to_hex(announce.torrents[0]) == "c256f84e69a26a0806c7da5462b1a3f4d43ae830");
        REQUIRE(announce.static_peers.size() == 2);
        CHECK(announce.static_peers[0].endpoint.to_string() == "127.0.0.5:7001");
        CHECK(announce.static_peers[1].endpoint.to_string() == "[::1]:7002");
        CHECK(as_text(announce.static_peers[0].peer_id) == "-XX0001-abcdefghijkl");
        CHECK(announce.static_peers[1].peer_id == announce.static_peers[0].peer_id);
        CHECK(announce.interval == seconds(30));
        CHECK(announce.registry.peer_timeout == minutes(15));
        CHECK_FALSE(config->rng_seed);
    }
}

TEST_CASE("the printed default configuration is accepted and is what a file without its optional keys gives") {
    const Folder folder;
    const auto printed = load_config(folder.write("conf/d.toml", default_config_text()));
    REQUIRE(printed);
    std::string all = default_config_text();
    // The comment signs in front of keys taken away: every key with its default.
    for (std::size_t at = 0; (at = all.find("\n#", at)) != std::string::npos; ++at) {
        if (all[at + 2] != ' ') all.erase(at + 1, 1);
    }
    folder.write("conf/allowed.txt", std::string(40, 'a'));
    folder.write("conf/denied.txt", std::string(40, 'b'));
    folder.write("conf/passkeys.txt", "# of all\nopen\n");
    folder.write("conf/tracker.pem", certificate().pem);
    folder.write("conf/tracker.key", certificate().key);
    const auto spelled = load_config(folder.write("conf/a.toml", all));
    REQUIRE(spelled);
    CHECK(spelled->node.http.full_scrape == printed->node.http.full_scrape);
    CHECK(spelled->node.http.max_scrape == printed->node.http.max_scrape);
    CHECK(spelled->doors().udp == std::vector<Endpoint>{{Address(), 6881}});
    CHECK(spelled->doors().https == std::vector<Endpoint>{{Address(), 6882}});
    const AnnounceSettings& a = spelled->node.announce;
    const AnnounceSettings& b = printed->node.announce;
    CHECK(a.interval == b.interval);
    CHECK(a.min_interval == b.min_interval);
    CHECK(a.registry.peer_timeout == b.registry.peer_timeout);
    CHECK(a.registry.max_peers == b.registry.max_peers);
    CHECK(a.registry.max_torrents == b.registry.max_torrents);
    CHECK(a.default_numwant == b.default_numwant);
    CHECK(a.max_numwant == b.max_numwant);
    CHECK(a.interval_jitter == b.interval_jitter);
    CHECK(a.order == b.order);
    CHECK(a.self_in_list == b.self_in_list);
    CHECK(a.counts_self == b.counts_self);
    CHECK(a.static_mode == b.static_mode);
    CHECK(a.follows_key == b.follows_key);
    CHECK(a.external_ip == b.external_ip);
    CHECK(a.passkeys == std::unordered_set<std::string>{"sesame", "open"});
    CHECK(a.per_torrent.size() == 1);
    CHECK(a.allowed.size() == 2);
    CHECK(a.denied.size() == 1);
    CHECK(spelled->node.max_connections == printed->node.max_connections);
    CHECK(spelled->node.stats_interval == printed->node.stats_interval);
    CHECK(spelled->rng_seed == 1u);
    REQUIRE(spelled->events);
    CHECK(spelled->events->ends_with("/conf/tracker-events.jsonl"));
}

TEST_CASE("every refusal names the file, the line and what is wrong") {
    const Folder folder;
    struct Case {
        const char* name;
        const char* text;
        int line;
        const char* says;
    };
    const Case cases[] = {
        {"a.toml", "port = 1\nprot = 2\n", 2, "unknown key prot; did you mean port?"},
        {"a.toml", "torrentfile = 'x'\nport = 1\n", 1, "did you mean torrentFile?"},
        {"a.toml", "port = 1\nzebrazebra = 1\n", 2, "unknown key zebrazebra"},
        {"a.json", "{\n \"port\": 1,\n \"intervall\": 2\n}", 3, "did you mean interval?"},
        {"a.toml", "\nbind = '127.0.0.1'\n", 1, "port is missing"},
        {"a.toml", "port = '6881'\n", 1, "port: must be a whole number, found string"},
        {"a.json", "{\n\n\"port\":\n 1.5}", 3, "port: must be a whole number"},
        {"a.toml", "port = 65536\n", 1, "65536 is out of range, 0 to 65535"},
        {"a.toml", "port = -1\n", 1, "out of range"},
        {"a.toml", "port = 1\nbind = 'localhost'\n", 2, "bind: \"localhost\" is no IP address"},
        {"a.toml", "port = 1\n\ntorrentFile = 'no.torrent'\n", 3, "no.torrent: No such file"},
        {"a.json", "{\"port\": 1,\n\"torrentFile\": \"no.torrent\"}", 2, "no.torrent: No such file"},
        {"a.toml", "port = 1\ntorrentFile = 5\n", 2, "torrentFile: must be a string"},
        {"a.toml", "port = 1\n[[peers]]\nip = '::1'\nport = 1\n", 2, "peers[0].peerId is missing"},
        {"a.toml", "port = 1\n[[peers]]\npeerid = ''\n", 3, "unknown key peers[0].peerid; did you mean peerId?"},
        {"a.toml", "port = 1\n[[peers]]\npeerId = 'short'\nip = '::1'\nport = 1\n", 3, "this has 5 bytes"},
        {"a.toml", "port = 1\n[[peers]]\npeerId = '--------------------'\nip = 'x'\nport = 1\n", 4, "peers[0].ip: "},
        {"a.toml", "port = 1\n[[peers]]\npeerId = '--------------------'\nip = '::1'\nport = 0\n", 5,
         "0 is out of range, 1 to 65535"},
        {"a.json",
         "{\"port\": 1, \"peers\": [\n{\"peerId\": \"--------------------\", \"ip\": \"::1\", \"port\": 1},\n"
         "{\"peerId\": \"--------------------\", \"ip\": \"::1\", \"port\": 1}]}",
         3, "peers[1].ip: [::1]:1 is listed twice"},
        {"a.toml", "port = 1\npeers = 5\n", 2, "peers: must be a list of tables"},
        {"a.json", "{\"port\": 1,\n\"peers\": [\n5]}", 3, "peers[0]: must be a table, found integer"},
        {"a.toml", "port = 1\ninterval = 0\n", 2, "interval: 0 is out of range"},
        {"a.toml", "port = 1\ninterval = nan\n", 2, "out of range"},
        {"a.toml", "port = 1\ninterval = 10\nminInterval = 11\n", 3, "minInterval: must not be over interval"},
        {"a.toml", "port = 1\ninterval = 10\npeerTimeout = 9\n", 3, "peerTimeout: must not be under interval"},
        {"a.toml", "port = 1\nmaxNumwant = 5\nnumwant = 6\n", 3, "numwant: must not be over maxNumwant"},
        {"a.toml", "port = 1\neventsLevel = 'all'\n", 2, "summary, decision or wire"},
        {"a.toml", "port = 1\norder = 'sorted'\n", 2, "order: must be one of random, fixed"},
        {"a.toml", "port = 1\nselfInList = true\n", 2, "selfInList: must be a string, found boolean"},
        {"a.toml", "port = 1\nstaticPeers = 'last'\n", 2, "one of first, only"},
        {"a.toml", "port = 1\nprofile = 'home'\n", 2, "one of lab, public"},
        {"a.toml", "port = 1\nretryIn = 'later'\n", 2, "a number of minutes or \"never\""},
        {"a.toml", "port = 1\nretryIn = 0\n", 2, "out of range"},
        {"a.toml", "port = 1\nallow = ['abc']\n", 2, "allow: \"abc\" is no info_hash"},
        {"a.toml", "port = 1\n\nallowFile = 'none.txt'\n", 3, "allowFile: "},
        {"a.toml", "port = 1\ndenyFile = 'bad.txt'\n", 2, "bad.txt:2: an info_hash is 40 hex digits"},
        {"a.toml", "port = 1\npasskeys = ['a/b']\n", 2, "passkeys: a passkey has 1 to 128"},
        {"a.toml", "port = 1\npasskeyFile = 'empty.txt'\n", 2, "there is no passkey in it"},
        {"a.toml", "port = 1\nipFrom = ['10.0.0.1/8']\n", 2, "ipFrom: \"10.0.0.1/8\" is no address or range"},
        {"a.toml", "port = 1\nloopbackAs = ['10.0.0.1', '10.0.0.2']\n", 2, "at most one address of each family"},
        {"a.toml", "port = 1\nbind = ['::', '::']\n", 2, ":: is listed twice"},
        {"a.toml", "port = 1\n[http]\nprot = 2\n", 3, "unknown key http.prot; did you mean port?"},
        {"a.toml", "port = 1\n[http]\nproxyProtocol = true\n", 3, "needs proxies"},
        {"a.toml", "port = 1\n[http]\nenabled = false\n[udp]\nenabled = false\n", 1, "no door is open"},
        {"a.toml", "port = 1\n[udp]\ngrace = -1\n", 3, "udp.grace: -1 is out of range"},
        {"a.toml", "port = 1\n[https]\nport = 2\n", 2, "https.certificate is missing"},
        {"a.toml", "port = 1\n[https]\ncertificate = 'x'\nkey = 'x'\n", 2, "https.port is missing"},
        {"a.toml", "port = 1\n[https]\nport = 2\ncertificate = 'bad.txt'\nkey = 'bad.txt'\n", 4, "https.certificate: "},
        {"a.toml", "port = 1\n[https]\nport = 2\ncertificate = 'none.pem'\nkey = 'bad.txt'\n", 4, "none.pem"},
        {"a.toml", "port = 1\n[[torrents]]\ninterval = 2\n", 2, "one of torrentFile and infoHash is needed"},
        {"a.toml", "port = 1\n[[torrents]]\ntorrentFile = 'no.torrent'\n", 3, "no.torrent: No such file"},
        {"a.toml", "port = 1\n[[torrents]]\ninfoHash = 'x'\n", 3, "torrents[0].infoHash: must be 40 hex digits"},
        {"a.toml", "port = 1\n[[torrents]]\nintervall = 2\n", 3, "did you mean interval?"},
        {"a.toml", "port = 1\npeerTimeout = 900\n[udp]\ninterval = 1000\n", 2, "peerTimeout: must not be under"},
        {"a.toml", "port = 1\nport = 2\n", 2, "port"},
        {"a.json", "{\"port\": 1,\n\"port\": 2}", 2, "a second time"},
        {"a.toml", "port = \n", 1, ""},
        {"a.json", "{\"port\": 1,\n}", 2, "not JSON"},
        {"a.json", "[1]", 1, "must be one JSON object"},
    };
    folder.write("conf/bad.txt", "# one\nthis is none\n");
    folder.write("conf/empty.txt", "# none\n");
    for (const Case& c : cases) {
        CAPTURE(c.text);
        const std::string path = folder.write("conf/" + std::string(c.name), c.text);
        const auto config = load_config(path);
        REQUIRE_FALSE(config);
        CAPTURE(config.error().detail);
        CHECK(config.error().code == ErrorCode::InvalidConfig);
        CHECK(config.error().detail.starts_with(path + ":" + std::to_string(c.line) + ": "));
        CHECK(config.error().detail.find(c.says) != std::string::npos);
    }
}

TEST_CASE("a torrent file that is none is refused with file and line, as a bad torrent") {
    const Folder folder;
    folder.write("conf/bad.torrent", "d4:info");
    const std::string path = folder.write("conf/a.toml", "port = 1\ntorrentFile = 'bad.torrent'\n");
    const auto config = load_config(path);
    REQUIRE_FALSE(config);
    CHECK(config.error().detail.starts_with(path + ":2: torrentFile: "));
    CHECK(config.error().detail.find("at byte") != std::string::npos);
    CHECK(app::exit_code_for(config.error()) == app::ExitCode::BadTorrent);
}

TEST_CASE(
    "a list of torrent files is tracked, no torrent file tracks any, an ending other than toml or json is refused") {
    const Folder folder;
    const auto two = load_config(folder.write("conf/a.toml", "port = 1\ntorrentFile = ['../torrents/x.torrent']\n"));
    REQUIRE(two);
    CHECK(two->torrent_names == std::vector<std::string>{"x"});
    const auto none = load_config(folder.write("conf/b.toml", "port = 0\n"));
    REQUIRE(none);
    CHECK(none->node.announce.torrents.empty());
    const auto yaml = load_config(folder.write("conf/a.yaml", "port: 1\n"));
    REQUIRE_FALSE(yaml);
    CHECK(yaml.error().detail.find(".toml or .json") != std::string::npos);
    CHECK_FALSE(load_config(folder.write("conf/c.toml", "") + ".missing.toml"));
}

TEST_CASE("times follow each other where the file says only one of them") {
    const Folder folder;
    const auto quick = load_config(folder.write("conf/a.toml", "port = 1\ninterval = 1.5\n"));
    REQUIRE(quick);
    CHECK(quick->node.announce.interval == milliseconds(1500));
    CHECK(quick->node.announce.min_interval == milliseconds(1500));
    const auto slow = load_config(folder.write("conf/b.toml", "port = 1\ninterval = 1800\n"));
    REQUIRE(slow);
    CHECK(slow->node.announce.registry.peer_timeout == seconds(3660));
}

TEST_CASE("a section of a door says otherwise for that door only") {
    const Folder folder;
    const auto config = load_config(folder.write("conf/a.toml", R"(port = 1
bind = "127.0.0.1"
interval = 20
[http]
port = 2
bind = ["127.0.0.2", "::1"]
interval = 10
[udp]
)"));
    REQUIRE(config);
    CHECK(config->doors().http == std::vector<Endpoint>{*Endpoint::parse("127.0.0.2:2"), *Endpoint::parse("[::1]:2")});
    CHECK(config->doors().udp == std::vector<Endpoint>{*Endpoint::parse("127.0.0.1:1")});
    CHECK(config->node.announce.interval == seconds(10));
    CHECK(config->node.announce.udp_interval == seconds(20));
    const auto quiet = load_config(folder.write("conf/b.toml", "port = 1\n[udp]\nenabled = false\n"));
    REQUIRE(quiet);
    CHECK(quiet->doors().udp.empty());
    CHECK(quiet->doors().http.size() == 2);
}

TEST_CASE("the public profile changes defaults, and what is said rules over it") {
    const Folder folder;
    const auto config = load_config(folder.write("conf/a.toml", "port = 1\nprofile = 'public'\n"));
    REQUIRE(config);
    const AnnounceSettings& announce = config->node.announce;
    CHECK(announce.interval == seconds(1800));
    CHECK(announce.min_interval == seconds(900));
    CHECK(announce.interval_jitter == seconds(90));
    CHECK(announce.registry.peer_timeout == seconds(2 * 1890 + 60));
    CHECK_FALSE(announce.follows_key);
    const auto quick =
        load_config(folder.write("conf/b.toml", "port = 1\nprofile = 'public'\ninterval = 20\nfollowKey = true\n"));
    REQUIRE(quick);
    CHECK(quick->node.announce.interval == seconds(20));
    CHECK(quick->node.announce.min_interval == seconds(20));
    CHECK(quick->node.announce.interval_jitter == seconds(1));
    CHECK(quick->node.announce.follows_key);
}

TEST_CASE("a torrent with settings of its own is served where only listed ones are, and lists nothing by itself") {
    const Folder folder;
    const std::string own = "[[torrents]]\ninfoHash = '" + std::string(40, 'a') + "'\ninterval = 7\n";
    const auto open = load_config(folder.write("conf/a.toml", "port = 1\n" + own));
    REQUIRE(open);
    CHECK(open->node.announce.allowed.empty());
    CHECK(open->node.announce.per_torrent.size() == 1);
    const auto listed =
        load_config(folder.write("conf/b.toml", "port = 1\nallow = ['" + std::string(40, 'b') + "']\n" + own));
    REQUIRE(listed);
    CHECK(listed->node.announce.allowed.size() == 2);
}

}  // namespace
}  // namespace bt::tracker
