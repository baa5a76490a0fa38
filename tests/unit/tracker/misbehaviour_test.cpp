#include "tracker/misbehaviour.h"

#include <algorithm>

#include "common/http/gzip_decoder.h"
#include "common/meta/bencode.h"
#include "tests/support/catch.h"
#include "tests/unit/tracker/exchanges.h"
#include "tracker/bad_answer.h"

using namespace bt;
using namespace bt::tracker;
using test::HonestExchange;

namespace {

std::unique_ptr<Delivery> spoil(const Action& action, const HonestExchange& honest) {
    REQUIRE(applies(action.kind, honest.exchange));
    Rng rng(1);
    auto delivery = misbehave(action, honest.exchange, rng);
    REQUIRE(delivery != nullptr);
    return delivery;
}

Action action_of(ActionKind kind) {
    Action action;
    action.kind = kind;
    return action;
}

std::string all_bytes(const Delivery& delivery) {
    std::string text;
    for (const auto& step : delivery.steps) text += as_text(step.bytes);
    return text;
}

std::string head_of(const std::string& response) { return response.substr(0, response.find("\r\n\r\n") + 4); }
std::string body_of(const std::string& response) { return response.substr(response.find("\r\n\r\n") + 4); }
std::string header_of(const std::string& response, const std::string& name) {
    const std::size_t at = head_of(response).find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 4;
    return response.substr(begin, response.find("\r\n", begin) - begin);
}

std::string http_body(const Action& action, const HonestExchange& honest) {
    const std::string response = all_bytes(*spoil(action, honest));
    CHECK(header_of(response, "Content-Length") == std::to_string(body_of(response).size()));
    return body_of(response);
}

std::vector<std::string> keys_of(const std::string& body) {
    std::vector<std::string> keys;
    const auto entries = read_entries(as_bytes(body)).value();
    for (const Entry& entry : entries) keys.push_back(entry.key);
    return keys;
}

wire::UdpReply udp_reply(const Delivery& delivery) {
    REQUIRE(delivery.steps.size() == 1);
    return wire::parse_udp_reply(delivery.steps.front().bytes, Address::Family::V4).value();
}

std::vector<std::string> compact_peers(const std::string& body) {
    std::vector<std::string> out;
    const auto document = meta::BencodeDocument::parse(as_bytes(body)).value();
    const auto peers = as_bytes(document.root().find_string("peers").value());
    for (std::size_t i = 0; i + 6 <= peers.size(); i += 6) {
        out.push_back(Endpoint::from_compact_v4(peers.data() + i).to_string());
    }
    return out;
}

}  // namespace

TEST_CASE("every action has a name of its own and is found by it") {
    const auto names = action_names();
    CHECK(names.size() == kActionCount);
    for (const auto name : names) CHECK(action_info(parse_action(name).value()).name == name);
    CHECK_FALSE(parse_action("Failure").has_value());
}

TEST_CASE("an action leaves alone what it cannot spoil") {
    HonestExchange http;
    HonestExchange udp(Door::Udp);
    CHECK_FALSE(applies(ActionKind::TransactionId, http.exchange));
    CHECK_FALSE(applies(ActionKind::Status, udp.exchange));
    udp.set_connect();
    CHECK_FALSE(applies(ActionKind::PeersSelf, udp.exchange));
    CHECK(applies(ActionKind::Duplicate, udp.exchange));
    udp.set_answer({});  // the honest tracker is silent
    CHECK_FALSE(applies(ActionKind::Duplicate, udp.exchange));
    http.exchange.refusal = "port: must be from 1 to 65535";
    CHECK_FALSE(applies(ActionKind::PeersSelf, http.exchange));
    CHECK_FALSE(applies(ActionKind::AddKeys, http.exchange));
    CHECK(applies(ActionKind::Gzip, http.exchange));
    http.exchange.kind = ExchangeKind::Other;  // a page
    for (const auto name : action_names()) CHECK_FALSE(applies(*parse_action(name), http.exchange));
}

TEST_CASE("failure over HTTP is a failure reason, with retry in where it is asked for") {
    HonestExchange honest;
    Action action = action_of(ActionKind::Failure);
    action.text = "come back later";
    CHECK(http_body(action, honest) == "d14:failure reason15:come back latere");
    action.retry_in = wire::RetryIn{5};
    CHECK(http_body(action, honest) == "d14:failure reason15:come back later8:retry ini5ee");
    action.retry_in = wire::RetryIn{};
    CHECK(http_body(action, honest) == "d14:failure reason15:come back later8:retry in5:nevere");
}

TEST_CASE("failure over UDP is an error packet of the same transaction") {
    HonestExchange honest(Door::Udp);
    Action action = action_of(ActionKind::Failure);
    action.text = "no";
    const wire::UdpReply reply = udp_reply(*spoil(action, honest));
    CHECK(reply.transaction_id == 0x01020304);
    CHECK(std::get<wire::UdpErrorReply>(reply.body).message == "no");
}

TEST_CASE("warning leaves the reply as it is and says one thing more") {
    HonestExchange honest;
    Action action = action_of(ActionKind::Warning);
    action.text = "beware";
    const auto reply = wire::parse_announce_reply(as_bytes(http_body(action, honest))).value();
    CHECK(reply.warning_message == "beware");
    CHECK(reply.peers.size() == 2);
}

TEST_CASE("status answers with that status and a text; the connection goes on") {
    HonestExchange honest;
    Action action = action_of(ActionKind::Status);
    action.status = 503;
    action.text = "busy";
    const auto delivery = spoil(action, honest);
    CHECK(all_bytes(*delivery).starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    CHECK(body_of(all_bytes(*delivery)) == "busy\n");
    CHECK(delivery->end == Delivery::End::Keep);
    honest.exchange.keep_alive = false;
    const auto last = spoil(action, honest);
    CHECK(header_of(all_bytes(*last), "Connection") == "close");
    CHECK(last->end == Delivery::End::Close);
    honest.exchange.without_body = true;  // HEAD
    CHECK(body_of(all_bytes(*spoil(action, honest))).empty());
}

TEST_CASE("silence sends nothing, over both doors") {
    for (const Door door : {Door::Http, Door::Udp}) {
        const HonestExchange honest(door);
        const auto delivery = spoil(action_of(ActionKind::Silence), honest);
        CHECK(delivery->steps.empty());
        CHECK(delivery->end == Delivery::End::Keep);
    }
}

TEST_CASE("reset cuts off behind half a body, or behind as many bytes as it is told") {
    const HonestExchange honest;
    Action action = action_of(ActionKind::Reset);
    auto delivery = spoil(action, honest);
    CHECK(delivery->end == Delivery::End::Reset);
    CHECK(body_of(all_bytes(*delivery)).size() == honest.answer.size() - honest.answer.size() / 2);
    action.bytes = 0;
    delivery = spoil(action, honest);
    CHECK(all_bytes(*delivery).empty());
    CHECK(delivery->end == Delivery::End::Reset);
}

TEST_CASE("drip sends the whole answer at the rate it is told, slow or fast") {
    const HonestExchange honest;
    for (const std::uint64_t rate : {std::uint64_t{1}, std::uint64_t{7}, std::uint64_t{10}, std::uint64_t{1000}}) {
        Action action = action_of(ActionKind::Drip);
        action.bytes = rate;
        const auto delivery = spoil(action, honest);
        const std::string whole = all_bytes(*delivery);
        CHECK(body_of(whole) == as_text(honest.answer));
        Duration taken = Duration::zero();
        for (const auto& step : delivery->steps) taken += step.wait;
        const double ideal = static_cast<double>(whole.size()) / static_cast<double>(rate);
        CHECK(to_seconds(taken) == Approx(ideal).margin(1.0 / static_cast<double>(rate) + 0.11));
    }
}

TEST_CASE("a drip of a huge reply stays within so many steps") {
    HonestExchange honest;
    honest.set_answer(ByteBuffer(100'000, 'x'));
    Action action = action_of(ActionKind::Drip);
    action.bytes = 1;
    CHECK(spoil(action, honest)->steps.size() <= kMaxSteps);
}

TEST_CASE("delay is the honest answer later") {
    for (const Door door : {Door::Http, Door::Udp}) {
        const HonestExchange honest(door);
        Action action = action_of(ActionKind::Delay);
        action.wait = seconds(3);
        const auto delivery = spoil(action, honest);
        REQUIRE(delivery->steps.size() == 1);
        CHECK(delivery->steps[0].wait == seconds(3));
        CHECK(all_bytes(*delivery).ends_with(as_text(honest.answer)));
    }
}

TEST_CASE("truncate ends the bencode early in a response that is whole, and cuts a datagram") {
    const HonestExchange http;
    Action action = action_of(ActionKind::Truncate);
    const std::string half = http_body(action, http);
    CHECK(half.size() == http.answer.size() / 2);
    CHECK_FALSE(meta::BencodeDocument::parse(as_bytes(half)).has_value());
    action.bytes = 1;
    CHECK(http_body(action, http) == "d");
    const HonestExchange udp(Door::Udp);
    action.bytes = 15;
    CHECK(all_bytes(*spoil(action, udp)).size() == 15);
}

TEST_CASE("oversize is right in everything but its size") {
    const HonestExchange http;
    const Action action = action_of(ActionKind::Oversize);
    const std::string body = http_body(action, http);
    CHECK(body.size() > wire::kMaxAnnounceReply);
    const auto document = meta::BencodeDocument::parse(as_bytes(body)).value();
    CHECK(document.is_canonical());
    CHECK(document.root().find_integer("interval") == 30);
    const HonestExchange udp(Door::Udp);
    CHECK(all_bytes(*spoil(action, udp)).size() > 8'192);
}

TEST_CASE("wrongLength claims more or less than it sends, and closes") {
    const HonestExchange honest;
    Action action = action_of(ActionKind::WrongLength);
    for (const int off_by : {10, -3, -100'000}) {
        action.off_by = off_by;
        const auto delivery = spoil(action, honest);
        const std::string response = all_bytes(*delivery);
        CHECK(body_of(response) == as_text(honest.answer));
        const auto claimed = std::max<std::int64_t>(0, static_cast<std::int64_t>(honest.answer.size()) + off_by);
        CHECK(header_of(response, "Content-Length") == std::to_string(claimed));
        CHECK(delivery->end == Delivery::End::Close);
    }
}

TEST_CASE("chunked sends the reply in chunks of so many bytes") {
    HonestExchange honest;
    honest.set_answer(to_buffer(as_bytes("d8:intervali30e5:peers0:e")));
    Action action = action_of(ActionKind::Chunked);
    action.bytes = 16;
    const std::string response = all_bytes(*spoil(action, honest));
    CHECK(header_of(response, "Transfer-Encoding") == "chunked");
    CHECK(header_of(response, "Content-Length").empty());
    CHECK(body_of(response) == "10\r\nd8:intervali30e5\r\n9\r\n:peers0:e\r\n0\r\n\r\n");
}

TEST_CASE("gzip packs the reply whether it was asked for or not") {
    const HonestExchange honest;
    const std::string response = all_bytes(*spoil(action_of(ActionKind::Gzip), honest));
    CHECK(header_of(response, "Content-Encoding") == "gzip");
    http::GzipDecoder decoder;
    ByteBuffer body;
    REQUIRE(decoder.receive(as_bytes(body_of(response)), body, 1u << 20).has_value());
    CHECK(body == honest.answer);
}

TEST_CASE("redirect points to another tracker with the same query, or to itself") {
    HonestExchange honest;
    const std::string query = wire::to_query(honest.announce);
    Action action = action_of(ActionKind::Redirect);
    action.status = 302;
    CHECK(header_of(all_bytes(*spoil(action, honest)), "Location") == "http://tracker.test:80/announce?" + query);
    action.text = "http://127.0.0.2:6969/announce";
    CHECK(header_of(all_bytes(*spoil(action, honest)), "Location") == action.text + "?" + query);
    action.text += "?key=1";
    CHECK(header_of(all_bytes(*spoil(action, honest)), "Location") == action.text + "&" + query);
    action.text.clear();
    honest.request = "GET /announce?x HTTP/1.0\r\n\r\n";  // no Host
    honest.exchange.request = as_bytes(honest.request);
    CHECK(header_of(all_bytes(*spoil(action, honest)), "Location") == "/announce?x");
}

TEST_CASE("transactionId answers somebody else's question") {
    const HonestExchange honest(Door::Udp);
    CHECK(udp_reply(*spoil(action_of(ActionKind::TransactionId), honest)).transaction_id == ~std::uint32_t{0x01020304});
}

TEST_CASE("duplicate sends the datagram as often as it is told, reorder holds it back") {
    const HonestExchange honest(Door::Udp);
    Action action = action_of(ActionKind::Duplicate);
    action.count = 3;
    const auto copies = spoil(action, honest);
    REQUIRE(copies->steps.size() == 3);
    for (const auto& step : copies->steps) CHECK(step.bytes == honest.answer);
    action = action_of(ActionKind::Reorder);
    action.wait = seconds(2);
    const auto late = spoil(action, honest);
    REQUIRE(late->steps.size() == 1);
    CHECK(late->steps[0].wait == seconds(2));
    CHECK(late->steps[0].bytes == honest.answer);
}

TEST_CASE("expiredConnectionId gives an id that is not valid, and calls a valid one too old") {
    HonestExchange honest(Door::Udp);
    Action action = action_of(ActionKind::ExpiredId);
    action.text = "connection id expired";
    CHECK(std::get<wire::UdpErrorReply>(udp_reply(*spoil(action, honest)).body).message == "connection id expired");
    honest.set_connect();
    const wire::UdpReply reply = udp_reply(*spoil(action, honest));
    CHECK(reply.transaction_id == 0x01020304);
    CHECK(std::get<wire::UdpConnectReply>(reply.body).connection_id == ~std::uint64_t{0x1122334455667788});
}

TEST_CASE("keys are added in their place, taken away, turned round and doubled") {
    const HonestExchange honest;
    const std::vector<std::string> sorted = {"complete", "incomplete", "interval", "peers"};
    REQUIRE(keys_of(std::string(as_text(honest.answer))) == sorted);

    Action action = action_of(ActionKind::AddKeys);
    action.keys = {{"x", "hello"}, {"interval", std::int64_t{7}}, {"aa", std::int64_t{1}}};
    const std::string added = http_body(action, honest);
    CHECK(keys_of(added) == std::vector<std::string>{"aa", "complete", "incomplete", "interval", "peers", "x"});
    CHECK(meta::BencodeDocument::parse(as_bytes(added)).value().root().find_integer("interval") == 7);

    action = action_of(ActionKind::RemoveKeys);
    action.keys = {{"interval", std::int64_t{0}}, {"peers", std::int64_t{0}}, {"unknown", std::int64_t{0}}};
    CHECK(keys_of(http_body(action, honest)) == std::vector<std::string>{"complete", "incomplete"});

    const std::string turned = http_body(action_of(ActionKind::UnsortedKeys), honest);
    CHECK(keys_of(turned) == std::vector<std::string>{"peers", "interval", "incomplete", "complete"});
    CHECK_FALSE(meta::BencodeDocument::parse(as_bytes(turned)).value().is_canonical());

    CHECK(keys_of(http_body(action_of(ActionKind::DuplicateKeys), honest)).size() == 2 * sorted.size());
}

TEST_CASE("odd peer lists over HTTP are what their names say") {
    const HonestExchange honest;
    using List = std::vector<std::string>;
    const auto peers = [&](ActionKind kind) { return compact_peers(http_body(action_of(kind), honest)); };
    CHECK(peers(ActionKind::PeersDuplicate) == List{"127.0.0.1:7001", "127.0.0.1:7001", "127.0.0.1:7001",
                                                    "127.0.0.2:7002", "127.0.0.2:7002", "127.0.0.2:7002"});
    CHECK(peers(ActionKind::PeersPortZero) == List{"127.0.0.1:0", "127.0.0.2:0"});
    CHECK(peers(ActionKind::PeersSelf) == List{"127.0.0.7:6881"});
    CHECK(peers(ActionKind::PeersNone).empty());
    const List private_peers = peers(ActionKind::PeersPrivate);
    CHECK(std::count(private_peers.begin(), private_peers.end(), "192.168.0.1:6881") == 1);

    const std::string odd = http_body(action_of(ActionKind::PeersOddLength), honest);
    const auto document = meta::BencodeDocument::parse(as_bytes(odd)).value();
    CHECK(document.root().find_string("peers").value().size() == 13);
    CHECK_FALSE(wire::parse_announce_reply(as_bytes(odd)).has_value());
}

TEST_CASE("odd peer lists keep to dictionaries where the honest reply has them") {
    HonestExchange honest;
    honest.set_announce(false);
    const std::string body = http_body(action_of(ActionKind::PeersSelf), honest);
    const auto document = meta::BencodeDocument::parse(as_bytes(body)).value();
    REQUIRE(document.root().find("peers")->is_list());
    CHECK(document.root().find("peers")->first_child()->find_string("ip") == "127.0.0.7");
}

TEST_CASE("where the swarm is empty the announcer is what odd peer lists are made of") {
    HonestExchange honest;
    honest.reply.peers.clear();
    honest.set_announce();
    CHECK(compact_peers(http_body(action_of(ActionKind::PeersDuplicate), honest)).size() == 3);
}

TEST_CASE("odd peer lists over UDP stand behind the honest head") {
    const HonestExchange honest(Door::Udp);
    const auto reply = udp_reply(*spoil(action_of(ActionKind::PeersDuplicate), honest));
    CHECK(std::get<wire::UdpAnnounceReply>(reply.body).peers.size() == 6);
    CHECK(std::get<wire::UdpAnnounceReply>(reply.body).interval_s == 30);
    CHECK(all_bytes(*spoil(action_of(ActionKind::PeersOddLength), honest)).size() == 20 + 2 * 6 + 1);
    CHECK(all_bytes(*spoil(action_of(ActionKind::PeersNone), honest)).size() == 20);
}

TEST_CASE("invented peers are of the range they are to come from, and the same for the same rng_seed") {
    const HonestExchange honest;
    Action action = action_of(ActionKind::PeersInvented);
    action.count = 40;
    for (const char* range : {"192.0.2.0/24", "127.66.0.0/17"}) {
        action.range = AddressRange::parse(range);
        const auto peers = compact_peers(http_body(action, honest));
        CHECK(peers.size() == 40);
        for (const std::string& peer : peers) CHECK(action.range->contains(Endpoint::parse(peer)->address));
        CHECK(peers == compact_peers(http_body(action, honest)));
    }
    action.range.reset();
    action.count = 2'000;
    CHECK(compact_peers(http_body(action, honest)).size() == kMaxInvented);
}

TEST_CASE("an announcer of IPv6 is misled about IPv6 peers") {
    for (const Door door : {Door::Http, Door::Udp}) {
        HonestExchange honest(door, "[::1]:5000");
        honest.reply.peers.clear();
        honest.set_announce();
        Action action = action_of(ActionKind::PeersInvented);
        action.count = 2;
        const std::string bytes = all_bytes(*spoil(action, honest));
        if (door == Door::Udp) {
            CHECK(bytes.size() == 20 + 2 * 18);
        } else {
            CHECK(wire::parse_announce_reply(as_bytes(body_of(bytes))).value().peers.size() == 2);
        }
    }
}
