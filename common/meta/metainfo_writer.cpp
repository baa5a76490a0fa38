#include "common/meta/metainfo_writer.h"

#include <algorithm>

#include "common/meta/bencode.h"

namespace bt::meta {
namespace {

std::unexpected<Error> refuse_to_write(std::string detail) {
    return fail(local_error(ErrorCode::InvalidArgument, std::move(detail)));
}

void write_path(BencodeWriter& out, std::string_view path) {
    out.begin_list();
    std::size_t begin = 0;
    while (begin <= path.size()) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        out.string(path.substr(begin, end - begin));
        begin = end + 1;
    }
    out.end();
}

void write_files(BencodeWriter& out, const std::vector<FileEntry>& files) {
    out.key("files").begin_list();
    for (const FileEntry& file : files) {
        out.begin_dict();
        out.key("length").integer(static_cast<std::int64_t>(file.length));
        write_path(out.key("path"), file.path);
        out.end();
    }
    out.end();
}

void write_info(BencodeWriter& out, const TorrentDescription& description) {
    out.begin_dict();
    if (description.multi_file) {
        write_files(out, description.files);
    } else {
        out.key("length").integer(static_cast<std::int64_t>(description.files.front().length));
    }
    out.key("name").string(description.name);
    out.key("piece length").integer(description.piece_length);
    ByteBuffer pieces;
    pieces.reserve(description.piece_hashes.size() * sizeof(Sha1Digest));
    for (const Sha1Digest& digest : description.piece_hashes) append(pieces, ByteView(digest));
    out.key("pieces").string(ByteView(pieces));
    if (description.is_private) out.key("private").integer(1);
    if (!description.source.empty()) out.key("source").string(description.source);
    out.end();
}

void write_trackers(BencodeWriter& out, const std::vector<std::vector<std::string>>& tiers) {
    if (tiers.empty()) return;
    out.key("announce").string(tiers.front().front());
    if (tiers.size() == 1 && tiers.front().size() == 1) return;
    out.key("announce-list").begin_list();
    for (const auto& tier : tiers) {
        out.begin_list();
        for (const std::string& url : tier) out.string(url);
        out.end();
    }
    out.end();
}

void write_web_seeds(BencodeWriter& out, const std::vector<std::string>& urls) {
    if (urls.empty()) return;
    out.key("url-list").begin_list();
    for (const std::string& url : urls) out.string(url);
    out.end();
}

}  // namespace

Result<ByteBuffer> write_metainfo(const TorrentDescription& description) {
    if (!description.multi_file && description.files.size() != 1)
        return refuse_to_write("a single-file torrent has exactly one file");
    for (const FileEntry& file : description.files)
        if (file.length > static_cast<std::uint64_t>(INT64_MAX)) return refuse_to_write("file length exceeds 63 bits");
    for (const auto& tier : description.tracker_tiers)
        if (tier.empty()) return refuse_to_write("a tier without a tracker");

    BencodeWriter out;
    out.begin_dict();
    write_trackers(out, description.tracker_tiers);
    if (!description.comment.empty()) out.key("comment").string(description.comment);
    if (!description.created_by.empty()) out.key("created by").string(description.created_by);
    if (description.creation_date) out.key("creation date").integer(*description.creation_date);
    write_info(out.key("info"), description);
    write_web_seeds(out, description.web_seeds);
    out.end();
    ByteBuffer bytes = out.take();

    // The reader's rules are the rules: what it would not take, or would drop, is not written.
    const auto torrent = Metainfo::parse(bytes);
    if (!torrent) return refuse_to_write("cannot be written: " + torrent.error().detail);
    if (torrent->tracker_tiers() != description.tracker_tiers)
        return refuse_to_write("a tracker URL is not text without spaces");
    return bytes;
}

ByteBuffer wrap_info(ByteView info, const std::vector<std::vector<std::string>>& tracker_tiers) {
    BencodeWriter out;
    out.begin_dict();
    std::vector<std::vector<std::string>> tiers;
    for (const auto& tier : tracker_tiers) {
        if (!tier.empty()) tiers.push_back(tier);
    }
    write_trackers(out, tiers);
    out.key("info").raw(info);
    out.end();
    return out.take();
}

std::uint32_t choose_piece_length(std::uint64_t total_length) {
    std::uint32_t length = 16u << 10;
    while (length < 16u << 20 && total_length > std::uint64_t{length} * 2000) length *= 2;
    return length;
}

}  // namespace bt::meta
