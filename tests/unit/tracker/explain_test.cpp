#include "tracker/explain.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/unit/tracker/exchanges.h"

using namespace bt;
using namespace bt::tracker;
using test::HonestExchange;

namespace {

const ExplainedField& field(const std::vector<ExplainedField>& fields, std::string_view name) {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const ExplainedField& f) { return f.name == name; });
    INFO(name);
    REQUIRE(found != fields.end());
    return *found;
}

std::string bytes_of(ByteView bytes, const ExplainedField& f) {
    return std::string(as_text(bytes.subspan(f.begin, f.end - f.begin)));
}

}  // namespace

TEST_CASE("an announce over HTTP is taken apart: each parameter with its bytes, its value and its meaning") {
    HonestExchange honest;
    honest.announce.event = wire::AnnounceEvent::Started;
    honest.set_announce();
    const ByteView bytes = honest.exchange.request;
    const auto fields = explain_http_request(bytes);
    CHECK(bytes_of(bytes, field(fields, "method")) == "GET");
    CHECK(bytes_of(bytes, field(fields, "path")) == "/announce");
    CHECK(field(fields, "info_hash").value == to_hex(honest.announce.info_hash));
    CHECK(bytes_of(bytes, field(fields, "left")) == "left=10");
    CHECK(field(fields, "left").value == "10");
    CHECK_FALSE(field(fields, "left").meaning.empty());
    CHECK(field(fields, "peer_id").value == "-XX0001-------------");
    CHECK(bytes_of(bytes, field(fields, "Host")) == "Host: tracker.test:80");
    std::size_t at = 0;
    for (const ExplainedField& f : fields) {  // in order, none over another
        CHECK(f.begin >= at);
        CHECK(f.end <= bytes.size());
        at = f.end;
    }
}

TEST_CASE("an announce over UDP is taken apart field by field up to the last byte") {
    const wire::AnnounceRequest asked = [] {
        HonestExchange honest;
        return honest.announce;
    }();
    const ByteBuffer bytes = wire::encode_udp_request({0x1122, 7, wire::UdpAnnounceRequest{asked, 42, "/announce"}});
    const auto fields = explain_udp_request(bytes);
    CHECK(field(fields, "action").value == "1");
    CHECK(field(fields, "transaction id").value == "0x00000007");
    CHECK(field(fields, "left").value == "10");
    CHECK(field(fields, "port").value == "6881");
    CHECK(field(fields, "port").end == 98);
    CHECK(field(fields, "options").end == bytes.size());
    CHECK(field(explain_udp_request(wire::encode_udp_request({})), "protocol id").value == "0x0000041727101980");
}

TEST_CASE("answers are taken apart down to the peers, with a head in front and without") {
    const HonestExchange honest;
    for (const std::string head : {"", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"}) {
        const std::string text = head + std::string(as_text(honest.answer));
        const auto fields = explain_http_answer(as_bytes(text));
        CHECK(bytes_of(as_bytes(text), field(fields, "interval")) == "8:intervali30e");
        CHECK(field(fields, "peers").value == "2 peers");
        const ExplainedField& peer = field(fields, "peer");
        CHECK(peer.value == "127.0.0.1:7001");
        CHECK(peer.end - peer.begin == 6);
        CHECK(static_cast<Byte>(text[peer.begin]) == 127);
    }
    const HonestExchange udp(Door::Udp);
    const auto fields = explain_udp_answer(udp.answer, Address::Family::V4);
    CHECK(field(fields, "leechers").value == "2");
    CHECK(fields.back().value == "127.0.0.2:7002");
}

TEST_CASE("bad input: what is cut off or nonsense is explained as far as it goes") {
    const HonestExchange honest;
    CHECK(explain_http_answer(as_bytes("d8:intervali3")).front().meaning.starts_with("no whole bencoded reply"));
    CHECK(field(explain_http_answer(as_bytes("d5:peers7:abcdefge")), "odd bytes").value == "67");
    CHECK(explain_udp_request(as_bytes("abc")).front().meaning == "the packet ends inside a field");
    CHECK(explain_udp_answer(as_bytes("abcdefgh"), Address::Family::V4).size() == 2);
    CHECK(explain_http_request({}).empty());
    CHECK(explain_udp_request({}).empty());
    for (std::size_t size = 0; size <= honest.request.size(); ++size) {
        for (const auto& f : explain_http_request(as_bytes(honest.request).first(size))) CHECK(f.end <= size);
    }
}

TEST_CASE("bad input: fields and values are bounded") {
    std::string query = "GET /announce?";
    for (int i = 0; i < 1000; ++i) query += "a=" + std::string(300, 'x') + "&";
    const auto fields = explain_http_request(as_bytes(query));
    CHECK(fields.size() == kMaxExplained);
    CHECK(fields.back().value.size() == kMaxExplainedValue);
}
