#include "common/wire/http_announce.h"

#include "common/base/encoding.h"

namespace bt::wire {

std::string_view event_name(AnnounceEvent event) {
    switch (event) {
        case AnnounceEvent::None:
            return "";
        case AnnounceEvent::Started:
            return "started";
        case AnnounceEvent::Completed:
            return "completed";
        case AnnounceEvent::Stopped:
            return "stopped";
        case AnnounceEvent::Paused:
            return "paused";
    }
    return "";
}

std::string to_query(const AnnounceRequest& request) {
    std::string query = "info_hash=" + percent_encode(request.info_hash);
    const auto add = [&query](std::string_view name, std::string_view value) {
        query += '&';
        query += name;
        query += '=';
        query += value;
    };
    add("peer_id", percent_encode(request.peer_id));
    add("port", std::to_string(request.port));
    add("uploaded", std::to_string(request.uploaded));
    add("downloaded", std::to_string(request.downloaded));
    add("left", std::to_string(request.left));
    add("compact", request.compact.value_or(true) ? "1" : "0");
    if (request.event != AnnounceEvent::None) add("event", event_name(request.event));
    if (request.numwant) add("numwant", std::to_string(*request.numwant));
    if (request.no_peer_id) add("no_peer_id", "1");
    if (!request.key.empty()) add("key", percent_encode(as_bytes(request.key)));
    if (!request.tracker_id.empty()) add("trackerid", percent_encode(as_bytes(request.tracker_id)));
    if (!request.ip.empty()) add("ip", percent_encode(as_bytes(request.ip)));
    return query;
}

std::optional<std::string> scrape_url(std::string_view announce_url) {
    constexpr std::string_view kAnnounce = "announce";
    const std::size_t authority = announce_url.find("://");
    if (authority == std::string_view::npos || !announce_url.starts_with("http")) return std::nullopt;
    // The rule looks at the last slash of the whole URL, be it in the query.
    const std::size_t slash = announce_url.rfind('/');
    if (slash < authority + 3) return std::nullopt;
    if (!announce_url.substr(slash + 1).starts_with(kAnnounce)) return std::nullopt;
    std::string url(announce_url.substr(0, slash + 1));
    url += "scrape";
    url += announce_url.substr(slash + 1 + kAnnounce.size());
    return url;
}

}  // namespace bt::wire
