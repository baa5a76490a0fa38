#include "lab/sim/checkers.h"

#include <algorithm>

#include "common/base/check.h"

namespace bt::sim {
namespace {

[[nodiscard]] ByteView bytes_of(const meta::Metainfo& metainfo, std::uint32_t file, ByteView original) {
    const auto& map = metainfo.file_map();
    return original.subspan(static_cast<std::size_t>(map.file_start(FileIndex(file))),
                            static_cast<std::size_t>(map.file_length(FileIndex(file))));
}

[[nodiscard]] Error content_error(ErrorCode code, std::string detail) {
    return {code, Fault::System, std::move(detail), std::nullopt};
}

}  // namespace

void place_content(SimFiles& files, const meta::Metainfo& metainfo, const std::vector<std::string>& paths,
                   ByteView original) {
    BT_CHECK(original.size() == metainfo.layout().total_length() && paths.size() == metainfo.files().size());
    for (std::uint32_t i = 0; i < paths.size(); ++i) {
        const Status made = files.make_empty(paths[i], TimePoint{});
        const Status written = files.write(paths[i], 0, bytes_of(metainfo, i, original), TimePoint{});
        BT_CHECK(made.has_value() && written.has_value());
    }
}

Status check_content(const SimFiles& files, const meta::Metainfo& metainfo, const std::vector<std::string>& paths,
                     ByteView original) {
    BT_CHECK(original.size() == metainfo.layout().total_length() && paths.size() == metainfo.files().size());
    for (std::uint32_t i = 0; i < paths.size(); ++i) {
        const ByteView expected = bytes_of(metainfo, i, original);
        BT_TRY_ASSIGN(const storage::FileStat stat, files.stat(paths[i]));
        if (!stat.exists) return fail(content_error(ErrorCode::NotFound, paths[i] + " is missing"));
        if (stat.size != expected.size()) {
            return fail(content_error(ErrorCode::WrongSize, paths[i] + " has " + std::to_string(stat.size) +
                                                                " bytes instead of " +
                                                                std::to_string(expected.size())));
        }
        BT_TRY_ASSIGN(const ByteBuffer found, files.read_all(paths[i]));
        const auto differs = std::mismatch(expected.begin(), expected.end(), found.begin()).first;
        if (differs != expected.end()) {
            Error error = content_error(ErrorCode::HashMismatch, paths[i] + " is not the original");
            error.offset = static_cast<std::uint64_t>(differs - expected.begin());
            return fail(std::move(error));
        }
    }
    return {};
}

void DeliveryChecker::on_piece_written(const PieceWriteReport& report) {
    if (!report.hash_ok) {
        ++pieces_refused_;
        return;
    }
    if (!report.status) {
        ++writes_failed_;
        return;
    }
    ++pieces_written_;
    const meta::Metainfo& metainfo = report.content.metainfo;
    const std::uint64_t start = metainfo.layout().piece_offset(report.piece);
    const std::uint32_t size = metainfo.layout().piece_size(report.piece);
    on_disk_.resize(size);
    std::size_t done = 0;
    for (const meta::FileSpan& span : metainfo.file_map().spans(start, size)) {
        const auto into = MutableByteView(on_disk_).subspan(done, static_cast<std::size_t>(span.length));
        const auto read = report.content.files.read(span.file, span.offset, into);
        if (!read || *read != into.size()) break;
        done += into.size();
    }
    if (done != size || !equal_bytes(on_disk_, original_.subspan(static_cast<std::size_t>(start), size))) {
        problems_.push_back("piece " + std::to_string(report.piece.value()) +
                            " was called right but is not on the disk");
    }
}

}  // namespace bt::sim
