// announce_quickly() against announce(): the same requests to two services, one asked in each way.

#include <set>

#include "tests/support/catch.h"
#include "tracker/announce_service.h"

namespace bt::tracker {
namespace {

Address address_of(std::uint64_t number) {
    if (number % 3 != 0) return Address::v4({10, 0, 0, static_cast<Byte>(number)});
    std::array<Byte, 16> bytes{0xfd};
    bytes[15] = static_cast<Byte>(number);
    return Address::v6(bytes);
}

wire::AnnounceRequest random_request(Rng& rng) {
    using enum wire::AnnounceEvent;
    constexpr wire::AnnounceEvent kEvents[] = {None, Started, Completed, Stopped, Paused};
    wire::AnnounceRequest request;
    request.info_hash[0] = static_cast<Byte>(rng.below(3));
    request.port = static_cast<std::uint16_t>(1 + rng.below(2));
    request.left = rng.below(2);
    request.downloaded = rng.below(2);
    request.event = kEvents[rng.below(5)];
    request.numwant = 200;  // all of them: which ones is for the generator to say
    if (rng.chance(1, 2)) request.key = "k" + std::to_string(rng.below(20));
    return request;
}

std::set<Endpoint> listed(ByteView v4, ByteView v6) {
    std::set<Endpoint> out;
    for (std::size_t i = 0; i < v4.size(); i += 6) out.insert(Endpoint::from_compact_v4(&v4[i]));
    for (std::size_t i = 0; i < v6.size(); i += 18) out.insert(Endpoint::from_compact_v6(&v6[i]));
    return out;
}

TEST_CASE("a quick answer is the whole one: counts, intervals and peers, over random requests") {
    AnnounceSettings settings;
    settings.interval = seconds(70);
    settings.udp_interval = seconds(80);
    settings.registry.peer_timeout = seconds(60);
    settings.loopback_v4 = Address::v4({192, 0, 2, 1});
    AnnounceService whole(settings, Rng(1));
    AnnounceService quick(settings, Rng(2));
    Rng rng(3);
    TimePoint now;
    for (int step = 0; step < 3000; ++step) {
        now += milliseconds(rng.below(1000));
        const wire::AnnounceRequest request = random_request(rng);
        const std::uint64_t who = rng.below(40);
        const Asker asker{
            who == 0 ? Address::v4({127, 0, 0, 1}) : address_of(who), rng.chance(1, 2) ? Door::Udp : Door::Http, {}};
        const wire::AnnounceReply expected = whole.announce(request, asker, now);
        REQUIRE_FALSE(expected.failure_reason);
        QuickReply reply;
        ByteBuffer v4;
        ByteBuffer v6;
        REQUIRE(quick.announce_quickly(request, asker, now, reply, &v4, &v6));
        REQUIRE(reply.interval_s == expected.interval_s);
        REQUIRE(reply.min_interval_s == expected.min_interval_s);
        REQUIRE(reply.counts.complete == expected.complete);
        REQUIRE(reply.counts.incomplete == expected.incomplete);
        std::set<Endpoint> named;
        for (const auto& peer : expected.peers) named.insert(peer.endpoint);
        REQUIRE(listed(v4, v6) == named);
    }
}

TEST_CASE("where there is more to an answer than a quick one has, none is given and nothing is stored") {
    const auto refuses = [](auto&& change) {
        AnnounceSettings settings;
        change(settings);
        AnnounceService service(settings, Rng(1));
        wire::AnnounceRequest request;
        request.port = 1;
        QuickReply reply;
        const bool answered = service.announce_quickly(request, {Address::v4({10, 0, 0, 1}), Door::Http, {}}, {}, reply,
                                                       nullptr, nullptr);
        return !answered && service.registry().peer_count() == 0;
    };
    CHECK_FALSE(refuses([](AnnounceSettings&) {}));
    CHECK(refuses([](AnnounceSettings& s) { s.passkeys.insert("secret"); }));
    CHECK(refuses([](AnnounceSettings& s) { s.per_torrent[InfoHash{}] = {}; }));
    CHECK(refuses([](AnnounceSettings& s) { s.static_peers.push_back({}); }));
    CHECK(refuses([](AnnounceSettings& s) { s.static_mode = StaticPeers::Only; }));
    CHECK(refuses([](AnnounceSettings& s) { s.order = PeerOrder::Fixed; }));
    CHECK(refuses([](AnnounceSettings& s) { s.self_in_list = SelfInList::WhenAlone; }));
    CHECK(refuses([](AnnounceSettings& s) { s.self_in_list = SelfInList::Always; }));
    CHECK(refuses([](AnnounceSettings& s) { s.counts_self = false; }));
    CHECK(refuses([](AnnounceSettings& s) { s.tracker_id = "t"; }));
    CHECK(refuses([](AnnounceSettings& s) { s.warning = "w"; }));
    CHECK(refuses([](AnnounceSettings& s) { s.external_ip = true; }));
    CHECK(refuses([](AnnounceSettings& s) { s.torrents.push_back({1}); }));
    CHECK(refuses([](AnnounceSettings& s) { s.registry.max_peers = 0; }));
}

}  // namespace
}  // namespace bt::tracker
