// UDP tracker packets: what the parsers accept is the same value when it is encoded and parsed again; a session that is
// fed anything keeps its invariants and sends only what a tracker can read.

#include <cstdint>

#include "common/base/check.h"
#include "common/discovery/udp_tracker_session.h"
#include "common/wire/udp_tracker.h"

using namespace bt;
using namespace bt::wire;

namespace {

void reply(ByteView packet, Address::Family family) {
    const auto first = parse_udp_reply(packet, family);
    if (!first) {
        BT_CHECK(first.error().fault == Fault::Remote);
        return;
    }
    BT_CHECK(udp_transaction_id(packet) == first->transaction_id);
    const auto second = parse_udp_reply(encode_udp_reply(*first, family), family);
    BT_CHECK(second.has_value() && second->body.index() == first->body.index());
    if (const auto* announce = std::get_if<UdpAnnounceReply>(&first->body)) {
        const auto& again = std::get<UdpAnnounceReply>(second->body);
        BT_CHECK(again.peers == announce->peers && again.interval_s == announce->interval_s);
        BT_CHECK(announce->peers.size() <= kMaxAnnouncePeers);
    }
    if (const auto* scrape = std::get_if<UdpScrapeReply>(&first->body)) {
        BT_CHECK(scrape->torrents.size() <= kMaxUdpScrape);
        BT_CHECK(std::get<UdpScrapeReply>(second->body).torrents.size() == scrape->torrents.size());
    }
}

void request(ByteView packet) {
    const auto first = parse_udp_request(packet);
    if (!first) {
        BT_CHECK(first.error().fault == Fault::Remote);
        return;
    }
    const ByteBuffer encoded = encode_udp_request(*first);
    const auto second = parse_udp_request(encoded);
    BT_CHECK(second.has_value() && encode_udp_request(*second) == encoded);
}

// The first byte of each step says what the tracker does, the rest comes from the input.
void session(ByteView bytes) {
    discovery::UdpTrackerSession talk(Address::Family::V4, {}, Rng(1));
    TimePoint now{};
    UdpRequest last;
    UdpAnnounceRequest announce;
    announce.announce.port = 1;
    for (std::size_t at = 0; at + 1 < bytes.size() && at < 400; at += 2) {
        const Byte what = bytes[at];
        now += milliseconds(bytes[at + 1] * 40);
        if (what % 8 == 0) (void)talk.ask(announce, now);
        if (what % 8 == 1) (void)talk.ask(UdpScrapeRequest{{InfoHash{}}}, now);
        if (what % 8 == 2) talk.cancel(bytes[at + 1] % 4u);
        if (what % 8 == 3) talk.on_unreachable(remote_error(ErrorCode::ConnectFailed, "gone"));
        if (what % 8 >= 4) {
            ByteBuffer packet = to_buffer(bytes.subspan(at));
            packet.resize(std::max<std::size_t>(packet.size(), 8));
            packet[0] = packet[1] = packet[2] = 0;
            packet[3] = what % 8 - 4;
            for (int i = 0; i < 4; ++i) packet[4 + i] = static_cast<Byte>(last.transaction_id >> (24 - 8 * i));
            talk.receive(packet, now);
        }
        if (talk.next_deadline() <= now) talk.on_deadline(now);
        while (const auto packet = talk.poll_output()) {
            const auto sent = parse_udp_request(*packet);
            BT_CHECK(sent.has_value());
            last = *sent;
        }
        while (talk.poll_answer()) {
        }
        talk.check_invariants();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    reply(bytes, Address::Family::V4);
    reply(bytes, Address::Family::V6);
    request(bytes);
    session(bytes);
    return 0;
}
