#include "tracker/announce_service.h"

#include <algorithm>
#include <set>

#include "tests/support/catch.h"
#include "tests/support/times.h"

namespace bt::tracker {
namespace {

using bt::test_time::kStart;
using wire::AnnounceEvent;
using wire::AnnounceReply;
using wire::AnnounceRequest;

Address host(Byte last) { return Address::v4({127, 0, 0, last}); }

AnnounceRequest request_of(std::uint64_t left, std::uint16_t port = 6881, AnnounceEvent event = AnnounceEvent::None) {
    AnnounceRequest request;
    request.info_hash[0] = 1;
    request.port = port;
    request.left = left;
    request.event = event;
    return request;
}

KnownPeer static_peer(Byte last) { return {{host(last), 7000}, {}}; }

std::set<Endpoint> told(const AnnounceReply& reply) {
    std::set<Endpoint> out;
    for (const auto& peer : reply.peers) CHECK(out.insert(peer.endpoint).second);
    return out;
}

AnnounceService service_of(AnnounceSettings settings = {}) { return AnnounceService(std::move(settings), Rng(1)); }

// 127.0.0.1 … 127.0.0.n as leechers.
void fill(AnnounceService& service, int n) {
    for (int i = 1; i <= n; ++i) {
        CHECK_FALSE(service.announce(request_of(5), host(static_cast<Byte>(i)), kStart).failure_reason);
    }
}

TEST_CASE("the first announcer is counted at once and told about nobody") {
    auto service = service_of();
    const AnnounceReply reply = service.announce(request_of(5), host(1), kStart);
    CHECK_FALSE(reply.failure_reason);
    CHECK(reply.peers.empty());
    CHECK(reply.complete == 0u);
    CHECK(reply.incomplete == 1u);
    CHECK(reply.interval_s == 30u);
    CHECK(reply.min_interval_s == 5u);
}

TEST_CASE("an announcer is never told about itself, but about others at its address") {
    auto service = service_of();
    fill(service, 3);
    const auto peers = told(service.announce(request_of(5, 6882), host(2), kStart));
    CHECK(peers == std::set<Endpoint>{{host(1), 6881}, {host(2), 6881}, {host(3), 6881}});
    CHECK(told(service.announce(request_of(5, 6881), host(2), kStart)).count({host(2), 6881}) == 0);
}

TEST_CASE("a leecher is told about seeds, a seed only about leechers") {
    auto service = service_of();
    fill(service, 1);
    auto seed = request_of(0);
    (GENERATE(false, true) ? seed.uploaded : seed.downloaded) = 1;
    CHECK(told(service.announce(seed, host(8), kStart)) == std::set<Endpoint>{{host(1), 6881}});
    CHECK(told(service.announce(seed, host(9), kStart)) == std::set<Endpoint>{{host(1), 6881}});
    CHECK(told(service.announce(request_of(5), host(1), kStart)) ==
          std::set<Endpoint>{{host(8), 6881}, {host(9), 6881}});
}

TEST_CASE("who lacks nothing and has moved nothing may be a magnet without a length, and is told about seeds") {
    auto service = service_of();
    fill(service, 1);
    CHECK(told(service.announce(request_of(0), host(8), kStart)) == std::set<Endpoint>{{host(1), 6881}});
    CHECK(told(service.announce(request_of(0), host(9), kStart)) ==
          std::set<Endpoint>{{host(1), 6881}, {host(8), 6881}});
}

TEST_CASE("numwant: absent is 50, 0 is 0, and more than 200 is 200") {
    auto service = service_of();
    fill(service, 230);
    auto request = request_of(5);
    CHECK(service.announce(request, host(1), kStart).peers.size() == 50);
    for (const auto& [numwant, expected] :
         {std::pair{0u, 0u}, {1u, 1u}, {199u, 199u}, {200u, 200u}, {201u, 200u}, {UINT32_MAX, 200u}}) {
        request.numwant = numwant;
        CHECK(told(service.announce(request, host(1), kStart)).size() == expected);
    }
}

TEST_CASE("stopped takes the peer out and is answered without peers") {
    auto service = service_of();
    fill(service, 2);
    const auto reply = service.announce(request_of(5, 6881, AnnounceEvent::Stopped), host(1), kStart);
    CHECK_FALSE(reply.failure_reason);
    CHECK(reply.peers.empty());
    CHECK(reply.incomplete == 1u);
    const auto again = service.announce(request_of(5, 6881, AnnounceEvent::Stopped), host(1), kStart);
    CHECK_FALSE(again.failure_reason);
    CHECK(again.incomplete == 1u);
}

TEST_CASE("started, completed, stopped move a peer through the counts") {
    auto service = service_of();
    const InfoHash info_hash = request_of(0).info_hash;
    (void)service.announce(request_of(5, 6881, AnnounceEvent::Started), host(1), kStart);
    CHECK(service.scrape(info_hash, kStart) == SwarmCounts{0, 1, 0});
    (void)service.announce(request_of(0, 6881, AnnounceEvent::Completed), host(1), kStart);
    CHECK(service.scrape(info_hash, kStart) == SwarmCounts{1, 0, 1});
    (void)service.announce(request_of(0, 6881, AnnounceEvent::Started), host(2), kStart);
    CHECK(service.scrape(info_hash, kStart) == SwarmCounts{2, 0, 1});
    (void)service.announce(request_of(0, 6881, AnnounceEvent::Stopped), host(1), kStart);
    CHECK(service.scrape(info_hash, kStart).complete == 1);
}

TEST_CASE("completed with something left is no download") {
    auto service = service_of();
    (void)service.announce(request_of(5, 6881, AnnounceEvent::Completed), host(1), kStart);
    CHECK(service.scrape(request_of(0).info_hash, kStart) == SwarmCounts{0, 1, 0});
}

TEST_CASE("paused is a leecher that stays in the swarm") {
    auto service = service_of();
    (void)service.announce(request_of(5, 6881, AnnounceEvent::Paused), host(1), kStart);
    CHECK(service.scrape(request_of(0).info_hash, kStart) == SwarmCounts{0, 1, 0});
}

TEST_CASE("port 0 is refused by a reason that names port, port 1 and 65535 are served") {
    auto service = service_of();
    const auto refused = service.announce(request_of(5, 0), host(1), kStart);
    REQUIRE(refused.failure_reason);
    CHECK(refused.failure_reason->starts_with("port: "));
    CHECK(service.scrape(request_of(0).info_hash, kStart) == SwarmCounts{});
    CHECK_FALSE(service.announce(request_of(5, 1), host(1), kStart).failure_reason);
    CHECK_FALSE(service.announce(request_of(5, 65535), host(1), kStart).failure_reason);
}

TEST_CASE("with torrents configured another info_hash is refused, without any all are tracked") {
    AnnounceSettings settings;
    settings.torrents.push_back(request_of(0).info_hash);
    auto listed = service_of(settings);
    auto other = request_of(5);
    other.info_hash[0] = 2;
    CHECK_FALSE(listed.announce(request_of(5), host(1), kStart).failure_reason);
    const auto refused = listed.announce(other, host(1), kStart);
    REQUIRE(refused.failure_reason);
    CHECK(refused.failure_reason->starts_with("info_hash: "));
    auto open = service_of();
    CHECK_FALSE(open.announce(other, host(1), kStart).failure_reason);
}

TEST_CASE("static peers come first in every answer, within numwant, and count nowhere") {
    AnnounceSettings settings;
    settings.static_peers = {static_peer(100), static_peer(101)};
    auto service = service_of(settings);
    fill(service, 3);
    auto request = request_of(5);
    const auto reply = service.announce(request, host(1), kStart);
    REQUIRE(told(reply).size() == 4);
    CHECK(reply.peers[0].endpoint == static_peer(100).endpoint);
    CHECK(reply.peers[1].endpoint == static_peer(101).endpoint);
    CHECK(reply.incomplete == 3u);
    request.numwant = 1;
    CHECK(told(service.announce(request, host(1), kStart)) == std::set<Endpoint>{static_peer(100).endpoint});
    request.numwant = 0;
    CHECK(service.announce(request, host(1), kStart).peers.empty());
    CHECK(told(service.announce(request_of(0), host(9), kStart)).count(static_peer(100).endpoint) == 1);
}

TEST_CASE("a static peer that announces itself is named once to others and never to itself") {
    AnnounceSettings settings;
    settings.static_peers = {static_peer(100)};
    auto service = service_of(settings);
    fill(service, 2);
    CHECK(told(service.announce(request_of(5, 7000), host(100), kStart)) ==
          std::set<Endpoint>{{host(1), 6881}, {host(2), 6881}});
    auto request = request_of(5);
    request.numwant = 2;
    CHECK(told(service.announce(request, host(1), kStart)) ==
          std::set<Endpoint>{static_peer(100).endpoint, {host(2), 6881}});
}

TEST_CASE("what ip= claims is not believed") {
    auto service = service_of();
    auto request = request_of(5);
    request.ip = "10.0.0.1";
    (void)service.announce(request, host(1), kStart);
    CHECK(told(service.announce(request_of(5), host(2), kStart)) == std::set<Endpoint>{{host(1), 6881}});
}

TEST_CASE("an IPv4 address inside IPv6 is the IPv4 peer") {
    auto service = service_of();
    fill(service, 1);
    const auto mapped = Address::parse("::ffff:127.0.0.1");
    REQUIRE(mapped);
    CHECK(service.announce(request_of(5), *mapped, kStart).incomplete == 1u);
    const auto other = Address::parse("::fffe:127.0.0.1");
    REQUIRE(other);
    CHECK(service.announce(request_of(5), *other, kStart).incomplete == 2u);
}

TEST_CASE("a full tracker refuses with a reason") {
    AnnounceSettings settings;
    settings.registry.max_peers = 1;
    auto service = service_of(settings);
    fill(service, 1);
    const auto refused = service.announce(request_of(5), host(2), kStart);
    REQUIRE(refused.failure_reason);
    CHECK(refused.failure_reason->find("full") != std::string::npos);
}

TEST_CASE("the same rng_seed tells the same peers, another one others") {
    const auto run = [](std::uint64_t rng_seed) {
        AnnounceService service({}, Rng(rng_seed));
        fill(service, 100);
        std::vector<Endpoint> all;
        for (const auto& peer : service.announce(request_of(5), host(1), kStart).peers) all.push_back(peer.endpoint);
        return all;
    };
    CHECK(run(1) == run(1));
    CHECK(run(1) != run(2));
}

}  // namespace
}  // namespace bt::tracker
