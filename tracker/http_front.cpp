#include "tracker/http_front.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/meta/bencode.h"

namespace bt::tracker {
namespace {

constexpr std::string_view kPlainText = "text/plain";

ByteBuffer encode_failure(std::string_view reason) {
    meta::BencodeWriter writer;
    writer.begin_dict().key("failure reason").string(reason).end();
    return writer.take();
}

ByteBuffer encode_scrape(std::vector<InfoHash> hashes, AnnounceService& service, TimePoint now) {
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    meta::BencodeWriter writer;
    writer.begin_dict().key("files").begin_dict();
    for (const InfoHash& info_hash : hashes) {
        const SwarmCounts counts = service.scrape(info_hash, now);
        writer.key(as_text(info_hash)).begin_dict();
        writer.key("complete").integer(static_cast<std::int64_t>(counts.complete));
        writer.key("downloaded").integer(static_cast<std::int64_t>(counts.downloaded));
        writer.key("incomplete").integer(static_cast<std::int64_t>(counts.incomplete));
        writer.end();
    }
    writer.end().end();
    return writer.take();
}

}  // namespace

Result<std::vector<InfoHash>> parse_scrape_query(std::string_view query) {
    constexpr std::string_view kName = "info_hash=";
    std::vector<InfoHash> hashes;
    std::uint64_t offset = 0;
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        if (part.starts_with(kName)) {
            const auto value = percent_decode(part.substr(kName.size()));
            if (!value || value->size() != sizeof(InfoHash)) {
                return fail(remote_error(ErrorCode::InvalidTracker, "info_hash: must be 20 bytes, %-encoded", offset));
            }
            if (hashes.size() == kMaxScrape) {
                return fail(remote_error(ErrorCode::InvalidTracker,
                                         "info_hash: at most " + std::to_string(kMaxScrape) + " in one scrape",
                                         offset));
            }
            std::copy_n(as_bytes(*value).begin(), sizeof(InfoHash), hashes.emplace_back().begin());
        }
        query.remove_prefix(std::min(part.size() + 1, query.size()));
        offset += part.size() + 1;
    }
    if (hashes.empty()) {
        return fail(remote_error(ErrorCode::InvalidTracker, "info_hash: missing, there is no scrape of everything"));
    }
    return hashes;
}

HttpFront::HttpFront(AnnounceService& service, telemetry::Telemetry telemetry)
    : service_(service), telemetry_(telemetry) {}

HttpAnswer HttpFront::answer(const http::Request& request, const Address& source,
                             std::optional<ConnectionId> connection, TimePoint now) {
    const std::string_view path = request.path();
    const bool is_announce = path.ends_with("announce");
    const bool is_scrape = path.ends_with("/scrape");
    if (!is_announce && !is_scrape) return refuse(404, "not found\n", request, source, connection, now);
    if (request.method != "GET") return refuse(405, "only GET\n", request, source, connection, now);
    return {200, kPlainText,
            is_announce ? announce(request.query(), source, connection, now)
                        : scrape(request.query(), source, connection, now)};
}

HttpAnswer HttpFront::refuse(int status, std::string_view text, const http::Request& request, const Address& source,
                             std::optional<ConnectionId> connection, TimePoint now) {
    ++counters_.refused;
    if (telemetry_.wants(telemetry::Level::Decision)) {
        telemetry_.emit(
            now, telemetry::Level::Decision, "request_refused", connection,
            {{"source", source.to_string()}, {"method", request.method}, {"path", request.path()}, {"status", status}});
    }
    return {status, kPlainText, to_buffer(as_bytes(text))};
}

ByteBuffer HttpFront::announce(std::string_view query, const Address& source, std::optional<ConnectionId> connection,
                               TimePoint now) {
    const auto request = wire::parse_announce_query(query);
    const wire::AnnounceReply reply =
        request ? service_.announce(*request, source, now) : refusal(request.error().message());
    ++(reply.failure_reason ? counters_.refused : counters_.announces);
    if (telemetry_.wants(telemetry::Level::Decision)) {
        if (reply.failure_reason) {
            telemetry_.emit(now, telemetry::Level::Decision, "announce_refused", connection,
                            {{"source", source.to_string()}, {"reason", *reply.failure_reason}});
        } else {
            telemetry_.emit(now, telemetry::Level::Decision, "announced", connection,
                            {{"info_hash", to_hex(request->info_hash)},
                             {"peer", Endpoint{without_v4_mapping(source), request->port}.to_string()},
                             {"peer_id", to_hex(request->peer_id)},
                             {"announce_event", wire::event_name(request->event)},
                             {"left", request->left},
                             {"uploaded", request->uploaded},
                             {"downloaded", request->downloaded},
                             {"told", static_cast<std::uint64_t>(reply.peers.size())},
                             {"complete", *reply.complete},
                             {"incomplete", *reply.incomplete}});
        }
    }
    if (reply.failure_reason) return encode_failure(*reply.failure_reason);
    return wire::encode_announce_reply(reply, request->compact.value_or(true), request->no_peer_id);
}

ByteBuffer HttpFront::scrape(std::string_view query, const Address& source, std::optional<ConnectionId> connection,
                             TimePoint now) {
    auto hashes = parse_scrape_query(query);
    ++(hashes ? counters_.scrapes : counters_.refused);
    if (telemetry_.wants(telemetry::Level::Decision)) {
        if (hashes) {
            telemetry_.emit(now, telemetry::Level::Decision, "scraped", connection,
                            {{"source", source.to_string()}, {"torrents", static_cast<std::uint64_t>(hashes->size())}});
        } else {
            telemetry_.emit(now, telemetry::Level::Decision, "scrape_refused", connection,
                            {{"source", source.to_string()}, {"reason", hashes.error().message()}});
        }
    }
    if (!hashes) return encode_failure(hashes.error().message());
    return encode_scrape(std::move(*hashes), service_, now);
}

}  // namespace bt::tracker
