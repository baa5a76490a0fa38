// The UDP side of the tracker under arbitrary datagrams from a few addresses. Each step of the input: what (its lowest
// bit: a good connection id is put in; the rest: time that passes), who, length, datagram. Whatever comes: silence
// without a good id, else an answer with the transaction id that the question had, that our own client can read, with
// no more peers than fit, never the announcer itself; and the registry stays sound.

#include <algorithm>
#include <cstdint>

#include "common/base/byte_cursor.h"
#include "common/base/check.h"
#include "tracker/udp_front.h"

namespace {

using namespace bt;

Endpoint source_of(std::uint8_t byte) {
    const auto port = static_cast<std::uint16_t>(1000 + byte % 2);
    if (byte % 4 < 2) return {Address::v4({10, 0, 0, static_cast<Byte>(byte % 32)}), port};
    std::array<Byte, 16> v6{0x20, 0x01};
    v6[15] = static_cast<Byte>(byte % 32);
    return {Address::v6(v6), port};
}

void check_answer(ByteView question, const Endpoint& from, ByteView answer) {
    const auto family = from.address.family();
    const auto reply = wire::parse_udp_reply(answer, family);
    BT_CHECK(reply.has_value());
    BT_CHECK(reply->transaction_id == load_u32(question.data() + 12));
    if (std::holds_alternative<wire::UdpConnectReply>(reply->body))
        BT_CHECK(answer.size() == 16 && question.size() >= 16);
    if (const auto* announce = std::get_if<wire::UdpAnnounceReply>(&reply->body)) {
        const Endpoint announcer{from.address, load_u16(question.data() + 96)};
        BT_CHECK(announce->peers.size() <= tracker::kMaxUdpPeers);
        BT_CHECK(answer.size() == 20 + announce->peers.size() * (from.address.is_v4() ? 6u : 18u));
        for (const Endpoint& peer : announce->peers) BT_CHECK(peer != announcer && peer.port != 0);
        if (load_u32(question.data() + 80) != 3) BT_CHECK(*announce->complete + *announce->incomplete >= 1);
    }
    if (const auto* scrape = std::get_if<wire::UdpScrapeReply>(&reply->body)) {
        BT_CHECK(scrape->torrents.size() == std::min((question.size() - 16) / 20, wire::kMaxUdpScrape));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tracker::AnnounceSettings settings;
    settings.registry.peer_timeout = seconds(60);
    settings.registry.max_peers = 50;
    settings.registry.max_torrents = 4;
    tracker::AnnounceService service(settings, Rng(1));
    tracker::UdpFront front(service, {1, 2, 3}, {}, telemetry::Telemetry());
    TimePoint now;
    ByteBuffer answer;
    for (ByteView input(data, size); input.size() >= 4;) {
        const std::uint8_t what = input[0];
        const Endpoint from = source_of(input[1]);
        const std::size_t length = std::min<std::size_t>(load_u16(input.data() + 2), input.size() - 4);
        ByteBuffer datagram = to_buffer(input.subspan(4, length));
        input = input.subspan(4 + length);
        now += milliseconds(what / 2 * 250);
        const bool is_proven = what % 2 == 1 && datagram.size() >= 16;
        if (is_proven) {
            const std::uint64_t id = front.ids().make(from.address, now);
            store_u32(datagram.data(), static_cast<std::uint32_t>(id >> 32));
            store_u32(datagram.data() + 4, static_cast<std::uint32_t>(id));
        }
        if (front.answer(datagram, from, now, answer)) {
            BT_CHECK(datagram.size() >= 16);
            // Unless the fuzzer guesses 32 bits of a MAC, only a connect is answered without an id of ours.
            if (!is_proven) BT_CHECK(answer.size() == 16 && load_u32(answer.data()) == 0);
            check_answer(datagram, from, answer);
        } else {
            BT_CHECK(!is_proven && answer.empty());
        }
        service.registry().check_invariants();
    }
    (void)service.expire(now + seconds(61), UINT32_MAX);
    BT_CHECK(service.registry().peer_count() == 0 && service.registry().torrent_count() == 0);
    return 0;
}
