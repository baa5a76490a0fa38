// A connection to the tracker from its first byte: what comes is read as HTTP, asked and answered, with the switches
// that the input's first two bytes choose. Every answer with status 200 is a canonical bencoded dictionary; a failure
// names no passkey; the registry stays sound.

#include <algorithm>
#include <cstdint>

#include "common/base/check.h"
#include "common/http/server_connection.h"
#include "common/meta/bencode.h"
#include "tracker/http_front.h"

using namespace bt;

namespace {

const Address kProxy = Address::v4({10, 0, 0, 1});

tracker::AnnounceSettings announce_settings(std::uint8_t bits) {
    tracker::AnnounceSettings settings;
    settings.registry.max_peers = 50;
    settings.registry.max_torrents = 5;
    settings.order = (bits & 1) != 0 ? tracker::PeerOrder::Fixed : tracker::PeerOrder::Random;
    settings.self_in_list = static_cast<tracker::SelfInList>(bits >> 1 & 1);
    settings.counts_self = (bits & 4) == 0;
    if ((bits & 8) != 0) settings.passkeys = {"sesame"};
    if ((bits & 16) != 0) settings.ip_sources = {*AddressRange::parse("0.0.0.0/0")};
    if ((bits & 32) != 0) settings.loopback_v4 = Address::v4({192, 0, 2, 1});
    if ((bits & 64) != 0) settings.interval_jitter = seconds(40);
    settings.external_ip = (bits & 128) != 0;
    settings.static_peers = {{{Address::v4({127, 0, 0, 5}), 7001}, {}}};
    return settings;
}

tracker::HttpSettings http_settings(std::uint8_t bits) {
    tracker::HttpSettings settings;
    settings.full_scrape = (bits & 1) != 0;
    if ((bits & 2) != 0) settings.proxies = {*AddressRange::parse("10.0.0.0/8")};
    settings.max_scrape = 3;
    return settings;
}

void check_answer(const tracker::HttpAnswer& answer) {
    if (answer.status != 200) {
        BT_CHECK(answer.status == 404 || answer.status == 405);
        return;
    }
    const auto document = meta::BencodeDocument::parse(answer.body);
    BT_CHECK(document && document->is_canonical() && document->root().is_dict());
    if (document->root().find("files")) return;
    const auto reply = wire::parse_announce_reply(answer.body);
    BT_CHECK(reply.has_value());
    if (reply->failure_reason) {
        BT_CHECK(reply->failure_reason->find("sesame") == std::string::npos);
        return;
    }
    BT_CHECK(reply->interval_s.value() >= 1 && reply->min_interval_s.value() <= *reply->interval_s);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    tracker::AnnounceService service(announce_settings(data[0]), Rng(1));
    tracker::HttpFront front(service, http_settings(data[1]), telemetry::Telemetry());
    http::ServerConnection connection((TimePoint()));
    connection.keep_heads();
    TimePoint now;
    const std::size_t step = data[2] + 1u;
    ByteView input(data + 3, size - 3);
    while (!input.empty() && !connection.wants_close()) {
        const ByteView part = input.first(std::min(step, input.size()));
        input = input.subspan(part.size());
        connection.receive(part, now);
        while (const auto request = connection.poll_request()) {
            now += milliseconds(500);
            const tracker::HttpAnswer answer = front.answer(*request, {kProxy}, now);
            check_answer(answer);
            connection.respond(answer.status, answer.content_type, answer.body, now);
            connection.output().clear();
            service.registry().check_invariants();
        }
    }
    service.configure(announce_settings(static_cast<std::uint8_t>(~data[0])));
    service.registry().check_invariants();
    return 0;
}
