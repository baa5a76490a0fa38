#include "tracker/rules_config.h"

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::tracker;

namespace {

Result<std::vector<Rule>> read(const std::string& text, app::ConfigFormat format = app::ConfigFormat::Toml) {
    const auto file = app::ConfigFile::parse(text, format, "t.toml");
    REQUIRE(file.has_value());
    return read_rules(*file, file->root());
}

Rule read_one(const std::string& lines) {
    auto rules = read("[[rules]]\n" + lines);
    INFO((rules ? "" : rules.error().detail));
    REQUIRE(rules.has_value());
    return rules->at(0);
}

std::string error_of(const std::string& lines) {
    const auto rules = read("[[rules]]\n" + lines);
    REQUIRE_FALSE(rules.has_value());
    CHECK(rules.error().code == ErrorCode::InvalidConfig);
    return rules.error().detail;
}

}  // namespace

TEST_CASE("a rule is read with all its conditions, from TOML and JSON alike") {
    const std::string toml =
        "[[rules]]\nname = \"n\"\naction = \"failure\"\nreason = \"later\"\nretryIn = 5\n"
        "infoHash = \"0123456789abcdef0123456789abcdef01234567\"\npeer = \"127.0.0.0/8\"\npeerId = \"-TR\"\n"
        "door = \"http\"\nkind = \"announce\"\nevent = \"started\"\nnth = 3\nevery = 5\nfirst = 9\ncount = \"all\"\n"
        "share = 0.25\nfrom = 1\nuntil = 2.5\n";
    const std::string json =
        R"({"rules":[{"name":"n","action":"failure","reason":"later","retryIn":5,
        "infoHash":"0123456789abcdef0123456789abcdef01234567","peer":"127.0.0.0/8","peerId":"-TR","door":"http",
        "kind":"announce","event":"started","nth":3,"every":5,"first":9,"count":"all","share":0.25,"from":1,
        "until":2.5}]})";
    for (const auto& rules : {read(toml), read(json, app::ConfigFormat::Json)}) {
        REQUIRE(rules.has_value());
        const Rule& rule = rules->at(0);
        CHECK(rule.name == "n");
        CHECK(rule.match.info_hash.value()[1] == 0x23);
        CHECK(rule.match.source->to_string() == "127.0.0.0/8");
        CHECK(rule.match.peer_id_prefix == "-TR");
        CHECK(rule.match.door == Door::Http);
        CHECK(rule.match.kind == ExchangeKind::Announce);
        CHECK(rule.match.event == wire::AnnounceEvent::Started);
        CHECK(rule.match.nth == 3);
        CHECK(rule.match.every == 5);
        CHECK(rule.match.first == 9);
        CHECK(rule.match.count_all);
        CHECK(rule.match.share == kShareWhole / 4);
        CHECK(rule.match.from == seconds(1));
        CHECK(rule.match.until == milliseconds(2500));
        CHECK(rule.action.kind == ActionKind::Failure);
        CHECK(rule.action.text == "later");
        CHECK(rule.action.retry_in == wire::RetryIn{5});
    }
}

TEST_CASE("a rule says no more than its action; what it leaves out has defaults") {
    const Rule bare = read_one("action = \"silence\"");
    CHECK(bare.name == "rule 1");
    CHECK(bare.match.share == kShareWhole);
    CHECK(bare.match.until == Duration::max());
    CHECK(read_one("action = \"failure\"\nretryIn = \"never\"").action.retry_in == wire::RetryIn{});
    CHECK(read_one("action = \"status\"").action.status == 503);
    CHECK(read_one("action = \"redirect\"").action.status == 302);
    CHECK(read_one("action = \"duplicate\"").action.count == 2);
    CHECK(read_one("action = \"wrongLength\"").action.off_by == 10);
    CHECK(read_one("action = \"delay\"\ndelay = 0.5").action.wait == milliseconds(500));
    CHECK(read_one("action = \"drip\"\nbytesPerSecond = 20").action.bytes == 20);
    CHECK(read_one("action = \"peersInvented\"\npeers = 7\nrange = \"127.66.0.0/16\"").action.count == 7);
    const Rule keys = read_one("action = \"addKeys\"\n[rules.keys]\nx = \"y\"\ninterval = 1\n");
    CHECK(keys.action.keys.size() == 2);
    CHECK(read_one("action = \"removeKeys\"\nkeys = [\"interval\"]").action.keys.at(0).first == "interval");
}

TEST_CASE("every action can be asked for by its name alone, but those that need keys") {
    for (const auto name : action_names()) {
        if (name == "addKeys" || name == "removeKeys") continue;
        CHECK(read_one("action = \"" + std::string(name) + "\"").action.kind == parse_action(name));
    }
}

TEST_CASE("bad input: a rule that is wrong is refused with its line, and a suggestion where there is one") {
    CHECK(error_of("nth = 1") == "t.toml:1: rules[0].action is missing");
    CHECK(error_of("action = \"silenc\"").find("did you mean \"silence\"?") != std::string::npos);
    CHECK(error_of("action = \"silence\"\n\nnht = 1").starts_with("t.toml:4: "));
    CHECK(error_of("action = \"silence\"\nnht = 1").ends_with("did you mean nth?"));
    CHECK(error_of("acton = \"silence\"").ends_with("did you mean action?"));
    CHECK(error_of("action = \"silence\"\nreason = \"x\"").find("nothing that action \"silence\" takes") !=
          std::string::npos);
    CHECK(error_of("action = \"status\"\ndoor = \"udp\"").find("does not work over udp") != std::string::npos);
    CHECK(error_of("action = \"status\"\nkind = \"connect\"").find("does not work on a connect") != std::string::npos);
    for (const char* line : {"infoHash = \"12\"", "peer = \"here\"", "peer = \"10.0.0.1/8\"", "peerId = \"\"",
                             "peerId = \"123456789012345678901\"", "door = \"tcp\"", "kind = \"other\"",
                             "event = \"begun\"", "nth = 0", "every = -1", "count = \"each\"", "share = 1.1",
                             "from = 5\nuntil = 5", "name = \"\"", "torrent = \"missing.torrent\"",
                             "torrent = \"a\"\ninfoHash = \"0123456789abcdef0123456789abcdef01234567\""}) {
        INFO(line);
        CHECK(error_of("action = \"silence\"\n" + std::string(line)).starts_with("t.toml:"));
    }
    for (const char* lines : {"action = \"failure\"\nretryIn = \"soon\"", "action = \"failure\"\nretryIn = -1",
                              "action = \"status\"\nstatus = 99", "action = \"status\"\ntext = \"a\\nb\"",
                              "action = \"redirect\"\nstatus = 200", "action = \"delay\"\ndelay = 601",
                              "action = \"wrongLength\"\noffBy = 0", "action = \"duplicate\"\ncopies = 101",
                              "action = \"duplicate\"\ncopies = 1", "action = \"oversize\"\nbytes = 16777217",
                              "action = \"peersInvented\"\npeers = 1001", "action = \"addKeys\"",
                              "action = \"removeKeys\"", "action = \"drip\"\nbytesPerSecond = 0"}) {
        INFO(lines);
        CHECK(error_of(lines).starts_with("t.toml:"));
    }
}

TEST_CASE("bad input: two rules of one name, and more rules than there may be") {
    CHECK_FALSE(
        read("[[rules]]\nname=\"a\"\naction=\"silence\"\n[[rules]]\nname=\"a\"\naction=\"silence\"\n").has_value());
    std::string many;
    for (std::size_t i = 0; i < kMaxRules; ++i) many += "[[rules]]\naction=\"silence\"\n";
    CHECK(read(many).has_value());
    CHECK_FALSE(read(many + "[[rules]]\naction=\"silence\"\n").has_value());
}
