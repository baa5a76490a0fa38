// The switches of AnnounceSettings, each against what it changes.

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/times.h"
#include "tracker/announce_service.h"

namespace bt::tracker {
namespace {

using bt::test_time::kStart;
using wire::AnnounceEvent;
using wire::AnnounceReply;
using wire::AnnounceRequest;

Address outside_host(Byte last) { return Address::v4({10, 0, 0, last}); }
Endpoint peer_at(Byte last) { return {outside_host(last), 6881}; }

AnnounceRequest switch_request(std::uint64_t left, AnnounceEvent event = AnnounceEvent::None) {
    AnnounceRequest request;
    request.info_hash[0] = 1;
    request.port = 6881;
    request.left = left;
    request.event = event;
    return request;
}

std::vector<Endpoint> told_in_order(const AnnounceReply& reply) {
    std::vector<Endpoint> out;
    for (const auto& peer : reply.peers) out.push_back(peer.endpoint);
    return out;
}

struct SwitchBench {
    explicit SwitchBench(AnnounceSettings settings = {}) : service(std::move(settings), Rng(1)) {}
    AnnounceReply announce(Byte last, const AnnounceRequest& request = switch_request(5), Asker asker = {}) {
        asker.source = outside_host(last);
        return service.announce(request, asker, kStart);
    }
    void fill(Byte n) {
        for (Byte i = n; i >= 1; --i) CHECK_FALSE(announce(i).failure_reason);
    }
    AnnounceService service;
};

TEST_CASE("in fixed order everybody is told about the same peers, by address and port") {
    AnnounceSettings settings;
    settings.order = PeerOrder::Fixed;
    SwitchBench bench(settings);
    bench.fill(20);
    auto request = switch_request(5);
    request.numwant = 3;
    CHECK(told_in_order(bench.announce(20, request)) == std::vector{peer_at(1), peer_at(2), peer_at(3)});
    CHECK(told_in_order(bench.announce(2, request)) == std::vector{peer_at(1), peer_at(3), peer_at(4)});
}

TEST_CASE("the same rng_seed draws the same peers, another one others") {
    const auto draw = [](std::uint64_t rng_seed) {
        AnnounceService service({}, Rng(rng_seed));
        for (Byte i = 1; i <= 100; ++i) (void)service.announce(switch_request(5), outside_host(i), kStart);
        auto request = switch_request(5);
        request.numwant = 10;
        return told_in_order(service.announce(request, outside_host(100), kStart));
    };
    CHECK(draw(7) == draw(7));
    CHECK(draw(7) != draw(8));
}

TEST_CASE("the announcer is in its own list never, when it is alone, or always, as set") {
    AnnounceSettings settings;
    settings.order = PeerOrder::Fixed;
    settings.self_in_list = SelfInList::WhenAlone;
    SwitchBench alone(settings);
    CHECK(told_in_order(alone.announce(1)) == std::vector{peer_at(1)});
    CHECK(told_in_order(alone.announce(2)) == std::vector{peer_at(1)});
    settings.self_in_list = SelfInList::Always;
    SwitchBench always(settings);
    CHECK(told_in_order(always.announce(1)) == std::vector{peer_at(1)});
    CHECK(told_in_order(always.announce(2)) == std::vector{peer_at(1), peer_at(2)});
    auto one = switch_request(5);
    one.numwant = 1;
    CHECK(told_in_order(always.announce(2, one)) == std::vector{peer_at(2)});
    one.numwant = 0;
    CHECK(told_in_order(always.announce(2, one)).empty());
    CHECK(told_in_order(always.announce(2, switch_request(5, AnnounceEvent::Stopped))).empty());
}

TEST_CASE("who is in its own list is there with the peer id it gave") {
    AnnounceSettings settings;
    settings.self_in_list = SelfInList::Always;
    SwitchBench bench(settings);
    auto request = switch_request(5);
    request.peer_id[0] = 'x';
    const AnnounceReply reply = bench.announce(1, request);
    REQUIRE(reply.peers.size() == 1);
    CHECK(reply.peers[0].peer_id == request.peer_id);
}

TEST_CASE("counts_self off: the announcer is in nobody's statistics but those of others") {
    AnnounceSettings settings;
    settings.counts_self = false;
    SwitchBench bench(settings);
    const AnnounceReply first = bench.announce(1);
    CHECK((first.complete == 0u && first.incomplete == 0u));
    const AnnounceReply seed = bench.announce(2, switch_request(0));
    CHECK((seed.complete == 0u && seed.incomplete == 1u));
    const AnnounceReply again = bench.announce(1);
    CHECK((again.complete == 1u && again.incomplete == 0u));
    const AnnounceReply gone = bench.announce(2, switch_request(0, AnnounceEvent::Stopped));
    CHECK((gone.complete == 0u && gone.incomplete == 1u));
}

TEST_CASE("static peers only: nobody else is named, and everybody is counted") {
    AnnounceSettings settings;
    settings.static_mode = StaticPeers::Only;
    settings.static_peers = {{peer_at(200), {}}, {peer_at(199), {}}};
    SwitchBench bench(settings);
    bench.fill(5);
    const AnnounceReply reply = bench.announce(1);
    CHECK(told_in_order(reply) == std::vector{peer_at(200), peer_at(199)});
    CHECK(reply.incomplete == 5u);
}

TEST_CASE("a torrent has an interval, a min interval and static peers of its own, other torrents have not") {
    AnnounceSettings settings;
    settings.static_peers = {{peer_at(200), {}}};
    settings.udp_interval = seconds(77);
    TorrentSettings& own = settings.per_torrent[switch_request(0).info_hash];
    own = {seconds(7), seconds(3), {{peer_at(201), {}}}};
    SwitchBench bench(settings);
    const AnnounceReply reply = bench.announce(1, switch_request(5), {{}, Door::Udp, {}});
    CHECK((reply.interval_s == 7u && reply.min_interval_s == 3u));
    CHECK(told_in_order(reply) == std::vector{peer_at(200), peer_at(201)});
    auto other = switch_request(5);
    other.info_hash[0] = 2;
    CHECK(bench.announce(1, other).interval_s == 30u);
    CHECK(bench.announce(1, other, {{}, Door::Udp, {}}).interval_s == 77u);
    CHECK(bench.announce(1, other, {{}, Door::Https, {}}).interval_s == 30u);
    CHECK(told_in_order(bench.announce(1, other)) == std::vector{peer_at(200)});
}

TEST_CASE("jitter spreads the interval to both sides, and no further") {
    AnnounceSettings settings;
    settings.interval = seconds(100);
    settings.interval_jitter = seconds(10);
    SwitchBench bench(settings);
    std::uint32_t lowest = UINT32_MAX;
    std::uint32_t highest = 0;
    for (int i = 0; i < 1000; ++i) {
        const AnnounceReply reply = bench.announce(1);
        lowest = std::min(lowest, *reply.interval_s);
        highest = std::max(highest, *reply.interval_s);
        CHECK(*reply.min_interval_s <= *reply.interval_s);
    }
    CHECK(lowest == 90);
    CHECK(highest == 110);
}

TEST_CASE("an interval is a second at least, and no min interval lies above it") {
    AnnounceSettings settings;
    settings.interval = seconds(1);
    settings.interval_jitter = seconds(50);
    settings.min_interval = seconds(1000);
    SwitchBench bench(settings);
    for (int i = 0; i < 100; ++i) {
        const AnnounceReply reply = bench.announce(1);
        CHECK(*reply.interval_s >= 1);
        CHECK(*reply.min_interval_s <= *reply.interval_s);
    }
}

TEST_CASE("a denied torrent is refused though it is listed, and one that is not listed where some are") {
    AnnounceSettings settings;
    settings.retry_in = wire::RetryIn{10};
    auto listed = switch_request(5);
    auto denied = switch_request(5);
    denied.info_hash[0] = 2;
    auto other = switch_request(5);
    other.info_hash[0] = 3;
    settings.denied = {denied.info_hash};
    SwitchBench open(settings);
    CHECK_FALSE(open.announce(1, other).failure_reason);
    CHECK(open.announce(1, denied).failure_reason->starts_with("info_hash: "));
    settings.allowed = {listed.info_hash, denied.info_hash};
    SwitchBench closed(settings);
    CHECK_FALSE(closed.announce(1, listed).failure_reason);
    const AnnounceReply reply = closed.announce(1, denied);
    CHECK(reply.failure_reason->starts_with("info_hash: "));
    CHECK(reply.retry_in == wire::RetryIn{10});
    CHECK(closed.announce(1, other).failure_reason->starts_with("info_hash: "));
    CHECK(closed.service.registry().torrent_count() == 1);
}

TEST_CASE("with passkeys only who has one is served, through whatever door") {
    AnnounceSettings settings;
    settings.passkeys = {"sesame"};
    SwitchBench bench(settings);
    CHECK(bench.announce(1).failure_reason->starts_with("passkey: missing"));
    const auto unknown = bench.announce(1, switch_request(5), {{}, Door::Udp, "other"}).failure_reason;
    CHECK(unknown->starts_with("passkey: "));
    CHECK(unknown->find("other") == std::string::npos);
    CHECK_FALSE(bench.announce(1, switch_request(5), {{}, Door::Udp, "sesame"}).failure_reason);
    CHECK(bench.service.registry().peer_count() == 1);
}

TEST_CASE("the passkey is what stands between the first slash and the last") {
    CHECK(passkey_of("/sesame/announce") == "sesame");
    CHECK(passkey_of("/a/b/announce?x=/y") == "a/b");
    for (const char* none : {"/announce", "", "announce", "//announce", "/"}) CHECK(passkey_of(none).empty());
}

TEST_CASE("ip= counts for a listed source and for nobody else") {
    AnnounceSettings settings;
    settings.ip_sources = {*AddressRange::parse("10.0.0.8/32")};
    settings.order = PeerOrder::Fixed;
    settings.external_ip = true;
    SwitchBench bench(settings);
    auto request = switch_request(5);
    request.ip = "192.0.2.1";
    CHECK(bench.announce(8, request).external_ip == Address::v4({192, 0, 2, 1}));
    CHECK(bench.announce(9, request).external_ip == outside_host(9));
    request.ip = "2001:db8::1";
    CHECK(bench.announce(8, request).external_ip == Address::parse("2001:db8::1"));
    for (const char* bad : {"host.example", "0.0.0.0", "1.2.3", "::"}) {
        request.ip = bad;
        CHECK(bench.announce(8, request).failure_reason->starts_with("ip: "));
        CHECK_FALSE(bench.announce(9, request).failure_reason);
    }
    CHECK(told_in_order(bench.announce(1)) == std::vector<Endpoint>{peer_at(9),
                                                                    {Address::v4({192, 0, 2, 1}), 6881},
                                                                    {*Address::parse("2001:db8::1"), 6881}});
}

TEST_CASE("loopback stands for the chosen address, of its family only") {
    AnnounceSettings settings;
    settings.loopback_v4 = outside_host(77);
    settings.external_ip = true;
    AnnounceService service(settings, Rng(1));
    CHECK(service.announce(switch_request(5), Address::v4({127, 3, 2, 1}), kStart).external_ip == outside_host(77));
    CHECK(service.announce(switch_request(5), *Address::parse("::ffff:127.0.0.1"), kStart).external_ip ==
          outside_host(77));
    CHECK(service.announce(switch_request(5), *Address::parse("::1"), kStart).external_ip == Address::parse("::1"));
    CHECK(service.announce(switch_request(5), outside_host(1), kStart).external_ip == outside_host(1));
}

TEST_CASE("a peer that comes from a new address with its peer id and key has moved") {
    SwitchBench bench;
    auto request = switch_request(5);
    request.key = "secret";
    (void)bench.announce(1, request);
    CHECK(bench.announce(2, request).incomplete == 1u);
    CHECK(told_in_order(bench.announce(3)) == std::vector{peer_at(2)});
    auto other_key = request;
    other_key.key = "other";
    CHECK(bench.announce(4, other_key).incomplete == 3u);
    auto other_torrent = request;
    other_torrent.info_hash[0] = 2;
    CHECK(bench.announce(2, other_torrent).incomplete == 1u);
    CHECK(bench.announce(2, request).incomplete == 3u);
    // Gone from where it is, whatever address it says so from.
    auto stopped = request;
    stopped.event = AnnounceEvent::Stopped;
    CHECK(bench.announce(9, stopped).incomplete == 2u);
}

TEST_CASE("one peer may be there with both families, and with follows_key off with many addresses") {
    auto request = switch_request(5);
    request.key = "secret";
    SwitchBench bench;
    (void)bench.announce(1, request);
    CHECK(bench.service.announce(request, *Address::parse("2001:db8::1"), kStart).incomplete == 2u);
    AnnounceSettings settings;
    settings.follows_key = false;
    SwitchBench off(settings);
    (void)off.announce(1, request);
    CHECK(off.announce(2, request).incomplete == 2u);
}

TEST_CASE("beyond its capacity the identity book forgets who announced longest ago") {
    IdentityBook book(Rng(1), 2);
    InfoHash hash{};
    PeerId id{};
    CHECK_FALSE(book.moved(hash, id, "a", peer_at(1)));
    CHECK_FALSE(book.moved(hash, id, "b", peer_at(2)));
    CHECK_FALSE(book.moved(hash, id, "a", peer_at(1)));
    CHECK_FALSE(book.moved(hash, id, "c", peer_at(3)));
    CHECK(book.size() == 2);
    CHECK(book.moved(hash, id, "a", peer_at(4)) == peer_at(1));
    CHECK_FALSE(book.moved(hash, id, "b", peer_at(5)));
}

TEST_CASE("tracker id and warning are in every answer but refusals") {
    AnnounceSettings settings;
    settings.tracker_id = "t1";
    settings.warning = "maintenance at noon";
    SwitchBench bench(settings);
    const AnnounceReply reply = bench.announce(1);
    CHECK(reply.tracker_id == "t1");
    CHECK(reply.warning_message == "maintenance at noon");
    auto bad = switch_request(5);
    bad.port = 0;
    CHECK(bench.announce(1, bad).warning_message.empty());
}

TEST_CASE("new settings hold from the next announce on and nobody is forgotten") {
    SwitchBench bench;
    bench.fill(3);
    AnnounceSettings settings;
    settings.interval = seconds(11);
    settings.torrents = {switch_request(5).info_hash};
    bench.service.configure(settings);
    const AnnounceReply reply = bench.announce(1);
    CHECK(reply.interval_s == 11u);
    CHECK(reply.incomplete == 3u);
    auto other = switch_request(5);
    other.info_hash[0] = 9;
    CHECK(bench.announce(1, other).failure_reason);
    bench.service.configure({});
    CHECK_FALSE(bench.announce(1, other).failure_reason);
}

TEST_CASE("a torrent that is no longer listed is forgotten when it is empty") {
    AnnounceSettings settings;
    settings.torrents = {switch_request(5).info_hash};
    SwitchBench bench(settings);
    CHECK(bench.service.registry().torrent_count() == 1);
    bench.service.configure({});
    CHECK(bench.service.registry().torrent_count() == 0);
}

}  // namespace
}  // namespace bt::tracker
