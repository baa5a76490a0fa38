#include "common/wire/http_scrape.h"

#include <algorithm>
#include <map>

#include "common/base/encoding.h"
#include "common/meta/bencode.h"
#include "common/wire/counts.h"
#include "common/wire/http_announce.h"

namespace bt::wire {
namespace {

void write_count(meta::BencodeWriter& writer, std::string_view key, const std::optional<std::uint64_t>& count) {
    if (count) writer.key(key).integer(to_signed(*count));
}

// A key of 20 bytes; or of 20 characters of Latin-1 in UTF-8, as trackers in JavaScript write it.
std::optional<InfoHash> read_hash(std::string_view key) {
    InfoHash hash{};
    const ByteView bytes = as_bytes(key);
    if (bytes.size() == hash.size()) {
        std::copy(bytes.begin(), bytes.end(), hash.begin());
        return hash;
    }
    std::size_t at = 0;
    for (Byte& out : hash) {
        const bool is_pair = at + 1 < bytes.size() && (bytes[at] & 0xFEu) == 0xC2u && (bytes[at + 1] & 0xC0u) == 0x80u;
        if (!is_pair && (at >= bytes.size() || bytes[at] >= 0x80)) return std::nullopt;
        out = is_pair ? static_cast<Byte>((bytes[at] & 1u) << 6 | 0x80u | (bytes[at + 1] & 0x3Fu)) : bytes[at];
        at += is_pair ? 2 : 1;
    }
    if (at != bytes.size()) return std::nullopt;
    return hash;
}

void read_torrents(const meta::BencodeNode& files, std::vector<ScrapeCounts>& torrents) {
    for (auto key = files.first_child(); key && torrents.size() < kMaxScrapeTorrents;) {
        const auto value = key->next_sibling();
        const auto info_hash = read_hash(key->string().value_or(std::string_view()));
        if (info_hash && value->is_dict()) {
            ScrapeCounts& counts = torrents.emplace_back();
            counts.info_hash = *info_hash;
            counts.complete = find_count(*value, "complete");
            counts.incomplete = find_count(*value, "incomplete");
            counts.downloaded = find_count(*value, "downloaded");
        }
        key = value->next_sibling();
    }
}

}  // namespace

std::optional<std::string> scrape_request_url(std::string_view announce_url, const std::vector<InfoHash>& info_hashes) {
    auto url = scrape_url(announce_url);
    if (!url || info_hashes.empty()) return std::nullopt;
    char before = url->find('?') == std::string::npos ? '?' : '&';
    for (const InfoHash& info_hash : info_hashes) {
        *url += before;
        *url += "info_hash=" + percent_encode(info_hash);
        before = '&';
    }
    return url;
}

Result<ScrapeReply> parse_scrape_reply(ByteView body) {
    if (body.size() > kMaxAnnounceReply) {
        return fail(remote_error(ErrorCode::InvalidTracker, "reply of " + std::to_string(body.size()) +
                                                                " bytes, over the limit of " +
                                                                std::to_string(kMaxAnnounceReply)));
    }
    meta::BencodeLimits limits;
    limits.max_tokens = 300'000;
    limits.allow_trailing = true;
    const auto document = meta::BencodeDocument::parse(body, limits);
    if (!document) return fail(document.error());
    const meta::BencodeNode root = document->root();
    if (!root.is_dict()) return fail(remote_error(ErrorCode::InvalidTracker, "reply is no dictionary", 0));

    ScrapeReply reply;
    // BEP 48 writes the key with an underscore, everybody else as in BEP 3.
    for (const std::string_view key : {"failure reason", "failure_reason"}) {
        if (!root.find(key)) continue;
        reply.failure_reason = std::string(root.find_string(key).value_or(std::string_view()));
        return reply;
    }
    const auto files = root.find("files");
    if (!files || !files->is_dict()) return fail(remote_error(ErrorCode::InvalidTracker, "files: no dictionary", 0));
    read_torrents(*files, reply.torrents);
    return reply;
}

ByteBuffer encode_scrape_reply(const ScrapeReply& reply) {
    meta::BencodeWriter writer;
    writer.begin_dict();
    if (reply.failure_reason) {
        writer.key("failure reason").string(*reply.failure_reason).end();
        return writer.take();
    }
    std::map<InfoHash, const ScrapeCounts*> sorted;
    for (const ScrapeCounts& counts : reply.torrents) sorted[counts.info_hash] = &counts;
    writer.key("files").begin_dict();
    for (const auto& [info_hash, counts] : sorted) {
        writer.key(as_text(info_hash)).begin_dict();
        write_count(writer, "complete", counts->complete);
        write_count(writer, "downloaded", counts->downloaded);
        write_count(writer, "incomplete", counts->incomplete);
        writer.end();
    }
    writer.end().end();
    return writer.take();
}

}  // namespace bt::wire
