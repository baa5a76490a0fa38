// Metainfo: what is accepted keeps every promise of metainfo.h, and its description, written out again, is read back
// as the same torrent.

#include <algorithm>
#include <cstdint>

#include "common/base/check.h"
#include "common/meta/metainfo.h"
#include "common/meta/metainfo_writer.h"

using bt::meta::FileEntry;
using bt::meta::Metainfo;
using bt::meta::TorrentDescription;

namespace {

void check_path(const std::string& path) {
    BT_CHECK(!path.empty() && path.front() != '/' && path.back() != '/');
    std::size_t begin = 0;
    while (begin <= path.size()) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string element = path.substr(begin, end - begin);
        BT_CHECK(!element.empty() && element != "." && element != "..");
        BT_CHECK(element.size() <= bt::meta::kMaxPathElement);
        for (char c : element) BT_CHECK(static_cast<bt::Byte>(c) >= 0x20 && c != '\\' && c != 0x7f);
        begin = end + 1;
    }
}

void check_promises(const Metainfo& torrent) {
    const auto& layout = torrent.layout();
    BT_CHECK(layout.piece_count() >= 1 && layout.piece_count() <= bt::meta::kMaxPieceCount);
    BT_CHECK(layout.piece_length() >= 1 && layout.piece_length() <= bt::meta::kMaxPieceLength);
    BT_CHECK(torrent.file_map().total_length() == layout.total_length());
    BT_CHECK(torrent.file_map().file_count() == torrent.files().size());
    BT_CHECK(layout.piece_size(bt::PieceIndex(layout.piece_count() - 1)) > 0);
    std::uint64_t total = 0;
    for (const FileEntry& file : torrent.files()) {
        check_path(file.path);
        total += file.length;
    }
    BT_CHECK(total == layout.total_length() && total > 0);
    std::uint64_t covered = 0;
    for (const auto& span : torrent.file_map().spans(0, total)) covered += span.length;
    BT_CHECK(covered == total);
    for (const auto& tier : torrent.tracker_tiers()) BT_CHECK(!tier.empty());
}

TorrentDescription describe(const Metainfo& torrent) {
    TorrentDescription description;
    description.name = torrent.name();
    description.multi_file = torrent.is_multi_file();
    description.files = torrent.files();
    if (torrent.is_multi_file())
        for (FileEntry& file : description.files) file.path.erase(0, torrent.name().size() + 1);
    description.piece_length = torrent.layout().piece_length();
    for (std::uint32_t i = 0; i < torrent.layout().piece_count(); ++i)
        description.piece_hashes.push_back(torrent.piece_hash(bt::PieceIndex(i)));
    description.tracker_tiers = torrent.tracker_tiers();
    description.is_private = torrent.is_private();
    description.comment = torrent.comment();
    description.created_by = torrent.created_by();
    description.creation_date = torrent.creation_date();
    return description;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto torrent = Metainfo::parse({data, size});
    if (!torrent) {
        const auto code = torrent.error().code;
        BT_CHECK(code == bt::ErrorCode::InvalidBencode || code == bt::ErrorCode::InvalidMetainfo);
        BT_CHECK(torrent.error().fault == bt::Fault::Remote);
        BT_CHECK(torrent.error().offset && *torrent.error().offset <= size);
        return 0;
    }
    check_promises(*torrent);

    const auto written = bt::meta::write_metainfo(describe(*torrent));
    BT_CHECK(written.has_value());
    const auto again = Metainfo::parse(*written);
    BT_CHECK(again.has_value());
    BT_CHECK(again->name() == torrent->name() && again->is_private() == torrent->is_private());
    BT_CHECK(again->is_multi_file() == torrent->is_multi_file());
    BT_CHECK(again->tracker_tiers() == torrent->tracker_tiers());
    BT_CHECK(again->files().size() == torrent->files().size());
    for (std::size_t i = 0; i < again->files().size(); ++i) {
        BT_CHECK(again->files()[i].path == torrent->files()[i].path);
        BT_CHECK(again->files()[i].length == torrent->files()[i].length);
    }
    BT_CHECK(again->comment() == torrent->comment() && again->creation_date() == torrent->creation_date());
    return 0;
}
