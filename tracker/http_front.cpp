#include "tracker/http_front.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/http/forwarded.h"
#include "common/meta/bencode.h"

namespace bt::tracker {
namespace {

constexpr std::string_view kPlainText = "text/plain";

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

Result<std::vector<InfoHash>> parse_scrape_query(std::string_view query, std::uint32_t max) {
    constexpr std::string_view kName = "info_hash=";
    std::vector<InfoHash> hashes;
    std::uint64_t offset = 0;
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        if (part.starts_with(kName)) {
            const auto value = percent_decode(part.substr(kName.size()));
            if (!value || value->size() != sizeof(InfoHash)) {
                return fail(
                    remote_error(ErrorCode::InvalidTracker, "info_hash: must be 20 bytes, %-encoded (BEP 48)", offset));
            }
            if (hashes.size() == max) {
                return fail(remote_error(ErrorCode::InvalidTracker,
                                         "info_hash: at most " + std::to_string(max) + " in one scrape", offset));
            }
            std::copy_n(as_bytes(*value).begin(), sizeof(InfoHash), hashes.emplace_back().begin());
        }
        query.remove_prefix(std::min(part.size() + 1, query.size()));
        offset += part.size() + 1;
    }
    return hashes;
}

HttpFront::HttpFront(AnnounceService& service, HttpSettings settings, telemetry::Telemetry telemetry)
    : service_(service), settings_(std::move(settings)), telemetry_(telemetry) {}

bool HttpFront::wants_head(const Address& source) const {
    return !settings_.proxies.empty() && !settings_.proxy_protocol && contains(settings_.proxies, source);
}

HttpAnswer HttpFront::answer(const http::Request& request, Caller caller, TimePoint now) {
    if (listener_ == nullptr) return answer_now(request, caller, now);
    seen_ = Seen();
    HttpAnswer made = answer_now(request, caller, now);
    // Pages are no part of the protocol.
    if (made.delivery == nullptr) show(request, caller, now, made);
    return made;
}

void HttpFront::show(const http::Request& request, const Caller& caller, TimePoint now, HttpAnswer& answer) {
    Exchange exchange;
    exchange.time = now;
    exchange.door = caller.door;
    exchange.connection = caller.connection;
    exchange.source = {without_v4_mapping(caller.source), 0};
    exchange.kind = seen_.kind;
    exchange.announce = seen_.announce ? &*seen_.announce : nullptr;
    exchange.scrape = seen_.scrape;
    const std::string line = request.head.empty() ? request.method + " " + request.target + " HTTP/1.1" : "";
    exchange.request = as_bytes(request.head.empty() ? line : request.head);
    // Where no passkey was looked for, the whole path may be one.
    if (!service_.settings().passkeys.empty()) {
        exchange.secret = caller.passkey.empty() ? request.path() : caller.passkey;
    }
    exchange.reply = seen_.reply ? &*seen_.reply : nullptr;
    exchange.refusal = seen_.refusal;
    exchange.status = answer.status;
    exchange.content_type = answer.content_type;
    exchange.keep_alive = request.keep_alive;
    exchange.without_body = request.method == "HEAD";
    exchange.answer = answer.body;
    answer.delivery = listener_->on_exchange(exchange);
}

// Pages for this machine alone must not be for all who come through a proxy on it. Where the proxy does not say for
// whom it asks, or says it wrongly, nobody.
Address HttpFront::page_reader(const http::Request& request, const Address& source) const {
    if (!wants_head(source)) return source;
    const auto named = http::forwarded_for(request.head, settings_.proxies);
    return named && *named ? **named : Address();
}

HttpAnswer HttpFront::answer_now(const http::Request& request, Caller& caller, TimePoint now) {
    const std::string_view path = request.path();
    const bool is_announce = path.ends_with("announce");
    const bool is_scrape = path.ends_with("/scrape");
    if (!is_announce && !is_scrape && pages_ != nullptr) {
        if (auto page = pages_->page(request, page_reader(request, caller.source), now)) return *std::move(page);
    }
    if (!is_announce && !is_scrape) return refuse(404, "not found\n", request, caller, now);
    if (request.method != "GET") return refuse(405, "only GET\n", request, caller, now);
    caller.passkey = passkey_of(path);
    seen_.kind = is_announce ? ExchangeKind::Announce : ExchangeKind::Scrape;
    if (wants_head(caller.source)) {
        const auto named = http::forwarded_for(request.head, settings_.proxies);
        if (!named) {
            const std::string reason = named.error().message();
            return {200, kPlainText,
                    is_announce ? refuse_announce(refusal(reason), caller, now) : refuse_scrape(reason, caller, now)};
        }
        caller.source = named->value_or(caller.source);
    }
    return {200, kPlainText,
            is_announce ? announce(request.query(), caller, now) : scrape(request.query(), caller, now)};
}

HttpAnswer HttpFront::refuse(int status, std::string_view text, const http::Request& request, const Caller& caller,
                             TimePoint now) {
    ++counters_.refused;
    if (listener_ != nullptr) seen_.refusal = text;
    if (telemetry_.wants(telemetry::Level::Decision)) {
        const std::string_view path = request.path();
        const bool is_secret = !service_.settings().passkeys.empty();
        telemetry_.emit(now, telemetry::Level::Decision, "request_refused", caller.connection,
                        {{"source", caller.source.to_string()},
                         {"method", request.method},
                         {"path", is_secret ? std::string_view("(with a passkey)") : path},
                         {"status", status}});
    }
    return {status, kPlainText, to_buffer(as_bytes(text))};
}

ByteBuffer HttpFront::refuse_announce(const wire::AnnounceReply& reply, const Caller& caller, TimePoint now) {
    ++counters_.refused;
    if (listener_ != nullptr) {
        seen_.refusal = *reply.failure_reason;
        seen_.reply = reply;
    }
    if (telemetry_.wants(telemetry::Level::Decision)) {
        telemetry_.emit(now, telemetry::Level::Decision, "announce_refused", caller.connection,
                        {{"source", caller.source.to_string()}, {"reason", *reply.failure_reason}});
    }
    return wire::encode_announce_reply(reply, true, true);
}

ByteBuffer HttpFront::announce(std::string_view query, const Caller& caller, TimePoint now) {
    const auto request = wire::parse_announce_query(query);
    if (!request) return refuse_announce(refusal(request.error().message()), caller, now);
    if (listener_ != nullptr) seen_.announce = *request;
    const bool may_be_quick = listener_ == nullptr && request->compact.value_or(true) && !telemetry_.wants(telemetry::Level::Decision);
    ByteBuffer body;
    if (may_be_quick && announce_quickly(*request, caller, now, body)) return body;
    const wire::AnnounceReply reply = service_.announce(*request, {caller.source, caller.door, caller.passkey}, now);
    if (reply.failure_reason) return refuse_announce(reply, caller, now);
    ++counters_.announces;
    if (listener_ != nullptr) seen_.reply = reply;
    if (telemetry_.wants(telemetry::Level::Decision)) emit_announced(*request, reply, caller, now);
    return wire::encode_announce_reply(reply, request->compact.value_or(true), request->no_peer_id);
}

// Nobody looks on, and nothing but the usual is to be said.
bool HttpFront::announce_quickly(const wire::AnnounceRequest& request, const Caller& caller, TimePoint now,
                                 ByteBuffer& body) {
    QuickReply reply;
    v4_.clear();
    v6_.clear();
    if (!service_.announce_quickly(request, {caller.source, caller.door, caller.passkey}, now, reply, &v4_, &v6_))
        return false;
    ++counters_.announces;
    wire::write_compact_announce_reply(reply.counts.complete, reply.counts.incomplete, reply.interval_s,
                                       reply.min_interval_s, v4_, v6_, body);
    return true;
}

void HttpFront::emit_announced(const wire::AnnounceRequest& request, const wire::AnnounceReply& reply,
                               const Caller& caller, TimePoint now) const {
    const Endpoint peer{*service_.peer_address(request, caller.source), request.port};
    telemetry_.emit(now, telemetry::Level::Decision, "announced", caller.connection,
                    {{"door", door_name(caller.door)},
                     {"info_hash", to_hex(request.info_hash)},
                     {"peer", peer.to_string()},
                     {"peer_id", to_hex(request.peer_id)},
                     {"announce_event", wire::event_name(request.event)},
                     {"left", request.left},
                     {"uploaded", request.uploaded},
                     {"downloaded", request.downloaded},
                     {"told", static_cast<std::uint64_t>(reply.peers.size())},
                     {"complete", *reply.complete},
                     {"incomplete", *reply.incomplete}});
}

Result<std::vector<InfoHash>> HttpFront::scraped(std::string_view query) const {
    BT_TRY_ASSIGN(auto hashes, parse_scrape_query(query, settings_.max_scrape));
    if (!hashes.empty()) return hashes;
    if (!settings_.full_scrape) {
        return fail(remote_error(ErrorCode::InvalidTracker,
                                 "info_hash: missing, this tracker does not list everything (BEP 48)"));
    }
    service_.registry().list(kMaxFullScrape, hashes);
    return hashes;
}

ByteBuffer HttpFront::refuse_scrape(const std::string& reason, const Caller& caller, TimePoint now) {
    ++counters_.refused;
    if (listener_ != nullptr) seen_.refusal = reason;
    if (telemetry_.wants(telemetry::Level::Decision)) {
        telemetry_.emit(now, telemetry::Level::Decision, "scrape_refused", caller.connection,
                        {{"source", caller.source.to_string()}, {"reason", reason}});
    }
    return wire::encode_announce_reply(refusal(reason), true, true);
}

ByteBuffer HttpFront::scrape(std::string_view query, const Caller& caller, TimePoint now) {
    if (!service_.knows_passkey(caller.passkey)) {
        return refuse_scrape("passkey: missing, or not known to this tracker", caller, now);
    }
    auto hashes = scraped(query);
    if (!hashes) return refuse_scrape(hashes.error().message(), caller, now);
    ++counters_.scrapes;
    if (listener_ != nullptr) seen_.scrape = *hashes;
    if (telemetry_.wants(telemetry::Level::Decision)) {
        telemetry_.emit(now, telemetry::Level::Decision, "scraped", caller.connection,
                        {{"door", door_name(caller.door)},
                         {"source", caller.source.to_string()},
                         {"torrents", static_cast<std::uint64_t>(hashes->size())}});
    }
    return encode_scrape(std::move(*hashes), service_, now);
}

}  // namespace bt::tracker
