#include "common/wire/udp_tracker.h"

#include <algorithm>
#include <limits>

#include "common/base/byte_cursor.h"

namespace bt::wire {
namespace {

enum class Option : std::uint8_t { End = 0, Nop = 1, UrlData = 2 };

constexpr std::size_t kMaxOptionLength = 255;
constexpr std::size_t kHashSize = InfoHash{}.size();

std::unexpected<Error> broken(std::string detail, std::uint64_t offset) {
    return fail(remote_error(ErrorCode::InvalidTracker, std::move(detail), offset));
}

void append_u64(ByteBuffer& out, std::uint64_t value) {
    append_u32(out, static_cast<std::uint32_t>(value >> 32));
    append_u32(out, static_cast<std::uint32_t>(value));
}

void append_action(ByteBuffer& out, UdpAction action) { append_u32(out, static_cast<std::uint32_t>(action)); }

// A whole packet is known to be there before its fields are read.
class FieldReader {
  public:
    explicit FieldReader(ByteView bytes) : reader_(bytes) {}
    [[nodiscard]] std::uint16_t u16() { return *reader_.u16(); }
    [[nodiscard]] std::uint32_t u32() { return *reader_.u32(); }
    [[nodiscard]] std::uint64_t u64() {
        const std::uint64_t high = u32();
        return (high << 32) | u32();
    }
    template <class Digest>
    void digest(Digest& out) {
        const ByteView bytes = *reader_.take(out.size());
        std::copy(bytes.begin(), bytes.end(), out.begin());
    }
    [[nodiscard]] ByteView rest() { return *reader_.take(reader_.remaining()); }

  private:
    ByteReader reader_;
};

std::optional<std::uint32_t> not_negative(std::uint32_t value) {
    if (value > static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max())) return std::nullopt;
    return value;
}

std::uint32_t event_number(AnnounceEvent event) {
    switch (event) {
        case AnnounceEvent::Completed:
            return 1;
        case AnnounceEvent::Started:
            return 2;
        case AnnounceEvent::Stopped:
            return 3;
        case AnnounceEvent::None:
        case AnnounceEvent::Paused:
            return 0;
    }
    return 0;
}

void write_announce(const UdpAnnounceRequest& request, ByteBuffer& out) {
    const AnnounceRequest& announce = request.announce;
    append(out, announce.info_hash);
    append(out, announce.peer_id);
    append_u64(out, announce.downloaded);
    append_u64(out, announce.left);
    append_u64(out, announce.uploaded);
    append_u32(out, event_number(announce.event));
    const auto ip = Address::parse(announce.ip);
    append_u32(out, ip && ip->is_v4() ? load_u32(ip->bytes().data()) : 0);
    append_u32(out, request.key);
    const auto most = static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max());
    append_u32(out, announce.numwant ? std::min(*announce.numwant, most) : std::uint32_t(-1));
    append_u16(out, announce.port);
    const ByteView url = as_bytes(request.url_data);
    for (std::size_t at = 0; at < url.size(); at += kMaxOptionLength) {
        const ByteView part = url.subspan(at, std::min(kMaxOptionLength, url.size() - at));
        out.push_back(static_cast<Byte>(Option::UrlData));
        out.push_back(static_cast<Byte>(part.size()));
        append(out, part);
    }
}

Status read_url_data(ByteView options, std::uint64_t offset, std::string& url) {
    url.clear();
    std::size_t at = 0;
    while (at < options.size() && options[at] != static_cast<Byte>(Option::End)) {
        const Byte type = options[at++];
        if (type == static_cast<Byte>(Option::Nop)) continue;
        if (at == options.size()) break;
        const std::size_t length = options[at++];
        if (length > options.size() - at) break;
        if (type == static_cast<Byte>(Option::UrlData)) {
            if (url.size() + length > kMaxUdpUrlData) {
                return broken("URL data over the limit of " + std::to_string(kMaxUdpUrlData) + " bytes", offset + at);
            }
            url += as_text(options.subspan(at, length));
        }
        at += length;
    }
    return {};
}

constexpr std::size_t kRequestHead = 16;
constexpr std::size_t kAnnounceSize = 98;

UdpAnnounceReply read_announce_reply(ByteView packet, Address::Family family) {
    FieldReader fields(packet.subspan(8));
    UdpAnnounceReply reply;
    reply.interval_s = not_negative(fields.u32());
    reply.incomplete = not_negative(fields.u32());
    reply.complete = not_negative(fields.u32());
    const ByteView peers = fields.rest();
    const bool is_v4 = family == Address::Family::V4;
    const std::size_t stride = is_v4 ? 6 : 18;
    for (std::size_t at = 0; at + stride <= peers.size() && reply.peers.size() < kMaxAnnouncePeers; at += stride) {
        const Byte* p = peers.data() + at;
        const Endpoint peer = is_v4 ? Endpoint::from_compact_v4(p) : Endpoint::from_compact_v6(p);
        if (peer.port != 0 && !peer.address.is_unspecified()) reply.peers.push_back(peer);
    }
    return reply;
}

UdpScrapeReply read_scrape_reply(ByteView packet) {
    ByteReader reader(packet.subspan(8));
    UdpScrapeReply reply;
    while (reader.remaining() >= 12 && reply.torrents.size() < kMaxUdpScrape) {
        UdpScrapeCounts& counts = reply.torrents.emplace_back();
        counts.complete = not_negative(*reader.u32()).value_or(0);
        counts.downloaded = not_negative(*reader.u32()).value_or(0);
        counts.incomplete = not_negative(*reader.u32()).value_or(0);
    }
    return reply;
}

}  // namespace

Status read_udp_announce(ByteView packet, UdpAnnounceRequest& request) {
    if (packet.size() < kAnnounceSize) return broken("an announce has 98 bytes at least", packet.size());
    FieldReader fields(packet.subspan(kRequestHead));
    AnnounceRequest& announce = request.announce;
    fields.digest(announce.info_hash);
    fields.digest(announce.peer_id);
    announce.downloaded = fields.u64();
    announce.left = fields.u64();
    announce.uploaded = fields.u64();
    const std::uint32_t event = fields.u32();
    constexpr AnnounceEvent kEvents[] = {AnnounceEvent::None, AnnounceEvent::Completed, AnnounceEvent::Started,
                                         AnnounceEvent::Stopped};
    if (event >= std::size(kEvents)) return broken("event must be from 0 to 3", 80);
    announce.event = kEvents[event];
    announce.ip.clear();
    if (const std::uint32_t ip = fields.u32(); ip != 0) {
        std::array<Byte, 4> bytes{};
        store_u32(bytes.data(), ip);
        announce.ip = Address::v4(bytes).to_string();
    }
    request.key = fields.u32();
    announce.numwant = not_negative(fields.u32());
    announce.port = fields.u16();
    if (announce.port == 0) return broken("port must be from 1 to 65535", 96);
    return read_url_data(fields.rest(), kAnnounceSize, request.url_data);
}

Result<ByteView> read_udp_scrape(ByteView packet) {
    const ByteView rest = packet.subspan(kRequestHead);
    if (rest.size() < kHashSize) return broken("a scrape of nothing", packet.size());
    return rest.first(std::min(rest.size() / kHashSize, kMaxUdpScrape) * kHashSize);
}

std::optional<UdpRequestHead> udp_request_head(ByteView packet) {
    if (packet.size() < kRequestHead) return std::nullopt;
    FieldReader fields(packet);
    UdpRequestHead head;
    head.connection_id = fields.u64();
    head.action = fields.u32();
    head.transaction_id = fields.u32();
    return head;
}

void append_udp_head(ByteBuffer& out, UdpAction action, std::uint32_t transaction_id) {
    append_action(out, action);
    append_u32(out, transaction_id);
}

void append_udp_connect(ByteBuffer& out, std::uint32_t transaction_id, std::uint64_t connection_id) {
    append_udp_head(out, UdpAction::Connect, transaction_id);
    append_u64(out, connection_id);
}

void append_udp_error(ByteBuffer& out, std::uint32_t transaction_id, std::string_view message) {
    append_udp_head(out, UdpAction::Error, transaction_id);
    append(out, message);
}

ByteBuffer encode_udp_request(const UdpRequest& request) {
    ByteBuffer out;
    append_u64(out, request.connection_id);
    if (const auto* announce = std::get_if<UdpAnnounceRequest>(&request.body)) {
        append_action(out, UdpAction::Announce);
        append_u32(out, request.transaction_id);
        write_announce(*announce, out);
    } else if (const auto* scrape = std::get_if<UdpScrapeRequest>(&request.body)) {
        append_action(out, UdpAction::Scrape);
        append_u32(out, request.transaction_id);
        for (const InfoHash& info_hash : scrape->info_hashes) append(out, info_hash);
    } else {
        append_action(out, UdpAction::Connect);
        append_u32(out, request.transaction_id);
    }
    return out;
}

ByteBuffer encode_udp_reply(const UdpReply& reply, Address::Family family) {
    ByteBuffer out;
    if (const auto* connect = std::get_if<UdpConnectReply>(&reply.body)) {
        append_udp_connect(out, reply.transaction_id, connect->connection_id);
    } else if (const auto* announce = std::get_if<UdpAnnounceReply>(&reply.body)) {
        append_udp_head(out, UdpAction::Announce, reply.transaction_id);
        append_u32(out, announce->interval_s.value_or(std::uint32_t(-1)));
        append_u32(out, announce->incomplete.value_or(std::uint32_t(-1)));
        append_u32(out, announce->complete.value_or(std::uint32_t(-1)));
        for (const Endpoint& peer : announce->peers) {
            if (peer.address.family() == family) peer.append_compact(out);
        }
    } else if (const auto* scrape = std::get_if<UdpScrapeReply>(&reply.body)) {
        append_udp_head(out, UdpAction::Scrape, reply.transaction_id);
        for (const UdpScrapeCounts& counts : scrape->torrents) {
            append_u32(out, counts.complete);
            append_u32(out, counts.downloaded);
            append_u32(out, counts.incomplete);
        }
    } else {
        append_udp_error(out, reply.transaction_id, std::get<UdpErrorReply>(reply.body).message);
    }
    return out;
}

Result<UdpRequest> parse_udp_request(ByteView packet) {
    const auto head = udp_request_head(packet);
    if (!head) return broken("a request has 16 bytes at least", packet.size());
    UdpRequest request{head->connection_id, head->transaction_id, UdpConnectRequest{}};
    switch (static_cast<UdpAction>(head->action)) {
        case UdpAction::Connect:
            if (request.connection_id != kUdpProtocolId) return broken("a connect without the protocol id", 0);
            return request;
        case UdpAction::Announce:
            BT_TRY(read_udp_announce(packet, request.body.emplace<UdpAnnounceRequest>()));
            return request;
        case UdpAction::Scrape: {
            BT_TRY_ASSIGN(ByteView hashes, read_udp_scrape(packet));
            auto& scrape = request.body.emplace<UdpScrapeRequest>();
            for (; !hashes.empty(); hashes = hashes.subspan(kHashSize)) {
                std::copy_n(hashes.begin(), kHashSize, scrape.info_hashes.emplace_back().begin());
            }
            return request;
        }
        case UdpAction::Error:
            break;
    }
    return broken("action " + std::to_string(head->action) + " is no request", 8);
}

Result<UdpReply> parse_udp_reply(ByteView packet, Address::Family family) {
    if (packet.size() < 8) return broken("a reply has 8 bytes at least", packet.size());
    FieldReader fields(packet);
    const std::uint32_t action = fields.u32();
    UdpReply reply;
    reply.transaction_id = fields.u32();
    switch (static_cast<UdpAction>(action)) {
        case UdpAction::Connect:
            if (packet.size() < 16) return broken("the reply to a connect has 16 bytes at least", packet.size());
            reply.body = UdpConnectReply{fields.u64()};
            return reply;
        case UdpAction::Announce:
            if (packet.size() < 20) return broken("the reply to an announce has 20 bytes at least", packet.size());
            reply.body = read_announce_reply(packet, family);
            return reply;
        case UdpAction::Scrape:
            reply.body = read_scrape_reply(packet);
            return reply;
        case UdpAction::Error: {
            const ByteView text = packet.subspan(8);
            reply.body = UdpErrorReply{std::string(as_text(text.first(std::min(text.size(), kMaxUdpErrorText))))};
            return reply;
        }
    }
    return broken("action " + std::to_string(action) + " is no reply", 0);
}

std::optional<std::uint32_t> udp_transaction_id(ByteView reply) {
    if (reply.size() < 8) return std::nullopt;
    return load_u32(reply.data() + 4);
}

}  // namespace bt::wire
