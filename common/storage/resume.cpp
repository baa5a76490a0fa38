#include "common/storage/resume.h"

#include <algorithm>

#include "common/meta/bencode.h"

namespace bt::storage {
namespace {

constexpr std::int64_t kVersion = 1;

Error unusable(const char* why) { return remote_error(ErrorCode::WrongSize, std::string("resume data: ") + why); }

}  // namespace

ByteBuffer ResumeData::encode() const {
    meta::BencodeWriter writer;
    writer.begin_dict();
    writer.key("boot_id").string(boot_id);
    writer.key("files").begin_list();
    for (const FileStat& file : files) {
        writer.begin_list();
        writer.integer(file.exists ? 1 : 0);
        writer.integer(static_cast<std::int64_t>(file.size));
        writer.integer(file.mtime_ns);
        writer.end();
    }
    writer.end();
    writer.key("flushed").integer(flushed ? 1 : 0);
    writer.key("info_hash").string(ByteView(info_hash));
    writer.key("pieces").string(pieces.wire());
    writer.key("version").integer(kVersion);
    writer.end();
    return writer.take();
}

Result<ResumeData> ResumeData::decode(ByteView bytes, std::uint32_t piece_count) {
    BT_TRY_ASSIGN(const auto document, meta::BencodeDocument::parse(bytes));
    const auto root = document.root();
    if (root.find_integer("version") != kVersion) return fail(unusable("unknown version"));
    const auto hash = root.find_string("info_hash");
    const auto pieces = root.find_string("pieces");
    const auto boot_id = root.find_string("boot_id");
    const auto flushed = root.find_integer("flushed");
    const auto files = root.find("files");
    if (!hash || hash->size() != 20 || !pieces || !boot_id || !flushed || !files || !files->is_list()) {
        return fail(unusable("a key is missing"));
    }
    ResumeData data;
    std::ranges::copy(as_bytes(*hash), data.info_hash.begin());
    auto bitfield = meta::Bitfield::from_wire(as_bytes(*pieces), piece_count);
    if (!bitfield) return fail(unusable("pieces of another torrent"));
    data.pieces = std::move(*bitfield);
    data.boot_id = *boot_id;
    data.flushed = *flushed != 0;
    for (auto entry = files->first_child(); entry; entry = entry->next_sibling()) {
        const auto exists = entry->first_child();
        const auto size = exists ? exists->next_sibling() : std::nullopt;
        const auto mtime = size ? size->next_sibling() : std::nullopt;
        if (!mtime || !exists->integer() || !size->integer() || !mtime->integer() || *size->integer() < 0) {
            return fail(unusable("a file entry is malformed"));
        }
        FileStat stat;
        stat.exists = *exists->integer() != 0;
        stat.is_regular = stat.exists;
        stat.size = static_cast<std::uint64_t>(*size->integer());
        stat.mtime_ns = *mtime->integer();
        data.files.push_back(stat);
    }
    return data;
}

meta::Bitfield ResumeData::unknown_pieces(const meta::Metainfo& metainfo, const std::vector<FileStat>& files_now,
                                          const std::string& boot_id_now) const {
    const auto& map = metainfo.file_map();
    const std::uint32_t piece_length = metainfo.layout().piece_length();
    meta::Bitfield unknown(metainfo.layout().piece_count());
    const bool durable = flushed || (!boot_id.empty() && boot_id == boot_id_now);
    const bool comparable = info_hash == metainfo.info_hash() && files.size() == files_now.size() &&
                            files.size() >= map.file_count() && pieces.piece_count() == unknown.piece_count();
    if (!durable || !comparable) {
        unknown.set_all();
        return unknown;
    }
    const auto mark = [&](std::uint64_t from, std::uint64_t to) {
        for (std::uint64_t piece = from / piece_length; piece * piece_length < to; ++piece) {
            unknown.set(PieceIndex(static_cast<std::uint32_t>(piece)));
        }
    };
    const bool hidden_changed = files.size() > map.file_count() && files.back() != files_now.back();
    for (std::uint32_t i = 0; i < map.file_count(); ++i) {
        const std::uint64_t start = map.file_start(FileIndex(i));
        const std::uint64_t end = start + map.file_length(FileIndex(i));
        if (start == end) continue;
        if (files[i] != files_now[i]) mark(start, end);
        if (hidden_changed && start % piece_length != 0) mark(start, start + 1);  // shared with the file before
    }
    return unknown;
}

}  // namespace bt::storage
