// A tracker asked by strangers: each line of the input is one query, its first two bytes say what it is, from whom and
// how much later. Whatever comes, the answer is canonical bencode that our own client can read, never names the
// announcer, and the registry stays sound.

#include <algorithm>
#include <cstdint>

#include "common/base/check.h"
#include "common/meta/bencode.h"
#include "tracker/http_front.h"

namespace {

using namespace bt;

void check_announce(std::string_view query, const Address& source, ByteView body) {
    const auto reply = wire::parse_announce_reply(body);
    BT_CHECK(reply.has_value());
    const auto request = wire::parse_announce_query(query);
    if (!request) {
        BT_CHECK(reply->failure_reason.has_value());
        return;
    }
    if (reply->failure_reason) return;
    BT_CHECK(reply->peers.size() <= 5);
    const Endpoint announcer{source, request->port};
    for (const auto& peer : reply->peers) BT_CHECK(peer.endpoint != announcer && peer.endpoint.port != 0);
    if (request->event != wire::AnnounceEvent::Stopped) BT_CHECK(*reply->complete + *reply->incomplete >= 1);
}

Address source_of(std::uint8_t byte) {
    if (byte % 2 == 0) return Address::v4({10, 0, 0, static_cast<Byte>(byte % 32)});
    std::array<Byte, 16> v6{0x20, 0x01};
    v6[15] = static_cast<Byte>(byte % 32);
    return Address::v6(v6);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tracker::AnnounceSettings settings;
    settings.default_numwant = 3;
    settings.max_numwant = 5;
    settings.registry.peer_timeout = seconds(60);
    settings.registry.max_peers = 50;
    settings.registry.max_torrents = 4;
    tracker::AnnounceService service(settings, Rng(1));
    tracker::HttpFront front(service, {}, telemetry::Telemetry());
    TimePoint now;
    std::string_view input = as_text({data, size});
    while (input.size() >= 2) {
        const auto what = static_cast<std::uint8_t>(input[0]);
        const Address source = source_of(static_cast<std::uint8_t>(input[1]));
        const std::string_view query = input.substr(2, input.find('\n', 2) - 2);
        input.remove_prefix(std::min(input.size(), query.size() + 3));
        now += milliseconds(what / 2 * 250);
        const bool is_announce = what % 2 == 0;
        const ByteBuffer body = is_announce ? front.announce(query, {source}, now) : front.scrape(query, {source}, now);
        const auto document = meta::BencodeDocument::parse(body);
        BT_CHECK(document && document->is_canonical() && document->root().is_dict());
        if (is_announce) check_announce(query, source, body);
        service.registry().check_invariants();
    }
    (void)service.expire(now + seconds(61), UINT32_MAX);
    BT_CHECK(service.registry().peer_count() == 0);
    BT_CHECK(service.registry().torrent_count() == 0);
    return 0;
}
