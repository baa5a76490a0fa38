#include "tracker/explain.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/meta/bencode.h"
#include "common/wire/udp_tracker.h"

namespace bt::tracker {
namespace {

struct Word {
    std::string_view name;
    std::string_view meaning;
};

constexpr Word kParameters[] = {
    {"info_hash", "which torrent: the SHA-1 of its info dictionary, 20 bytes, %-encoded (BEP 3)"},
    {"peer_id", "who asks: 20 bytes that the client made up at its start (BEP 3, BEP 20)"},
    {"port", "where it takes connections; its address is where the request comes from"},
    {"uploaded", "bytes sent to others since `started`"},
    {"downloaded", "bytes received since `started`"},
    {"left", "bytes it still needs; 0 makes it a seed"},
    {"event", "started, completed, stopped, paused; without it a regular announce"},
    {"numwant", "how many peers it would like to be told"},
    {"compact", "1: peers as 6 bytes each (BEP 23)"},
    {"no_peer_id", "peers without their ids, please"},
    {"key", "a secret of the client, so that it is known again from another address (BEP 7)"},
    {"trackerid", "what this tracker called itself last time"},
    {"ip", "an address that it claims; believed from listed sources only"},
    {"supportcrypto", "it understands encrypted connections"},
    {"corrupt", "bytes that it had to throw away"},
    {"redundant", "bytes that it received twice"},
};

constexpr Word kReplyKeys[] = {
    {"interval", "seconds until the next regular announce"},
    {"min interval", "nobody may ask more often than this"},
    {"complete", "peers that have everything (seeds)"},
    {"incomplete", "peers that still need something (leechers)"},
    {"downloaded", "how often the torrent was completed"},
    {"peers", "who else is there"},
    {"peers6", "who else is there, over IPv6 (BEP 7)"},
    {"failure reason", "no, and why; all other keys are void"},
    {"warning message", "yes, but a human should read this"},
    {"retry in", "minutes until it may try again (BEP 31)"},
    {"tracker id", "to be sent back as trackerid"},
    {"external ip", "the address that the tracker saw (BEP 24)"},
    {"files", "the torrents of a scrape, by info_hash (BEP 48)"},
};

template <std::size_t N>
std::string meaning_of(const Word (&words)[N], std::string_view name) {
    const auto found = std::find_if(std::begin(words), std::end(words), [&](const Word& w) { return w.name == name; });
    return found == std::end(words) ? std::string() : std::string(found->meaning);
}

class Fields {
  public:
    void add(std::size_t begin, std::size_t end, std::string_view name, std::string_view value, std::string meaning) {
        if (fields_.size() == kMaxExplained || begin >= end) return;
        fields_.push_back({begin, end, std::string(name.substr(0, kMaxExplainedValue)),
                           std::string(value.substr(0, kMaxExplainedValue)), std::move(meaning)});
    }
    [[nodiscard]] std::vector<ExplainedField> take() { return std::move(fields_); }

  private:
    std::vector<ExplainedField> fields_;
};

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// Text as it is, all else as hex.
std::string readable(std::string_view bytes) {
    const std::string_view part = bytes.substr(0, kMaxExplainedValue);
    return is_printable(part) ? std::string(part) : to_hex(as_bytes(part));
}

std::string parameter_value(std::string_view name, std::string_view text) {
    const auto value = percent_decode(text);
    if (!value) return std::string(text);
    return name == "info_hash" ? to_hex(as_bytes(*value)) : readable(*value);
}

void explain_query(std::string_view text, std::size_t begin, std::size_t end, Fields& fields) {
    while (begin < end) {
        const std::size_t stop = std::min(text.find('&', begin), end);
        const std::string_view pair = text.substr(begin, stop - begin);
        const std::string_view name = pair.substr(0, pair.find('='));
        const std::string_view value = name.size() < pair.size() ? pair.substr(name.size() + 1) : std::string_view();
        fields.add(begin, stop, name, parameter_value(name, value), meaning_of(kParameters, name));
        begin = stop + 1;
    }
}

void explain_headers(std::string_view text, std::size_t at, Fields& fields) {
    while (at < text.size()) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, end - at);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) return;
        const std::size_t colon = std::min(line.find(':'), line.size());
        std::string_view value = line.substr(std::min(colon + 1, line.size()));
        while (value.starts_with(' ')) value.remove_prefix(1);
        fields.add(at, at + line.size(), line.substr(0, colon), readable(value), "a header of HTTP");
        at = end + 1;
    }
}

class Cursor {
  public:
    Cursor(ByteView bytes, Fields& fields) : bytes_(bytes), fields_(fields) {}

    // A number of so many bytes, big-endian; nothing when they are not there.
    bool number(std::size_t size, std::string_view name, std::string meaning, bool as_hex = false) {
        if (remaining() < size) return rest("cut off");
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes_[at_ + i];
        last_ = value;
        const std::string text = as_hex ? "0x" + to_hex(bytes_.subspan(at_, size)) : std::to_string(value);
        fields_.add(at_, at_ + size, name, text, std::move(meaning));
        at_ += size;
        return true;
    }
    bool bytes(std::size_t size, std::string_view name, std::string meaning, bool as_hex = false) {
        if (remaining() < size) return rest("cut off");
        const ByteView part = bytes_.subspan(at_, size);
        fields_.add(at_, at_ + size, name, as_hex ? to_hex(part) : readable(as_text(part)), std::move(meaning));
        at_ += size;
        return true;
    }
    bool rest(std::string_view name, std::string meaning = "the packet ends inside a field") {
        const ByteView part = bytes_.subspan(at_);
        fields_.add(at_, bytes_.size(), name, readable(as_text(part)), std::move(meaning));
        at_ = bytes_.size();
        return false;
    }
    bool endpoint(Address::Family family) {
        const std::size_t size = family == Address::Family::V4 ? 6 : 18;
        if (remaining() < size) return false;
        const Byte* data = bytes_.data() + at_;
        const Endpoint peer = size == 6 ? Endpoint::from_compact_v4(data) : Endpoint::from_compact_v6(data);
        fields_.add(at_, at_ + size, "peer", peer.to_string(), "a peer to connect to: address, then port");
        at_ += size;
        return true;
    }
    [[nodiscard]] std::size_t remaining() const { return bytes_.size() - at_; }
    [[nodiscard]] std::uint64_t last() const { return last_; }

  private:
    ByteView bytes_;
    Fields& fields_;
    std::size_t at_ = 0;
    std::uint64_t last_ = 0;
};

std::string action_meaning(std::uint64_t action) {
    constexpr std::string_view kNames[] = {"connect", "announce", "scrape", "error"};
    return action < 4 ? "what it is about: " + std::string(kNames[action]) : "no action that BEP 15 knows";
}

std::uint64_t u32_at(ByteView bytes, std::size_t at) {
    if (bytes.size() < at + 4) return UINT64_MAX;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[at + i];
    return value;
}

void explain_udp_announce(Cursor& at) {
    if (!at.bytes(20, "info_hash", meaning_of(kParameters, "info_hash"), true)) return;
    if (!at.bytes(20, "peer_id", meaning_of(kParameters, "peer_id"))) return;
    if (!at.number(8, "downloaded", meaning_of(kParameters, "downloaded"))) return;
    if (!at.number(8, "left", meaning_of(kParameters, "left"))) return;
    if (!at.number(8, "uploaded", meaning_of(kParameters, "uploaded"))) return;
    if (!at.number(4, "event", "0 none, 1 completed, 2 started, 3 stopped")) return;
    if (!at.number(4, "ip", "an address that it claims; 0: where the packet comes from", true)) return;
    if (!at.number(4, "key", meaning_of(kParameters, "key"), true)) return;
    if (!at.number(4, "num_want", "how many peers it would like; 0xffffffff (-1): as the tracker likes")) return;
    if (!at.number(2, "port", meaning_of(kParameters, "port"))) return;
    if (at.remaining() > 0) at.rest("options", "path and query of the tracker's URL (BEP 41)");
}

void explain_compact(std::string_view peers, std::size_t begin, std::size_t size, Fields& fields) {
    for (std::size_t at = 0; at + size <= peers.size(); at += size) {
        const Byte* data = as_bytes(peers).data() + at;
        const Endpoint peer = size == 6 ? Endpoint::from_compact_v4(data) : Endpoint::from_compact_v6(data);
        fields.add(begin + at, begin + at + size, "peer", peer.to_string(), "a peer: address, then port");
    }
    const std::size_t odd = peers.size() % size;
    if (odd != 0) {
        fields.add(begin + peers.size() - odd, begin + peers.size(), "odd bytes",
                   to_hex(as_bytes(peers.substr(peers.size() - odd))), "too few for a peer: the list is broken");
    }
}

std::string node_value(const meta::BencodeNode& node) {
    if (const auto number = node.integer()) return std::to_string(*number);
    if (const auto text = node.string()) return readable(*text);
    return std::to_string(node.size()) + (node.is_dict() ? " entries" : " elements");
}

void explain_dictionary(const meta::BencodeNode& root, std::size_t base, Fields& fields) {
    for (auto key = root.first_child(); key;) {
        const auto value = key->next_sibling();
        const std::string_view name = *key->string();
        const auto begin = base + static_cast<std::size_t>(key->offset());
        const auto value_at = base + static_cast<std::size_t>(value->offset());
        const std::size_t end = value_at + value->raw().size();
        const bool is_compact = (name == "peers" || name == "peers6") && value->is_string();
        if (is_compact) {
            const std::string_view peers = *value->string();
            const std::size_t size = name == "peers" ? 6 : 18;
            const std::size_t first = end - peers.size();
            fields.add(begin, first, readable(name), std::to_string(peers.size() / size) + " peers",
                       meaning_of(kReplyKeys, name) + ", " + std::to_string(size) + " bytes each (BEP 23)");
            explain_compact(peers, first, size, fields);
        } else {
            fields.add(begin, end, readable(name), node_value(*value), meaning_of(kReplyKeys, name));
        }
        key = value->next_sibling();
    }
}

}  // namespace

std::vector<ExplainedField> explain_http_request(ByteView bytes) {
    Fields fields;
    const std::string_view text = as_text(bytes);
    const std::size_t line_end = std::min(text.find_first_of("\r\n"), text.size());
    const std::size_t method_end = std::min(text.find(' '), line_end);
    fields.add(0, method_end, "method", text.substr(0, method_end), "GET asks, it changes nothing");
    const std::size_t target = std::min(method_end + 1, line_end);
    const std::size_t target_end = std::min(text.find(' ', target), line_end);
    const std::size_t query = std::min(text.find('?', target), target_end);
    fields.add(target, query, "path", text.substr(target, query - target),
               "announce or scrape, perhaps behind a passkey");
    if (query < target_end) explain_query(text.substr(0, target_end), query + 1, target_end, fields);
    const std::size_t headers = text.find('\n', line_end);
    if (headers != std::string_view::npos) explain_headers(text, headers + 1, fields);
    return fields.take();
}

std::vector<ExplainedField> explain_udp_request(ByteView bytes) {
    Fields fields;
    Cursor at(bytes, fields);
    const std::uint64_t action = u32_at(bytes, 8);
    const bool is_connect = action == 0;
    const bool ok = at.number(8, is_connect ? "protocol id" : "connection id",
                              is_connect ? "always 0x41727101980: this is BitTorrent's UDP tracker protocol"
                                         : "from the connect reply; shows that the sender can hear us",
                              true) &&
                    at.number(4, "action", action_meaning(action)) &&
                    at.number(4, "transaction id", "chosen by the client, repeated in the answer", true);
    if (!ok) return fields.take();
    if (action == 1) {
        explain_udp_announce(at);
    } else if (action == 2) {
        while (at.remaining() >= 20) (void)at.bytes(20, "info_hash", meaning_of(kParameters, "info_hash"), true);
    }
    if (at.remaining() > 0) at.rest("more", "nothing that BEP 15 names");
    return fields.take();
}

std::vector<ExplainedField> explain_http_answer(ByteView bytes) {
    Fields fields;
    const std::string_view text = as_text(bytes);
    std::size_t body = 0;
    if (text.starts_with("HTTP/")) {
        const std::size_t line_end = std::min(text.find_first_of("\r\n"), text.size());
        fields.add(0, line_end, "status", text.substr(0, line_end), "of HTTP; a refusal of the tracker is 200 too");
        const std::size_t head_end = text.find("\r\n\r\n");
        const std::size_t headers = text.find('\n', line_end);
        body = head_end == std::string_view::npos ? text.size() : head_end + 4;
        if (headers != std::string_view::npos) explain_headers(text.substr(0, body), headers + 1, fields);
    }
    const meta::BencodeLimits limits{.max_depth = 20, .max_tokens = 10'000, .allow_trailing = true};
    const auto document = meta::BencodeDocument::parse(bytes.subspan(body), limits);
    if (document && document->root().is_dict()) {
        explain_dictionary(document->root(), body, fields);
    } else if (body < bytes.size()) {
        const std::string why = document ? "not a dictionary" : document.error().detail;
        fields.add(body, bytes.size(), "body", readable(text.substr(body)), "no whole bencoded reply: " + why);
    }
    return fields.take();
}

std::vector<ExplainedField> explain_udp_answer(ByteView bytes, Address::Family family) {
    Fields fields;
    Cursor at(bytes, fields);
    const std::uint64_t action = u32_at(bytes, 0);
    if (!at.number(4, "action", action_meaning(action)) ||
        !at.number(4, "transaction id", "that of the request: which question this answers", true)) {
        return fields.take();
    }
    if (action == 0) {
        (void)at.number(8, "connection id", "good for two minutes, for this address only", true);
    } else if (action == 1) {
        const bool ok = at.number(4, "interval", meaning_of(kReplyKeys, "interval")) &&
                        at.number(4, "leechers", meaning_of(kReplyKeys, "incomplete")) &&
                        at.number(4, "seeders", meaning_of(kReplyKeys, "complete"));
        while (ok && at.endpoint(family)) {
        }
    } else if (action == 2) {
        while (at.remaining() >= 12) {
            (void)at.number(4, "seeders", meaning_of(kReplyKeys, "complete"));
            (void)at.number(4, "completed", meaning_of(kReplyKeys, "downloaded"));
            (void)at.number(4, "leechers", meaning_of(kReplyKeys, "incomplete"));
        }
    } else if (action == 3) {
        at.rest("message", "why not");
    }
    if (at.remaining() > 0) at.rest("more", "too few bytes for another one");
    return fields.take();
}

}  // namespace bt::tracker
