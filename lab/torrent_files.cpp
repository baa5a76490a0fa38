#include "lab/torrent_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "common/app/text_file.h"
#include "common/base/encoding.h"
#include "common/crypto/hash.h"
#include "common/meta/magnet.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

bool read_span(const fs::path& path, std::uint64_t offset, MutableByteView out) {
    const File file(std::fopen(path.c_str(), "rbe"));
    if (!file || std::fseek(file.get(), static_cast<long>(offset), SEEK_SET) != 0) return false;
    return std::fread(out.data(), 1, out.size(), file.get()) == out.size();
}

// All bytes of the piece turned over, in the first file that it touches.
Status turn_over(const meta::Metainfo& metainfo, const fs::path& folder, PieceIndex piece) {
    const auto spans =
        metainfo.file_map().spans(metainfo.layout().piece_offset(piece), metainfo.layout().piece_size(piece));
    for (const meta::FileSpan& span : spans) {
        const fs::path path = find_file(metainfo, folder, span.file);
        ByteBuffer bytes(span.length);
        if (path.empty() || !read_span(path, span.offset, bytes)) continue;
        for (Byte& byte : bytes) byte = static_cast<Byte>(~byte);
        const File file(std::fopen(path.c_str(), "r+be"));
        if (!file || std::fseek(file.get(), static_cast<long>(span.offset), SEEK_SET) != 0 ||
            std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) {
            return fail(system_error(errno, path.string()));
        }
        return {};
    }
    return fail(local_error(ErrorCode::NotFound, "the piece is in no file"));
}

}  // namespace

Result<meta::Metainfo> load_torrent(const fs::path& path) {
    BT_TRY_ASSIGN(const std::string bytes, app::read_text_file(path.string(), meta::kMaxTorrentFileSize));
    return meta::Metainfo::parse(as_bytes(bytes));
}

std::string magnet_of(const fs::path& torrent) {
    const Result<meta::Metainfo> metainfo = load_torrent(torrent);
    if (!metainfo) return {};
    meta::Magnet magnet;
    magnet.info_hash = metainfo->info_hash();
    magnet.display_name = metainfo->name();
    for (const std::vector<std::string>& tier : metainfo->tracker_tiers()) {
        magnet.trackers.insert(magnet.trackers.end(), tier.begin(), tier.end());
    }
    return magnet.to_uri();
}

fs::path find_file(const meta::Metainfo& metainfo, const fs::path& folder, FileIndex file) {
    std::error_code ignored;
    const fs::path path = folder / metainfo.files()[file.value()].path;
    if (fs::exists(path, ignored)) return path;
    fs::path unfinished = path;
    unfinished += ".part";
    return fs::exists(unfinished, ignored) ? unfinished : fs::path();
}

bool is_piece_there(const meta::Metainfo& metainfo, const fs::path& folder, PieceIndex piece) {
    ByteBuffer bytes(metainfo.layout().piece_size(piece));
    const auto spans = metainfo.file_map().spans(metainfo.layout().piece_offset(piece), bytes.size());
    std::size_t done = 0;
    for (const meta::FileSpan& span : spans) {
        const fs::path path = find_file(metainfo, folder, span.file);
        if (path.empty() || !read_span(path, span.offset, MutableByteView(bytes).subspan(done, span.length)))
            return false;
        done += span.length;
    }
    return crypto::sha1(bytes) == metainfo.piece_hash(piece);
}

Result<std::string> corrupt_piece(const fs::path& torrent, const fs::path& folder,
                                  std::optional<std::uint32_t> wanted) {
    BT_TRY_ASSIGN(const meta::Metainfo metainfo, load_torrent(torrent));
    const std::uint32_t count = metainfo.layout().piece_count();
    if (wanted && *wanted >= count) {
        return fail(local_error(ErrorCode::InvalidArgument, "the torrent has no piece " + std::to_string(*wanted)));
    }
    for (std::uint32_t i = wanted.value_or(0); i < (wanted ? *wanted + 1 : count); ++i) {
        const PieceIndex piece = *metainfo.layout().piece(i);
        if (!is_piece_there(metainfo, folder, piece)) continue;
        BT_TRY(turn_over(metainfo, folder, piece));
        return "bytes of piece " + std::to_string(i) + " turned over";
    }
    return fail(local_error(ErrorCode::NotFound, "no such piece is on disk to corrupt"));
}

Result<std::string> sha1_of_file(const fs::path& path) {
    const File file(std::fopen(path.c_str(), "rbe"));
    if (!file) return fail(system_error(errno, path.string()));
    crypto::Sha1 hash;
    ByteBuffer bytes(1u << 16);
    for (;;) {
        const std::size_t n = std::fread(bytes.data(), 1, bytes.size(), file.get());
        if (n == 0) break;
        hash.update(ByteView(bytes).first(n));
    }
    return to_hex(hash.finish());
}

}  // namespace bt::lab
