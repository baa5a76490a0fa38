// Announce and scrape over HTTP: what the reply parser and the query parser accept, encoded and parsed again, is the
// same value.

#include <cstdint>
#include <vector>

#include "common/base/check.h"
#include "common/wire/http_announce.h"
#include "common/wire/http_scrape.h"

using bt::wire::AnnouncePeer;
using bt::wire::AnnounceReply;

namespace {

void compare(const AnnounceReply& a, const AnnounceReply& b, bool with_ids) {
    BT_CHECK(a.warning_message == b.warning_message && a.tracker_id == b.tracker_id);
    BT_CHECK(a.interval_s == b.interval_s && a.min_interval_s == b.min_interval_s);
    BT_CHECK(a.external_ip == b.external_ip);
    BT_CHECK(a.complete == b.complete && a.incomplete == b.incomplete);
    BT_CHECK(a.peers.size() == b.peers.size());
    for (std::size_t i = 0; i < a.peers.size(); ++i) {
        BT_CHECK(a.peers[i].endpoint == b.peers[i].endpoint);
        BT_CHECK(!with_ids || a.peers[i].peer_id == b.peers[i].peer_id);
    }
}

void reply(bt::ByteView body) {
    auto first = bt::wire::parse_announce_reply(body);
    if (!first) {
        BT_CHECK(first.error().fault == bt::Fault::Remote);
        return;
    }
    BT_CHECK(first->peers.size() <= bt::wire::kMaxAnnouncePeers);
    for (const AnnouncePeer& peer : first->peers) {
        BT_CHECK(peer.endpoint.port != 0 && !peer.endpoint.address.is_unspecified());
    }
    for (const bool compact : {false, true}) {
        const auto second = bt::wire::parse_announce_reply(encode_announce_reply(*first, compact, false));
        BT_CHECK(second.has_value());
        BT_CHECK(second->failure_reason == first->failure_reason && second->retry_in == first->retry_in);
        if (first->failure_reason) continue;
        if (compact) {  // brings the families together
            std::vector<AnnouncePeer> v4;
            std::vector<AnnouncePeer> v6;
            for (AnnouncePeer& peer : first->peers) (peer.endpoint.address.is_v4() ? v4 : v6).push_back(peer);
            v4.insert(v4.end(), v6.begin(), v6.end());
            first->peers = std::move(v4);
        }
        compare(*first, *second, !compact);
    }
}

void query(std::string_view text) {
    const auto first = bt::wire::parse_announce_query(text);
    if (!first) {
        BT_CHECK(first.error().code == bt::ErrorCode::InvalidTracker && first.error().fault == bt::Fault::Remote);
        return;
    }
    const std::string encoded = to_query(*first);
    const auto second = bt::wire::parse_announce_query(encoded);
    BT_CHECK(second.has_value() && to_query(*second) == encoded);
    BT_CHECK(second->info_hash == first->info_hash && second->peer_id == first->peer_id);
    BT_CHECK(second->port == first->port && second->left == first->left && second->event == first->event);
    BT_CHECK(second->numwant == first->numwant && second->compact == first->compact.value_or(true));
    BT_CHECK(second->key == first->key && second->tracker_id == first->tracker_id && second->ip == first->ip);
}

void scrape(bt::ByteView body) {
    const auto first = bt::wire::parse_scrape_reply(body);
    if (!first) {
        BT_CHECK(first.error().fault == bt::Fault::Remote);
        return;
    }
    BT_CHECK(first->torrents.size() <= bt::wire::kMaxScrapeTorrents);
    const auto encoded = encode_scrape_reply(*first);
    const auto second = bt::wire::parse_scrape_reply(encoded);
    BT_CHECK(second.has_value() && second->failure_reason == first->failure_reason);
    BT_CHECK(encode_scrape_reply(*second) == encoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 256 * 1024) return 0;
    const bt::ByteView bytes(data, size);
    reply(bytes);
    query(bt::as_text(bytes));
    scrape(bytes);
    static_cast<void>(bt::wire::scrape_url(bt::as_text(bytes)));
    return 0;
}
