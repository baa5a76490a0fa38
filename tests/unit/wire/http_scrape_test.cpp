#include "common/wire/http_scrape.h"

#include "common/wire/http_announce.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::wire;

namespace {

InfoHash hash_of_char(char c) {
    InfoHash hash;
    hash.fill(static_cast<Byte>(c));
    return hash;
}

Result<ScrapeReply> parse_scrape(std::string_view text) { return parse_scrape_reply(as_bytes(text)); }

const std::string kA(20, 'a');
const std::string kB(20, 'b');

}  // namespace

TEST_CASE("a scrape's URL names every torrent, behind the query that the announce URL has") {
    CHECK(scrape_request_url("http://t/announce", {hash_of_char('a')}) == "http://t/scrape?info_hash=" + kA);
    CHECK(scrape_request_url("http://t/announce?key=1", {hash_of_char('a'), hash_of_char('\x01')}) ==
          "http://t/scrape?key=1&info_hash=" + kA +
              "&info_hash=%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01");
    CHECK_FALSE(scrape_request_url("http://t/tracker", {hash_of_char('a')}));
    CHECK_FALSE(scrape_request_url("http://t/announce", {}));
}

TEST_CASE("a scrape reply is read, and written as it is read") {
    const std::string text =
        "d5:filesd20:" + kA + "d8:completei5e10:downloadedi50e10:incompletei10ee20:" + kB + "d8:completei0eeee";
    const auto reply = parse_scrape(text);
    REQUIRE(reply);
    REQUIRE(reply->torrents.size() == 2);
    CHECK(reply->torrents[0].info_hash == hash_of_char('a'));
    CHECK(reply->torrents[0].complete == 5u);
    CHECK(reply->torrents[0].downloaded == 50u);
    CHECK(reply->torrents[0].incomplete == 10u);
    CHECK(reply->torrents[1].complete == 0u);
    CHECK_FALSE(reply->torrents[1].downloaded);
    CHECK(as_text(encode_scrape_reply(*reply)) == text);
}

TEST_CASE("an info_hash that a tracker wrote as UTF-8 is understood, cut or wrong ones are no info_hash") {
    InfoHash hash;
    std::string text;
    for (std::size_t i = 0; i < hash.size(); ++i) {
        hash[i] = static_cast<Byte>(i * 13 + 4);
        if (hash[i] >= 0x80) text += static_cast<char>(hash[i] < 0xC0 ? 0xC2 : 0xC3);
        text += static_cast<char>(hash[i] < 0x80 ? hash[i] : 0x80 | (hash[i] & 0x3F));
    }
    const auto torrents = [](const std::string& key) {
        return parse_scrape("d5:filesd" + std::to_string(key.size()) + ":" + key + "d8:completei5eeee")->torrents;
    };
    REQUIRE(text.size() > 20);
    REQUIRE(torrents(text).size() == 1);
    CHECK(torrents(text)[0].info_hash == hash);
    CHECK(torrents(text)[0].complete == 5u);
    CHECK(torrents(text + "a").empty());
    CHECK(torrents(text.substr(0, text.size() - 1)).empty());
    CHECK(torrents(std::string(19, 'a') + "\xC4\x80").empty());  // over Latin-1
    CHECK(torrents(std::string(19, 'a') + "\x80\x80").empty());
}

TEST_CASE("a scrape may fail with a reason, in either spelling") {
    CHECK(parse_scrape("d14:failure reason2:noe")->failure_reason == "no");
    CHECK(parse_scrape("d14:failure_reason2:noe")->failure_reason == "no");
    CHECK(as_text(encode_scrape_reply({"no", {}})) == "d14:failure reason2:noe");
}

TEST_CASE("bad input: scrape replies of odd shape are refused or read as far as they make sense") {
    CHECK_FALSE(parse_scrape("de"));
    CHECK_FALSE(parse_scrape("d5:filesi1ee"));
    CHECK_FALSE(parse_scrape("le"));
    CHECK_FALSE(parse_scrape("<html>"));
    CHECK(parse_scrape("d5:filesdee")->torrents.empty());
    CHECK(parse_scrape("d5:filesd3:abcd8:completei1eeee")->torrents.empty());
    CHECK(parse_scrape("d5:filesd20:" + kA + "i1eee")->torrents.empty());
    CHECK_FALSE(parse_scrape("d5:filesd20:" + kA + "d8:completei-1eeee")->torrents[0].complete);
    CHECK(parse_scrape_reply(ByteBuffer(kMaxAnnounceReply + 1)).error().fault == Fault::Remote);

    const auto of = [](std::size_t count) {
        std::string text = "d5:filesd";
        for (std::size_t i = 0; i < count; ++i) {
            std::string key = std::to_string(i);
            key.insert(0, 20 - key.size(), '0');
            text += "20:" + key + "de";
        }
        return text + "ee";
    };
    CHECK(parse_scrape(of(kMaxScrapeTorrents))->torrents.size() == kMaxScrapeTorrents);
    CHECK(parse_scrape(of(kMaxScrapeTorrents + 1))->torrents.size() == kMaxScrapeTorrents);
}
