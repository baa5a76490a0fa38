#include "common/wire/udp_tracker.h"

#include <algorithm>
#include <limits>

#include "common/base/byte_cursor.h"

namespace bt::wire {
namespace {

enum class Action : std::uint32_t { Connect = 0, Announce = 1, Scrape = 2, Error = 3 };
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

void append_action(ByteBuffer& out, Action action) { append_u32(out, static_cast<std::uint32_t>(action)); }

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

Result<std::string> read_url_data(ByteView options, std::uint64_t offset) {
    std::string url;
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
    return url;
}

constexpr std::size_t kRequestHead = 16;
constexpr std::size_t kAnnounceSize = 98;

Result<UdpAnnounceRequest> read_announce(ByteView packet) {
    if (packet.size() < kAnnounceSize) return broken("an announce has 98 bytes at least", packet.size());
    FieldReader fields(packet.subspan(kRequestHead));
    UdpAnnounceRequest request;
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
    std::array<Byte, 4> ip{};
    store_u32(ip.data(), fields.u32());
    if (const Address address = Address::v4(ip); !address.is_unspecified()) announce.ip = address.to_string();
    request.key = fields.u32();
    announce.numwant = not_negative(fields.u32());
    announce.port = fields.u16();
    if (announce.port == 0) return broken("port must be from 1 to 65535", 96);
    BT_TRY_ASSIGN(request.url_data, read_url_data(fields.rest(), kAnnounceSize));
    return request;
}

Result<UdpScrapeRequest> read_scrape(ByteView packet) {
    ByteView rest = packet.subspan(kRequestHead);
    if (rest.size() < kHashSize) return broken("a scrape of nothing", packet.size());
    UdpScrapeRequest request;
    while (rest.size() >= kHashSize && request.info_hashes.size() < kMaxUdpScrape) {
        std::copy_n(rest.begin(), kHashSize, request.info_hashes.emplace_back().begin());
        rest = rest.subspan(kHashSize);
    }
    return request;
}

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

ByteBuffer encode_udp_request(const UdpRequest& request) {
    ByteBuffer out;
    append_u64(out, request.connection_id);
    if (const auto* announce = std::get_if<UdpAnnounceRequest>(&request.body)) {
        append_action(out, Action::Announce);
        append_u32(out, request.transaction_id);
        write_announce(*announce, out);
    } else if (const auto* scrape = std::get_if<UdpScrapeRequest>(&request.body)) {
        append_action(out, Action::Scrape);
        append_u32(out, request.transaction_id);
        for (const InfoHash& info_hash : scrape->info_hashes) append(out, info_hash);
    } else {
        append_action(out, Action::Connect);
        append_u32(out, request.transaction_id);
    }
    return out;
}

ByteBuffer encode_udp_reply(const UdpReply& reply, Address::Family family) {
    ByteBuffer out;
    const auto head = [&](Action action) {
        append_action(out, action);
        append_u32(out, reply.transaction_id);
    };
    if (const auto* connect = std::get_if<UdpConnectReply>(&reply.body)) {
        head(Action::Connect);
        append_u64(out, connect->connection_id);
    } else if (const auto* announce = std::get_if<UdpAnnounceReply>(&reply.body)) {
        head(Action::Announce);
        append_u32(out, announce->interval_s.value_or(std::uint32_t(-1)));
        append_u32(out, announce->incomplete.value_or(std::uint32_t(-1)));
        append_u32(out, announce->complete.value_or(std::uint32_t(-1)));
        for (const Endpoint& peer : announce->peers) {
            if (peer.address.family() == family) peer.append_compact(out);
        }
    } else if (const auto* scrape = std::get_if<UdpScrapeReply>(&reply.body)) {
        head(Action::Scrape);
        for (const UdpScrapeCounts& counts : scrape->torrents) {
            append_u32(out, counts.complete);
            append_u32(out, counts.downloaded);
            append_u32(out, counts.incomplete);
        }
    } else {
        head(Action::Error);
        append(out, std::get<UdpErrorReply>(reply.body).message);
    }
    return out;
}

Result<UdpRequest> parse_udp_request(ByteView packet) {
    if (packet.size() < kRequestHead) return broken("a request has 16 bytes at least", packet.size());
    FieldReader fields(packet);
    UdpRequest request;
    request.connection_id = fields.u64();
    const std::uint32_t action = fields.u32();
    request.transaction_id = fields.u32();
    switch (static_cast<Action>(action)) {
        case Action::Connect:
            if (request.connection_id != kUdpProtocolId) return broken("a connect without the protocol id", 0);
            request.body = UdpConnectRequest{};
            return request;
        case Action::Announce: {
            BT_TRY_ASSIGN(request.body, read_announce(packet));
            return request;
        }
        case Action::Scrape: {
            BT_TRY_ASSIGN(request.body, read_scrape(packet));
            return request;
        }
        case Action::Error:
            break;
    }
    return broken("action " + std::to_string(action) + " is no request", 8);
}

Result<UdpReply> parse_udp_reply(ByteView packet, Address::Family family) {
    if (packet.size() < 8) return broken("a reply has 8 bytes at least", packet.size());
    FieldReader fields(packet);
    const std::uint32_t action = fields.u32();
    UdpReply reply;
    reply.transaction_id = fields.u32();
    switch (static_cast<Action>(action)) {
        case Action::Connect:
            if (packet.size() < 16) return broken("the reply to a connect has 16 bytes at least", packet.size());
            reply.body = UdpConnectReply{fields.u64()};
            return reply;
        case Action::Announce:
            if (packet.size() < 20) return broken("the reply to an announce has 20 bytes at least", packet.size());
            reply.body = read_announce_reply(packet, family);
            return reply;
        case Action::Scrape:
            reply.body = read_scrape_reply(packet);
            return reply;
        case Action::Error: {
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
