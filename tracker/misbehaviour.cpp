#include "tracker/misbehaviour.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"
#include "tracker/bad_answer.h"

namespace bt::tracker {
namespace {

using Kind = ActionKind;

// kind, name, http, udp, connect, announce, scrape
constexpr std::array<ActionInfo, kActionCount> kActionTable = {{
    {Kind::Failure, "failure", true, true, true, true, true},
    {Kind::Warning, "warning", true, false, false, true, false},
    {Kind::Status, "status", true, false, false, true, true},
    {Kind::Silence, "silence", true, true, true, true, true},
    {Kind::Reset, "reset", true, false, false, true, true},
    {Kind::Drip, "drip", true, false, false, true, true},
    {Kind::Delay, "delay", true, true, true, true, true},
    {Kind::Truncate, "truncate", true, true, true, true, true},
    {Kind::Oversize, "oversize", true, true, true, true, true},
    {Kind::WrongLength, "wrongLength", true, false, false, true, true},
    {Kind::Chunked, "chunked", true, false, false, true, true},
    {Kind::Gzip, "gzip", true, false, false, true, true},
    {Kind::Redirect, "redirect", true, false, false, true, true},
    {Kind::TransactionId, "transactionId", false, true, true, true, true},
    {Kind::Duplicate, "duplicate", false, true, true, true, true},
    {Kind::Reorder, "reorder", false, true, true, true, true},
    {Kind::ExpiredId, "expiredConnectionId", false, true, true, true, true},
    {Kind::AddKeys, "addKeys", true, false, false, true, true},
    {Kind::RemoveKeys, "removeKeys", true, false, false, true, true},
    {Kind::UnsortedKeys, "unsortedKeys", true, false, false, true, true},
    {Kind::DuplicateKeys, "duplicateKeys", true, false, false, true, true},
    {Kind::PeersOddLength, "peersOddLength", true, true, false, true, false},
    {Kind::PeersDuplicate, "peersDuplicate", true, true, false, true, false},
    {Kind::PeersPortZero, "peersPortZero", true, true, false, true, false},
    {Kind::PeersSelf, "peersSelf", true, true, false, true, false},
    {Kind::PeersPrivate, "peersPrivate", true, true, false, true, false},
    {Kind::PeersInvented, "peersInvented", true, true, false, true, false},
    {Kind::PeersNone, "peersNone", true, true, false, true, false},
}};

bool is_about_peers(Kind kind) { return kind >= Kind::PeersOddLength; }

Endpoint announcer_of(const Exchange& exchange) { return {exchange.source.address, exchange.announce->port}; }

// The peers of the honest reply, or the announcer where it has none: there must be something to spoil.
std::vector<Endpoint> honest_peers(const Exchange& exchange) {
    std::vector<Endpoint> peers;
    for (const wire::AnnouncePeer& peer : exchange.reply->peers) peers.push_back(peer.endpoint);
    if (peers.empty()) peers.push_back(announcer_of(exchange));
    return peers;
}

std::vector<Endpoint> unreachable_peers(bool is_v4) {
    std::vector<Endpoint> peers;
    constexpr std::array kV4 = {"10.0.0.1",  "172.16.0.1",      "192.168.0.1", "169.254.0.1", "100.64.0.1",
                                "224.0.0.1", "255.255.255.255", "240.0.0.1",   "0.0.0.1"};
    constexpr std::array kV6 = {"fd00::1", "fe80::1", "ff02::1", "100::1", "2001:db8::1"};
    const auto add = [&](const char* text) { peers.push_back({*Address::parse(text), 6881}); };
    if (is_v4) {
        std::for_each(kV4.begin(), kV4.end(), add);
    } else {
        std::for_each(kV6.begin(), kV6.end(), add);
    }
    return peers;
}

std::vector<Endpoint> invented_peers(const AddressRange& range, std::uint64_t count, Rng& rng) {
    std::vector<Endpoint> peers;
    const Address& first = range.first();
    for (std::uint64_t i = 0; i < std::min(count, kMaxInvented); ++i) {
        std::array<Byte, 16> bytes{};
        const std::size_t size = first.bytes().size();
        rng.fill(MutableByteView(bytes.data(), size));
        for (unsigned bit = 0; bit < range.prefix_bits(); ++bit) {
            const auto mask = static_cast<Byte>(0x80u >> (bit % 8));
            bytes[bit / 8] = static_cast<Byte>((bytes[bit / 8] & ~mask) | (first.bytes()[bit / 8] & mask));
        }
        const Address address =
            first.is_v4() ? Address::v4({bytes[0], bytes[1], bytes[2], bytes[3]}) : Address::v6(bytes);
        peers.push_back({address, static_cast<std::uint16_t>(1 + rng.below(65535))});
    }
    return peers;
}

std::vector<Endpoint> odd_peers(const Action& action, const Exchange& exchange, Rng& rng) {
    std::vector<Endpoint> peers;
    switch (action.kind) {
        case Kind::PeersOddLength:
            return honest_peers(exchange);
        case Kind::PeersDuplicate:
            for (const Endpoint& peer : honest_peers(exchange)) peers.insert(peers.end(), 3, peer);
            return peers;
        case Kind::PeersPortZero:
            peers = honest_peers(exchange);
            for (Endpoint& peer : peers) peer.port = 0;
            return peers;
        case Kind::PeersSelf:
            return {announcer_of(exchange)};
        case Kind::PeersPrivate:
            return unreachable_peers(exchange.source.address.is_v4());
        case Kind::PeersInvented: {
            const char* of_family = exchange.source.address.is_v4() ? "192.0.2.0/24" : "2001:db8::/32";
            return invented_peers(action.range ? *action.range : *AddressRange::parse(of_family), action.count, rng);
        }
        default:
            return {};
    }
}

std::unique_ptr<Delivery> odd_keys(const Action& action, const Exchange& exchange) {
    auto entries = *read_entries(exchange.answer);
    switch (action.kind) {
        case Kind::AddKeys:
            for (const auto& [key, value] : action.keys) add_entry(entries, key, value);
            break;
        case Kind::RemoveKeys:
            std::erase_if(entries, [&](const Entry& entry) {
                return std::any_of(action.keys.begin(), action.keys.end(),
                                   [&](const auto& key) { return key.first == entry.key; });
            });
            break;
        case Kind::UnsortedKeys:
            std::reverse(entries.begin(), entries.end());
            break;
        case Kind::DuplicateKeys: {
            std::vector<Entry> twice;
            for (const Entry& entry : entries) twice.insert(twice.end(), 2, entry);
            entries = std::move(twice);
            break;
        }
        case Kind::Warning:
            add_entry(entries, "warning message", action.text);
            break;
        default:
            BT_CHECK(false);
    }
    return http_delivery(exchange, {.body = write_entries(entries)});
}

}  // namespace

const ActionInfo& action_info(ActionKind kind) {
    const ActionInfo& info = kActionTable[static_cast<std::size_t>(kind)];
    BT_CHECK(info.kind == kind);
    return info;
}

std::optional<ActionKind> parse_action(std::string_view name) {
    for (const ActionInfo& info : kActionTable) {
        if (info.name == name) return info.kind;
    }
    return std::nullopt;
}

std::vector<std::string_view> action_names() {
    std::vector<std::string_view> names;
    for (const ActionInfo& info : kActionTable) names.push_back(info.name);
    return names;
}

bool applies(ActionKind kind, const Exchange& exchange) {
    const ActionInfo& info = action_info(kind);
    const bool is_udp = exchange.door == Door::Udp;
    if (is_udp ? !info.over_udp : !info.over_http) return false;
    const ExchangeKind asked = exchange.kind;
    const bool fits = (asked == ExchangeKind::Connect && info.connect) ||
                      (asked == ExchangeKind::Announce && info.announce) ||
                      (asked == ExchangeKind::Scrape && info.scrape);
    if (!fits || (is_udp && exchange.answer.empty())) return false;
    const bool changes_reply =
        is_about_peers(kind) || kind == Kind::Warning || (kind >= Kind::AddKeys && kind <= Kind::DuplicateKeys);
    if (!changes_reply) return true;
    if (!exchange.refusal.empty()) return false;
    if (is_about_peers(kind) && (exchange.reply == nullptr || exchange.announce == nullptr)) return false;
    return is_udp ? exchange.answer.size() >= kUdpAnnounceHead : read_entries(exchange.answer).has_value();
}

std::unique_ptr<Delivery> misbehave(const Action& action, const Exchange& exchange, Rng& rng) {
    const bool is_udp = exchange.door == Door::Udp;
    if (is_about_peers(action.kind)) {
        const auto peers = odd_peers(action, exchange, rng);
        const bool is_odd = action.kind == Kind::PeersOddLength;
        return is_udp ? udp_with_peers(exchange, peers, is_odd) : http_with_peers(exchange, peers, is_odd);
    }
    if (action.kind == Kind::Silence) return std::make_unique<Delivery>();
    if (is_udp) return bad_datagram(action, exchange);
    switch (action.kind) {
        case Kind::Warning:
        case Kind::AddKeys:
        case Kind::RemoveKeys:
        case Kind::UnsortedKeys:
        case Kind::DuplicateKeys:
            return odd_keys(action, exchange);
        default:
            return bad_response(action, exchange);
    }
}

}  // namespace bt::tracker
