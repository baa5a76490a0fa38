// The bencoded reply, both directions.

#include <algorithm>
#include <charconv>
#include <limits>

#include "common/meta/bencode.h"
#include "common/wire/counts.h"
#include "common/wire/http_announce.h"

namespace bt::wire {
namespace {

constexpr std::size_t kCompactV4 = 6;
constexpr std::size_t kCompactV6 = 18;

std::optional<std::uint32_t> find_seconds(const meta::BencodeNode& root, std::string_view key) {
    const auto value = find_count(root, key);
    if (!value) return std::nullopt;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(*value, std::numeric_limits<std::uint32_t>::max()));
}

std::string find_text(const meta::BencodeNode& root, std::string_view key) {
    return std::string(root.find_string(key).value_or(std::string_view()));
}

// Whole minutes, or the word "never"; trackers write the number either way.
std::optional<RetryIn> find_retry_in(const meta::BencodeNode& root) {
    if (const auto minutes = find_seconds(root, "retry in")) return RetryIn{*minutes};
    const std::string text = find_text(root, "retry in");
    if (text == "never") return RetryIn{};
    std::uint32_t minutes = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), minutes);
    if (text.empty() || error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return RetryIn{minutes};
}

std::optional<Address> find_address(const meta::BencodeNode& root, std::string_view key) {
    const auto text = root.find_string(key);
    if (!text) return std::nullopt;
    const ByteView bytes = as_bytes(*text);
    std::array<Byte, 4> v4{};
    std::array<Byte, 16> v6{};
    std::optional<Address> address;
    if (bytes.size() == v4.size()) {
        std::copy(bytes.begin(), bytes.end(), v4.begin());
        address = Address::v4(v4);
    } else if (bytes.size() == v6.size()) {
        std::copy(bytes.begin(), bytes.end(), v6.begin());
        address = Address::v6(v6);
    }
    return address && !address->is_unspecified() ? address : std::nullopt;
}

void add_peer(std::vector<AnnouncePeer>& peers, AnnouncePeer peer) {
    if (peer.endpoint.port == 0 || peer.endpoint.address.is_unspecified()) return;
    if (peers.size() < kMaxAnnouncePeers) peers.push_back(std::move(peer));
}

std::optional<AnnouncePeer> read_dictionary_peer(const meta::BencodeNode& node) {
    const auto ip = node.find_string("ip");
    const auto port = node.find_integer("port");
    if (!ip || !port || *port < 1 || *port > 65535) return std::nullopt;
    const auto address = Address::parse(*ip);
    if (!address) return std::nullopt;
    AnnouncePeer peer{{*address, static_cast<std::uint16_t>(*port)}, std::nullopt};
    if (const auto id = node.find_string("peer id"); id && id->size() == PeerId{}.size()) {
        const ByteView bytes = as_bytes(*id);
        std::copy(bytes.begin(), bytes.end(), peer.peer_id.emplace().begin());
    }
    return peer;
}

Status read_peers(const meta::BencodeNode& root, std::string_view key, std::size_t compact_size,
                  std::vector<AnnouncePeer>& peers) {
    const auto node = root.find(key);
    if (!node) return {};
    if (const auto text = node->string()) {
        const ByteView bytes = as_bytes(*text);
        if (bytes.size() % compact_size != 0) {
            return fail(remote_error(ErrorCode::InvalidTracker,
                                     std::string(key) + ": " + std::to_string(bytes.size()) +
                                         " bytes are no multiple of " + std::to_string(compact_size),
                                     node->offset()));
        }
        for (std::size_t at = 0; at < bytes.size(); at += compact_size) {
            const Byte* p = bytes.data() + at;
            const bool is_v4 = compact_size == kCompactV4;
            add_peer(peers, {is_v4 ? Endpoint::from_compact_v4(p) : Endpoint::from_compact_v6(p), std::nullopt});
        }
        return {};
    }
    if (!node->is_list()) {
        return fail(remote_error(ErrorCode::InvalidTracker, std::string(key) + ": neither a string nor a list",
                                 node->offset()));
    }
    for (auto child = node->first_child(); child; child = child->next_sibling()) {
        if (auto peer = read_dictionary_peer(*child)) add_peer(peers, std::move(*peer));
    }
    return {};
}

void write_compact_peers(const AnnounceReply& reply, meta::BencodeWriter& writer) {
    ByteBuffer v4;
    ByteBuffer v6;
    for (const AnnouncePeer& peer : reply.peers) {
        peer.endpoint.append_compact(peer.endpoint.address.is_v4() ? v4 : v6);
    }
    writer.key("peers").string(v4);
    if (!v6.empty()) writer.key("peers6").string(v6);
}

void write_dictionary_peers(const AnnounceReply& reply, bool no_peer_id, meta::BencodeWriter& writer) {
    writer.key("peers").begin_list();
    for (const AnnouncePeer& peer : reply.peers) {
        writer.begin_dict().key("ip").string(peer.endpoint.address.to_string());
        if (peer.peer_id && !no_peer_id) writer.key("peer id").string(*peer.peer_id);
        writer.key("port").integer(peer.endpoint.port).end();
    }
    writer.end();
}

}  // namespace

Result<AnnounceReply> parse_announce_reply(ByteView body) {
    if (body.size() > kMaxAnnounceReply) {
        return fail(remote_error(ErrorCode::InvalidTracker, "reply of " + std::to_string(body.size()) +
                                                                " bytes, over the limit of " +
                                                                std::to_string(kMaxAnnounceReply)));
    }
    meta::BencodeLimits limits;
    limits.max_tokens = 300'000;   // 1 MiB of peer dictionaries has fewer
    limits.allow_trailing = true;  // a line end, from scripts
    const auto document = meta::BencodeDocument::parse(body, limits);
    if (!document) return fail(document.error());
    const meta::BencodeNode root = document->root();
    if (!root.is_dict()) return fail(remote_error(ErrorCode::InvalidTracker, "reply is no dictionary", 0));

    AnnounceReply reply;
    if (root.find("failure reason")) reply.failure_reason = find_text(root, "failure reason");
    reply.warning_message = find_text(root, "warning message");
    reply.interval_s = find_seconds(root, "interval");
    reply.min_interval_s = find_seconds(root, "min interval");
    reply.complete = find_count(root, "complete");
    reply.incomplete = find_count(root, "incomplete");
    reply.tracker_id = find_text(root, "tracker id");
    if (reply.failure_reason) {
        reply.retry_in = find_retry_in(root);
        return reply;
    }
    reply.external_ip = find_address(root, "external ip");
    BT_TRY(read_peers(root, "peers", kCompactV4, reply.peers));
    BT_TRY(read_peers(root, "peers6", kCompactV6, reply.peers));
    return reply;
}

ByteBuffer encode_announce_reply(const AnnounceReply& reply, bool compact, bool no_peer_id) {
    meta::BencodeWriter writer;
    writer.begin_dict();
    if (reply.failure_reason) {
        writer.key("failure reason").string(*reply.failure_reason);
        if (reply.retry_in) {
            writer.key("retry in");
            if (reply.retry_in->minutes) {
                writer.integer(*reply.retry_in->minutes);
            } else {
                writer.string(std::string_view("never"));
            }
        }
        writer.end();
        return writer.take();
    }
    if (reply.complete) writer.key("complete").integer(to_signed(*reply.complete));
    if (reply.external_ip) writer.key("external ip").string(reply.external_ip->bytes());
    if (reply.incomplete) writer.key("incomplete").integer(to_signed(*reply.incomplete));
    if (reply.interval_s) writer.key("interval").integer(*reply.interval_s);
    if (reply.min_interval_s) writer.key("min interval").integer(*reply.min_interval_s);
    if (compact) {
        write_compact_peers(reply, writer);
    } else {
        write_dictionary_peers(reply, no_peer_id, writer);
    }
    if (!reply.tracker_id.empty()) writer.key("tracker id").string(reply.tracker_id);
    if (!reply.warning_message.empty()) writer.key("warning message").string(reply.warning_message);
    writer.end();
    return writer.take();
}

void write_compact_announce_reply(std::uint64_t complete, std::uint64_t incomplete, std::uint32_t interval_s,
                                  std::uint32_t min_interval_s, ByteView v4, ByteView v6, ByteBuffer& out) {
    constexpr std::size_t kNumbers = 5 * 20 + 100;  // as decimals, with the keys
    out.resize(kNumbers + v4.size() + v6.size() + 40);
    char* at = as_chars(out.data());
    char* const end = at + out.size();
    const auto text = [&at](std::string_view part) { at = std::copy(part.begin(), part.end(), at); };
    const auto number = [&at, end](std::uint64_t value) { at = std::to_chars(at, end, value).ptr; };
    text("d8:completei");
    number(complete);
    text("e10:incompletei");
    number(incomplete);
    text("e8:intervali");
    number(interval_s);
    text("e12:min intervali");
    number(min_interval_s);
    text("e5:peers");
    number(v4.size());
    text(":");
    text(as_text(v4));
    if (!v6.empty()) {
        text("6:peers6");
        number(v6.size());
        text(":");
        text(as_text(v6));
    }
    text("e");
    out.resize(static_cast<std::size_t>(at - as_chars(out.data())));
}

}  // namespace bt::wire
