#include "common/wire/ut_pex.h"

#include <algorithm>
#include <string_view>

#include "common/meta/bencode.h"

namespace bt::wire {
namespace {

constexpr std::size_t kV4 = 6;
constexpr std::size_t kV6 = 18;

std::unexpected<Error> refuse(std::string what, std::optional<std::uint64_t> offset = std::nullopt) {
    Error error = remote_error(ErrorCode::ProtocolViolation, "ut_pex: " + what);
    error.offset = offset;
    return fail(std::move(error));
}

Endpoint endpoint_at(ByteView bytes, std::size_t entry) {
    return entry == kV4 ? Endpoint::from_compact_v4(bytes.data()) : Endpoint::from_compact_v6(bytes.data());
}

// The list under `key`, whole entries only.
Result<ByteView> list_of(const meta::BencodeNode& root, std::string_view key, std::size_t entry) {
    const auto text = root.find_string(key);
    if (!text) return ByteView{};
    if (text->size() % entry != 0) {
        return refuse(std::string(key) + " of " + std::to_string(text->size()) + " bytes is no whole number of peers");
    }
    return as_bytes(*text);
}

Status read_added(const meta::BencodeNode& root, std::string_view key, std::string_view flags_key, std::size_t entry,
                  std::vector<PexPeer>& out) {
    BT_TRY_ASSIGN(const ByteView list, list_of(root, key, entry));
    const auto text = root.find_string(flags_key);
    const ByteView flags = text ? as_bytes(*text) : ByteView{};
    for (std::size_t i = 0; i < list.size() / entry && out.size() < kMaxPexPeers; ++i) {
        out.push_back({endpoint_at(list.subspan(i * entry), entry), i < flags.size() ? flags[i] : std::uint8_t{0}});
    }
    return {};
}

Status read_dropped(const meta::BencodeNode& root, std::string_view key, std::size_t entry,
                    std::vector<Endpoint>& out) {
    BT_TRY_ASSIGN(const ByteView list, list_of(root, key, entry));
    for (std::size_t i = 0; i < list.size() / entry && out.size() < kMaxPexPeers; ++i) {
        out.push_back(endpoint_at(list.subspan(i * entry), entry));
    }
    return {};
}

struct Lists {
    ByteBuffer added, flags, dropped;
};

}  // namespace

ByteBuffer PexMessage::encode() const {
    Lists v4;
    Lists v6;
    for (const PexPeer& peer : added) {
        Lists& lists = peer.endpoint.address.is_v4() ? v4 : v6;
        peer.endpoint.append_compact(lists.added);
        lists.flags.push_back(peer.flags);
    }
    for (const Endpoint& peer : dropped) peer.append_compact((peer.address.is_v4() ? v4 : v6).dropped);
    meta::BencodeWriter writer;
    writer.begin_dict();
    writer.key("added").string(v4.added);
    writer.key("added.f").string(v4.flags);
    if (!v6.added.empty()) {
        writer.key("added6").string(v6.added);
        writer.key("added6.f").string(v6.flags);
    }
    writer.key("dropped").string(v4.dropped);
    if (!v6.dropped.empty()) writer.key("dropped6").string(v6.dropped);
    writer.end();
    return writer.take();
}

Result<PexMessage> PexMessage::parse(ByteView payload) {
    if (payload.size() > kMaxPexMessage) return refuse("message of " + std::to_string(payload.size()) + " bytes");
    meta::BencodeLimits limits;
    limits.max_tokens = 1000;
    limits.allow_trailing = true;
    const auto document = meta::BencodeDocument::parse(payload, limits);
    if (!document) return refuse(document.error().detail, document.error().offset);
    const meta::BencodeNode root = document->root();
    if (!root.is_dict()) return refuse("no dictionary", 0);
    PexMessage message;
    BT_TRY(read_added(root, "added", "added.f", kV4, message.added));
    BT_TRY(read_added(root, "added6", "added6.f", kV6, message.added));
    BT_TRY(read_dropped(root, "dropped", kV4, message.dropped));
    BT_TRY(read_dropped(root, "dropped6", kV6, message.dropped));
    return message;
}

}  // namespace bt::wire
