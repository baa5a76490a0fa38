#include "tracker/observer.h"

#include <algorithm>

#include "common/base/encoding.h"

namespace bt::tracker {
namespace {

using telemetry::Level;

std::string shown(const Exchange& exchange, ByteView bytes) {
    if (exchange.door != Door::Udp) return escaped(bytes);
    return to_hex(bytes.first(std::min(bytes.size(), kMaxShownBytes)));
}

std::string hash_of(const Exchange& exchange) {
    if (exchange.announce != nullptr) return to_hex(exchange.announce->info_hash);
    return exchange.scrape.empty() ? std::string() : to_hex(exchange.scrape.front());
}

// What goes out: the delivery's bytes in one piece, or the honest answer.
ByteBuffer sent_bytes(const Exchange& exchange, const Delivery* delivery) {
    if (delivery == nullptr) return to_buffer(exchange.answer.first(std::min(exchange.answer.size(), kMaxShownBytes)));
    ByteBuffer bytes;
    for (const Delivery::Step& step : delivery->steps) {
        if (bytes.size() >= kMaxShownBytes) break;
        append(bytes, ByteView(step.bytes).first(std::min(step.bytes.size(), kMaxShownBytes)));
    }
    return bytes;
}

std::uint64_t sent_size(const Exchange& exchange, const Delivery* delivery) {
    if (delivery == nullptr) return exchange.answer.size();
    std::uint64_t size = 0;
    for (const Delivery::Step& step : delivery->steps) size += step.bytes.size();
    return size;
}

}  // namespace

ByteBuffer without_secret(const Exchange& exchange) {
    ByteBuffer bytes = to_buffer(exchange.request);
    if (exchange.secret.empty()) return bytes;
    for (auto from = bytes.begin();;) {
        from = std::search(from, bytes.end(), exchange.secret.begin(), exchange.secret.end());
        if (from == bytes.end()) return bytes;
        from = std::fill_n(from, exchange.secret.size(), Byte{'*'});
    }
}

std::string escaped(ByteView bytes) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (const Byte byte : bytes.first(std::min(bytes.size(), kMaxShownBytes))) {
        switch (byte) {
            case '\\':
                out += "\\\\";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (byte >= 0x20 && byte < 0x7f) {
                    out += static_cast<char>(byte);
                } else {
                    out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
                }
        }
    }
    return out;
}

std::unique_ptr<Delivery> Observer::on_exchange(Exchange& exchange) {
    auto delivery = rules_.apply(exchange);
    if (delivery && telemetry_.wants(Level::Decision)) emit_misbehaved(exchange);
    if (telemetry_.wants(Level::Wire)) {
        emit_request(exchange);
        emit_answer(exchange, delivery.get());
    }
    if (viewer_ != nullptr) viewer_->on_seen(exchange, delivery.get());
    return delivery;
}

void Observer::emit_misbehaved(const Exchange& exchange) const {
    telemetry_.emit(exchange.time, Level::Decision, "misbehaved", exchange.connection,
                    {{"rule", exchange.rule},
                     {"action", exchange.action},
                     {"door", door_name(exchange.door)},
                     {"request", kind_name(exchange.kind)},
                     {"source", exchange.source.to_string()},
                     {"info_hash", hash_of(exchange)},
                     {"peer_id", exchange.announce != nullptr ? to_hex(exchange.announce->peer_id) : std::string()},
                     {"reason", "a rule of the configuration says so"}});
}

void Observer::emit_request(const Exchange& exchange) const {
    const wire::AnnounceRequest none;
    const wire::AnnounceRequest& asked = exchange.announce != nullptr ? *exchange.announce : none;
    const std::string raw = shown(exchange, without_secret(exchange));
    const auto size = static_cast<std::uint64_t>(exchange.request.size());
    if (exchange.announce == nullptr) {
        telemetry_.emit(exchange.time, Level::Wire, "request_seen", exchange.connection,
                        {{"door", door_name(exchange.door)},
                         {"source", exchange.source.to_string()},
                         {"request", kind_name(exchange.kind)},
                         {"info_hash", hash_of(exchange)},
                         {"torrents", static_cast<std::uint64_t>(exchange.scrape.size())},
                         {"raw", raw},
                         {"size", size}});
        return;
    }
    telemetry_.emit(exchange.time, Level::Wire, "request_seen", exchange.connection,
                    {{"door", door_name(exchange.door)},
                     {"source", exchange.source.to_string()},
                     {"request", kind_name(exchange.kind)},
                     {"info_hash", to_hex(asked.info_hash)},
                     {"peer_id", to_hex(asked.peer_id)},
                     {"port", std::uint64_t{asked.port}},
                     {"uploaded", asked.uploaded},
                     {"downloaded", asked.downloaded},
                     {"left", asked.left},
                     {"announce_event", wire::event_name(asked.event)},
                     {"numwant", asked.numwant ? std::int64_t{*asked.numwant} : std::int64_t{-1}},
                     {"key", asked.key},
                     {"raw", raw},
                     {"size", size}});
}

void Observer::emit_answer(const Exchange& exchange, const Delivery* delivery) const {
    std::string peers;
    if (exchange.reply != nullptr) {
        for (const wire::AnnouncePeer& peer : exchange.reply->peers) {
            if (!peers.empty()) peers += ' ';
            peers += peer.endpoint.to_string();
        }
    }
    const bool has_reply = exchange.reply != nullptr && exchange.refusal.empty();
    telemetry_.emit(exchange.time, Level::Wire, "answer_seen", exchange.connection,
                    {{"door", door_name(exchange.door)},
                     {"source", exchange.source.to_string()},
                     {"request", kind_name(exchange.kind)},
                     {"status", exchange.door == Door::Udp ? 0 : exchange.status},
                     {"interval", has_reply ? std::uint64_t{exchange.reply->interval_s.value_or(0)} : 0},
                     {"complete", has_reply ? exchange.reply->complete.value_or(0) : 0},
                     {"incomplete", has_reply ? exchange.reply->incomplete.value_or(0) : 0},
                     {"peers", peers},
                     {"reason", exchange.refusal},
                     {"rule", exchange.rule},
                     {"raw", shown(exchange, sent_bytes(exchange, delivery))},
                     {"size", sent_size(exchange, delivery)}});
}

}  // namespace bt::tracker
