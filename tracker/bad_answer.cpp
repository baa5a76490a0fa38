#include "tracker/bad_answer.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/http/gzip_encoder.h"
#include "common/http/server_connection.h"
#include "common/meta/bencode.h"
#include "common/wire/udp_tracker.h"

namespace bt::tracker {
namespace {

constexpr std::size_t kMaxUdpOversize = 60'000;
constexpr Duration kDripStep = milliseconds(100);

ByteBuffer bencoded(const Action::Value& value) {
    meta::BencodeWriter writer;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        writer.integer(*number);
    } else {
        writer.string(std::get<std::string>(value));
    }
    return writer.take();
}

std::uint32_t transaction_of(ByteView datagram) {
    BT_CHECK(datagram.size() >= 8);
    return static_cast<std::uint32_t>(datagram[4]) << 24 | static_cast<std::uint32_t>(datagram[5]) << 16 |
           static_cast<std::uint32_t>(datagram[6]) << 8 | datagram[7];
}

std::unique_ptr<Delivery> one_datagram(ByteBuffer bytes, Duration wait = Duration::zero()) {
    auto delivery = std::make_unique<Delivery>();
    delivery->steps.push_back({wait, std::move(bytes)});
    return delivery;
}

std::unique_ptr<Delivery> error_packet(const Exchange& exchange, std::string text) {
    const wire::UdpReply reply{transaction_of(exchange.answer), wire::UdpErrorReply{std::move(text)}};
    return one_datagram(wire::encode_udp_reply(reply, exchange.source.address.family()));
}

// The words of the request line, and the value of a header; empty where there is none.
std::string_view target_of(std::string_view request) {
    const std::size_t begin = std::min(request.find(' '), request.size());
    const std::string_view rest = request.substr(std::min(begin + 1, request.size()));
    return rest.substr(0, rest.find_first_of(" \r\n"));
}

std::string_view host_of(std::string_view request) {
    while (!request.empty()) {
        const std::string_view line = request.substr(0, request.find('\n'));
        request.remove_prefix(std::min(line.size() + 1, request.size()));
        constexpr std::string_view kName = "host:";
        if (line.size() < kName.size()) continue;
        const bool is_host = std::equal(kName.begin(), kName.end(), line.begin(),
                                        [](char name, char c) { return name == (c | 0x20) || name == c; });
        if (!is_host) continue;
        std::string_view value = line.substr(kName.size());
        while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
        return value.substr(0, value.find_first_of(" \r"));
    }
    return {};
}

std::string redirect_location(const Action& action, const Exchange& exchange) {
    const std::string_view request = as_text(exchange.request);
    const std::string_view target = target_of(request);
    if (!action.text.empty()) {
        const std::size_t mark = target.find('?');
        if (mark == std::string_view::npos) return action.text;
        const bool has_query = action.text.find('?') != std::string::npos;
        return action.text + (has_query ? "&" : "?") + std::string(target.substr(mark + 1));
    }
    const std::string_view host = host_of(request);
    const std::string origin =
        host.empty() ? "" : (exchange.door == Door::Https ? "https://" : "http://") + std::string(host);
    return origin + std::string(target);
}

std::unique_ptr<Delivery> failure_response(const Action& action, const Exchange& exchange) {
    wire::AnnounceReply reply;
    reply.failure_reason = action.text;
    reply.retry_in = action.retry_in;
    return http_delivery(exchange, {.body = wire::encode_announce_reply(reply, true, false)});
}

ByteBuffer padded_reply(ByteView body, std::uint64_t padding) {
    auto entries = read_entries(body).value_or(std::vector<Entry>());
    add_entry(entries, "zz padding", std::string(static_cast<std::size_t>(padding), 'z'));
    return write_entries(entries);
}

ByteBuffer in_chunks(ByteView body, std::size_t size) {
    static constexpr char kHex[] = "0123456789abcdef";
    ByteBuffer out;
    while (!body.empty()) {
        const ByteView chunk = body.first(std::min(size, body.size()));
        std::string length;
        for (std::size_t rest = chunk.size(); rest > 0; rest /= 16) length.insert(length.begin(), kHex[rest % 16]);
        append(out, length + "\r\n");
        append(out, chunk);
        append(out, "\r\n");
        body = body.subspan(chunk.size());
    }
    append(out, "0\r\n\r\n");
    return out;
}

void drip(Delivery& delivery, std::uint64_t bytes_per_s) {
    const ByteBuffer whole = std::move(delivery.steps.front().bytes);
    delivery.steps.clear();
    // As often as is smooth, but a byte at least, and no more steps than may be.
    const std::uint64_t smooth = std::max<std::uint64_t>(bytes_per_s / 10, 1);
    const std::uint64_t piece = std::max(smooth, static_cast<std::uint64_t>(whole.size() / kMaxSteps + 1));
    const Duration wait =
        bytes_per_s >= 10 && piece == smooth
            ? kDripStep
            : Duration(seconds(1)) * static_cast<std::int64_t>(piece) / static_cast<std::int64_t>(bytes_per_s);
    for (std::size_t at = 0; at < whole.size(); at += static_cast<std::size_t>(piece)) {
        const std::size_t end = std::min(whole.size(), at + static_cast<std::size_t>(piece));
        delivery.steps.push_back({wait, ByteBuffer(whole.begin() + static_cast<std::ptrdiff_t>(at),
                                                   whole.begin() + static_cast<std::ptrdiff_t>(end))});
    }
}

ByteBuffer first_bytes(ByteView bytes, std::optional<std::uint64_t> count) {
    const std::uint64_t wanted = count.value_or(bytes.size() / 2);
    return to_buffer(bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, bytes.size()))));
}

std::unique_ptr<Delivery> honest_response(const Exchange& exchange) {
    return http_delivery(exchange, {.body = to_buffer(exchange.answer)});
}

}  // namespace

std::optional<std::vector<Entry>> read_entries(ByteView body) {
    const auto document = meta::BencodeDocument::parse(body);
    if (!document || !document->root().is_dict()) return std::nullopt;
    std::vector<Entry> entries;
    for (auto key = document->root().first_child(); key;) {
        const auto value = key->next_sibling();
        entries.push_back({std::string(*key->string()), to_buffer(value->raw())});
        key = value->next_sibling();
    }
    return entries;
}

ByteBuffer write_entries(const std::vector<Entry>& entries) {
    ByteBuffer out;
    append(out, "d");
    for (const Entry& entry : entries) {
        append(out, std::to_string(entry.key.size()) + ":" + entry.key);
        append(out, entry.value);
    }
    append(out, "e");
    return out;
}

void add_entry(std::vector<Entry>& entries, const std::string& key, const Action::Value& value) {
    const auto place = std::lower_bound(entries.begin(), entries.end(), key,
                                        [](const Entry& entry, const std::string& k) { return entry.key < k; });
    if (place != entries.end() && place->key == key) {
        place->value = bencoded(value);
    } else {
        entries.insert(place, {key, bencoded(value)});
    }
}

std::unique_ptr<Delivery> http_delivery(const Exchange& exchange, const ResponseParts& parts) {
    const bool keep = exchange.keep_alive && parts.keep_alive;
    std::string head = http::response_head(parts.status.value_or(exchange.status), exchange.content_type,
                                           parts.claimed_length.value_or(parts.body.size()), keep);
    head.insert(head.size() - 2, parts.more_headers);
    auto delivery = std::make_unique<Delivery>();
    ByteBuffer bytes = to_buffer(as_bytes(head));
    if (!exchange.without_body) append(bytes, parts.body);
    delivery->steps.push_back({Duration::zero(), std::move(bytes)});
    delivery->end = keep ? Delivery::End::Keep : Delivery::End::Close;
    return delivery;
}

std::unique_ptr<Delivery> http_with_peers(const Exchange& exchange, const std::vector<Endpoint>& peers,
                                          bool odd_length) {
    auto entries = *read_entries(exchange.answer);
    const auto old = std::find_if(entries.begin(), entries.end(), [](const Entry& e) { return e.key == "peers"; });
    const bool as_dictionaries = old != entries.end() && !old->value.empty() && old->value.front() == 'l';
    std::erase_if(entries, [](const Entry& e) { return e.key == "peers6"; });
    if (as_dictionaries && !odd_length) {
        meta::BencodeWriter writer;
        writer.begin_list();
        for (const Endpoint& peer : peers) {
            writer.begin_dict().key("ip").string(peer.address.to_string()).key("port").integer(peer.port).end();
        }
        writer.end();
        old->value = writer.take();
        return http_delivery(exchange, {.body = write_entries(entries)});
    }
    ByteBuffer v4;
    ByteBuffer v6;
    for (const Endpoint& peer : peers) peer.append_compact(peer.address.is_v4() ? v4 : v6);
    if (odd_length) (v6.empty() ? v4 : v6).push_back(0xff);
    add_entry(entries, "peers", to_string(v4));
    if (!v6.empty()) add_entry(entries, "peers6", to_string(v6));
    return http_delivery(exchange, {.body = write_entries(entries)});
}

std::unique_ptr<Delivery> udp_with_peers(const Exchange& exchange, const std::vector<Endpoint>& peers,
                                         bool odd_length) {
    ByteBuffer bytes = to_buffer(exchange.answer.first(kUdpAnnounceHead));
    for (const Endpoint& peer : peers) {
        const bool has_room = bytes.size() + 18 <= kMaxUdpOversize;
        if (has_room && peer.address.family() == exchange.source.address.family()) peer.append_compact(bytes);
    }
    if (odd_length) bytes.push_back(0xff);
    return one_datagram(std::move(bytes));
}

std::unique_ptr<Delivery> bad_datagram(const Action& action, const Exchange& exchange) {
    ByteBuffer bytes = to_buffer(exchange.answer);
    switch (action.kind) {
        case ActionKind::Failure:
            return error_packet(exchange, action.text);
        case ActionKind::Delay:
        case ActionKind::Reorder:
            return one_datagram(std::move(bytes), action.wait);
        case ActionKind::Truncate:
            return one_datagram(first_bytes(bytes, action.bytes));
        case ActionKind::Oversize:
            bytes.resize(bytes.size() + static_cast<std::size_t>(
                                            std::min<std::uint64_t>(action.bytes.value_or(8'192), kMaxUdpOversize)));
            return one_datagram(std::move(bytes));
        case ActionKind::TransactionId:
            for (std::size_t i = 4; i < 8; ++i) bytes[i] = static_cast<Byte>(~bytes[i]);
            return one_datagram(std::move(bytes));
        case ActionKind::Duplicate: {
            auto delivery = std::make_unique<Delivery>();
            delivery->steps.assign(static_cast<std::size_t>(std::min(action.count, kMaxCopies)),
                                   {Duration::zero(), bytes});
            return delivery;
        }
        case ActionKind::ExpiredId:
            if (exchange.kind != ExchangeKind::Connect) return error_packet(exchange, action.text);
            for (std::size_t i = 8; i < bytes.size(); ++i) bytes[i] = static_cast<Byte>(~bytes[i]);
            return one_datagram(std::move(bytes));
        default:
            BT_CHECK(false);
    }
    return nullptr;
}

std::unique_ptr<Delivery> bad_response(const Action& action, const Exchange& exchange) {
    switch (action.kind) {
        case ActionKind::Failure:
            return failure_response(action, exchange);
        case ActionKind::Status:
            return http_delivery(exchange, {.status = action.status, .body = to_buffer(as_bytes(action.text + "\n"))});
        case ActionKind::Redirect:
            return http_delivery(exchange, {.status = action.status,
                                            .more_headers = "Location: " + redirect_location(action, exchange) + "\r\n",
                                            .body = {}});
        case ActionKind::Truncate:
            return http_delivery(exchange, {.body = first_bytes(exchange.answer, action.bytes)});
        case ActionKind::Oversize:
            return http_delivery(exchange, {.body = padded_reply(exchange.answer, action.bytes.value_or(2u << 20))});
        case ActionKind::WrongLength: {
            const auto length = static_cast<std::int64_t>(exchange.answer.size()) + action.off_by;
            auto delivery = http_delivery(
                exchange, {.body = to_buffer(exchange.answer),
                           .claimed_length = static_cast<std::uint64_t>(std::max<std::int64_t>(length, 0)),
                           .keep_alive = false});
            delivery->end = Delivery::End::Close;
            return delivery;
        }
        case ActionKind::Chunked: {
            auto delivery = honest_response(exchange);
            std::string head = http::response_head(exchange.status, exchange.content_type, 0, exchange.keep_alive);
            constexpr std::string_view kLength = "Content-Length: 0";
            head.replace(head.find(kLength), kLength.size(), "Transfer-Encoding: chunked");
            ByteBuffer bytes = to_buffer(as_bytes(head));
            if (!exchange.without_body) {
                append(bytes, in_chunks(exchange.answer, static_cast<std::size_t>(action.bytes.value_or(7))));
            }
            delivery->steps.front().bytes = std::move(bytes);
            return delivery;
        }
        case ActionKind::Gzip:
            return http_delivery(exchange,
                                 {.more_headers = "Content-Encoding: gzip\r\n", .body = http::gzip(exchange.answer)});
        default:
            break;
    }
    auto delivery = honest_response(exchange);
    Delivery::Step& whole = delivery->steps.front();
    if (action.kind == ActionKind::Delay) {
        whole.wait = action.wait;
    } else if (action.kind == ActionKind::Drip) {
        drip(*delivery, std::max<std::uint64_t>(action.bytes.value_or(10), 1));
    } else {
        BT_CHECK(action.kind == ActionKind::Reset);
        const std::uint64_t sent = action.bytes.value_or(whole.bytes.size() - exchange.answer.size() / 2);
        whole.bytes = first_bytes(whole.bytes, sent);
        delivery->end = Delivery::End::Reset;
    }
    return delivery;
}

}  // namespace bt::tracker
