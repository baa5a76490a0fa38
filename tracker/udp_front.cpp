#include "tracker/udp_front.h"

#include <algorithm>

#include "common/base/byte_cursor.h"
#include "common/base/encoding.h"

namespace bt::tracker {
namespace {

using telemetry::Level;
using wire::UdpAction;

constexpr std::size_t kUdpAnnounceSize = 98;  // without options

// Counts of the wire are signed 32-bit numbers.
std::uint32_t to_count(std::uint64_t count) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, INT32_MAX));
}

// As clients write the same key over HTTP.
std::string hex_key(std::uint32_t key) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    std::string text(8, '0');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = kDigits[key >> (28 - 4 * i) & 15];
    return text;
}

}  // namespace

UdpFront::UdpFront(AnnounceService& service, const crypto::SipKey& key, ConnectionIdSettings ids,
                   telemetry::Telemetry telemetry)
    : service_(service), ids_(key, ids), telemetry_(telemetry) {}

bool UdpFront::answer(ByteView datagram, const Endpoint& from, TimePoint now, ByteBuffer& out) {
    out.clear();
    if (listener_ == nullptr) return answer_now(datagram, from, now, out);
    seen_ = Seen();
    const bool has_answer = answer_now(datagram, from, now, out);
    return show(datagram, from, now, has_answer, out);
}

bool UdpFront::show(ByteView datagram, const Endpoint& from, TimePoint now, bool has_answer, ByteView answer) {
    Exchange exchange;
    exchange.time = now;
    exchange.door = Door::Udp;
    exchange.source = from;
    exchange.kind = seen_.kind;
    exchange.announce = seen_.has_request ? &request_.announce : nullptr;
    exchange.scrape = seen_.scrape;
    exchange.request = datagram;
    // The options of BEP 41, read or not: a passkey may stand in them.
    const bool has_secret = !service_.settings().passkeys.empty() && datagram.size() > kUdpAnnounceSize;
    if (has_secret) exchange.secret = as_text(datagram.subspan(kUdpAnnounceSize));
    exchange.reply = seen_.has_reply ? &reply_ : nullptr;
    exchange.refusal = seen_.refusal;
    exchange.answer = answer;
    delivery_ = listener_->on_exchange(exchange);
    if (!has_answer) delivery_.reset();
    return has_answer && delivery_ == nullptr;
}

bool UdpFront::answer_now(ByteView datagram, const Endpoint& from, TimePoint now, ByteBuffer& out) {
    const auto head = wire::udp_request_head(datagram);
    const auto is = [&](UdpAction action) { return head->action == static_cast<std::uint32_t>(action); };
    if (head && is(UdpAction::Connect) && head->connection_id == wire::kUdpProtocolId) {
        ++counters_.connects;
        seen_.kind = ExchangeKind::Connect;
        wire::append_udp_connect(out, head->transaction_id, ids_.make(from.address, now));
        return true;
    }
    if (!head || !ids_.is_good(head->connection_id, from.address, now)) {
        ++counters_.silent;
        if (listener_ != nullptr)
            seen_.refusal = head ? "connection id: not ours, or expired" : "shorter than a request";
        return false;
    }
    if (is(UdpAction::Announce)) {
        announce(datagram, from, head->transaction_id, now, out);
    } else if (is(UdpAction::Scrape)) {
        scrape(datagram, from, head->transaction_id, now, out);
    } else {
        const std::string reason = is(UdpAction::Connect)
                                       ? "connection id: a connect carries the protocol id 0x41727101980"
                                       : "action: " + std::to_string(head->action) +
                                             " is no request, only 0 (connect), 1 (announce) and 2 "
                                             "(scrape) are";
        refuse("request_refused", reason, from, head->transaction_id, now, out);
    }
    return true;
}

void UdpFront::announce(ByteView datagram, const Endpoint& from, std::uint32_t transaction_id, TimePoint now,
                        ByteBuffer& out) {
    seen_.kind = ExchangeKind::Announce;
    const Status read = wire::read_udp_announce(datagram, request_);
    if (!read) return refuse("announce_refused", read.error().message(), from, transaction_id, now, out);
    wire::AnnounceRequest& request = request_.announce;
    request.numwant = std::min(request.numwant.value_or(service_.settings().default_numwant), kMaxUdpPeers);
    request.key = request_.key == 0 ? std::string() : hex_key(request_.key);
    const Asker asker{from.address, Door::Udp, passkey_of(request_.url_data)};
    if (listener_ == nullptr && !telemetry_.wants(Level::Decision) && announce_quickly(asker, transaction_id, now, out))
        return;
    reply_ = service_.announce(request, asker, now);
    seen_.has_request = seen_.has_reply = true;
    if (reply_.failure_reason) {
        return refuse("announce_refused", *reply_.failure_reason, from, transaction_id, now, out);
    }
    ++counters_.announces;
    wire::append_udp_head(out, UdpAction::Announce, transaction_id);
    append_u32(out, to_count(reply_.interval_s.value_or(0)));
    append_u32(out, to_count(reply_.incomplete.value_or(0)));
    append_u32(out, to_count(reply_.complete.value_or(0)));
    std::size_t told = 0;
    for (const wire::AnnouncePeer& peer : reply_.peers) {
        if (peer.endpoint.address.family() != from.address.family() || told == kMaxUdpPeers) continue;
        peer.endpoint.append_compact(out);
        ++told;
    }
    if (telemetry_.wants(Level::Decision)) emit_announced(from, told, now);
}

// Nobody looks on: the answer is written where it stays.
bool UdpFront::announce_quickly(const Asker& asker, std::uint32_t transaction_id, TimePoint now, ByteBuffer& out) {
    constexpr std::size_t kHead = 20;
    QuickReply reply;
    out.resize(kHead);
    const bool is_v4 = asker.source.is_v4();
    if (!service_.announce_quickly(request_.announce, asker, now, reply, is_v4 ? &out : nullptr,
                                   is_v4 ? nullptr : &out)) {
        out.clear();
        return false;
    }
    ++counters_.announces;
    store_u32(out.data(), static_cast<std::uint32_t>(UdpAction::Announce));
    store_u32(out.data() + 4, transaction_id);
    store_u32(out.data() + 8, to_count(reply.interval_s));
    store_u32(out.data() + 12, to_count(reply.counts.incomplete));
    store_u32(out.data() + 16, to_count(reply.counts.complete));
    return true;
}

void UdpFront::emit_announced(const Endpoint& from, std::size_t told, TimePoint now) const {
    const wire::AnnounceRequest& request = request_.announce;
    telemetry_.emit(now, Level::Decision, "announced", std::nullopt,
                    {{"door", "udp"},
                     {"info_hash", to_hex(request.info_hash)},
                     {"peer", Endpoint{without_v4_mapping(from.address), request.port}.to_string()},
                     {"peer_id", to_hex(request.peer_id)},
                     {"announce_event", wire::event_name(request.event)},
                     {"left", request.left},
                     {"uploaded", request.uploaded},
                     {"downloaded", request.downloaded},
                     {"told", static_cast<std::uint64_t>(told)},
                     {"complete", reply_.complete.value_or(0)},
                     {"incomplete", reply_.incomplete.value_or(0)}});
}

void UdpFront::scrape(ByteView datagram, const Endpoint& from, std::uint32_t transaction_id, TimePoint now,
                      ByteBuffer& out) {
    seen_.kind = ExchangeKind::Scrape;
    const auto read = wire::read_udp_scrape(datagram);
    if (!read) return refuse("scrape_refused", read.error().message(), from, transaction_id, now, out);
    ++counters_.scrapes;
    wire::append_udp_head(out, UdpAction::Scrape, transaction_id);
    InfoHash info_hash;
    for (ByteView hashes = *read; !hashes.empty(); hashes = hashes.subspan(info_hash.size())) {
        std::copy_n(hashes.begin(), info_hash.size(), info_hash.begin());
        if (listener_ != nullptr) seen_.scrape.push_back(info_hash);
        const SwarmCounts counts = service_.scrape(info_hash, now);
        append_u32(out, to_count(counts.complete));
        append_u32(out, to_count(counts.downloaded));
        append_u32(out, to_count(counts.incomplete));
    }
    telemetry_.emit(now, Level::Decision, "scraped", std::nullopt,
                    {{"door", "udp"},
                     {"source", telemetry_.wants(Level::Decision) ? from.address.to_string() : std::string()},
                     {"torrents", static_cast<std::uint64_t>(read->size() / info_hash.size())}});
}

void UdpFront::refuse(std::string_view kind, std::string_view reason, const Endpoint& from,
                      std::uint32_t transaction_id, TimePoint now, ByteBuffer& out) {
    ++counters_.refused;
    if (listener_ != nullptr) seen_.refusal = reason;
    wire::append_udp_error(out, transaction_id, reason.substr(0, wire::kMaxUdpErrorText));
    if (!telemetry_.wants(Level::Decision)) return;
    telemetry_.emit(now, Level::Decision, kind, std::nullopt,
                    {{"door", "udp"}, {"source", from.address.to_string()}, {"reason", reason}});
}

}  // namespace bt::tracker
