#include "client/verify.h"

#include <algorithm>
#include <filesystem>

#include "client/piece_hasher.h"

namespace bt::client {
namespace {

namespace fs = std::filesystem;

// What comes before the torrent's paths; for a single file that was named itself, its whole path.
struct Place {
    fs::path base;
    bool is_content = false;  // base stands for the torrent's name
};

Place find_place(const meta::Metainfo& metainfo, const std::string& folder) {
    const fs::path given(folder);
    std::error_code error;
    if (!metainfo.is_multi_file()) return {given, !fs::is_directory(given, error)};
    if (fs::exists(given / metainfo.name(), error)) return {given, false};
    const fs::path whole = fs::weakly_canonical(given, error);
    const bool named_so = !error && (whole.has_filename() ? whole.filename() : whole.parent_path().filename()) ==
                                        fs::path(metainfo.name());
    if (named_so) return {given, true};
    // A folder under another name, if the first file is in it.
    const std::string first = metainfo.files().front().path.substr(metainfo.name().size() + 1);
    return {given, fs::exists(given / first, error)};
}

std::string disk_path_of(const meta::Metainfo& metainfo, const meta::FileEntry& file, const Place& place) {
    if (!place.is_content) return (place.base / file.path).string();
    if (!metainfo.is_multi_file()) return place.base.string();
    return (place.base / file.path.substr(metainfo.name().size() + 1)).string();
}

// By its size alone.
VerifiedFile look_at_copy(const meta::FileEntry& file, std::string disk_path) {
    VerifiedFile seen{file.path, std::move(disk_path), file.length, 0, FileVerdict::Ok, 0};
    std::error_code error;
    if (!fs::is_regular_file(seen.disk_path, error)) {
        seen.verdict = FileVerdict::Missing;
        return seen;
    }
    seen.size = fs::file_size(seen.disk_path, error);
    if (seen.size < seen.length) seen.verdict = FileVerdict::Short;
    if (seen.size > seen.length) seen.verdict = FileVerdict::Long;
    return seen;
}

// Finds the culprits of a bad piece among the files that have bytes in it.
void blame(VerifyReport& report, const meta::FileMap& map, const meta::PieceLayout& layout, PieceIndex piece) {
    const auto spans = map.spans(layout.piece_offset(piece), layout.piece_size(piece));
    const bool has_culprit = std::ranges::any_of(spans, [&](const meta::FileSpan& span) {
        const FileVerdict verdict = report.files[span.file.value()].verdict;
        return verdict == FileVerdict::Missing || verdict == FileVerdict::Short || verdict == FileVerdict::Long;
    });
    for (const auto& span : spans) {
        VerifiedFile& file = report.files[span.file.value()];
        ++file.bad_pieces;
        if (file.verdict == FileVerdict::Ok || (file.verdict == FileVerdict::Unproven && !has_culprit)) {
            file.verdict = has_culprit ? FileVerdict::Unproven : FileVerdict::Corrupt;
        }
    }
}

}  // namespace

const char* file_verdict_name(FileVerdict verdict) {
    switch (verdict) {
        case FileVerdict::Ok:
            return "ok";
        case FileVerdict::Missing:
            return "missing";
        case FileVerdict::Short:
            return "short";
        case FileVerdict::Long:
            return "long";
        case FileVerdict::Corrupt:
            return "corrupt";
        case FileVerdict::Unproven:
            return "unproven";
    }
    return "unknown";
}

bool VerifyReport::is_ok() const {
    return bad_pieces.empty() &&
           std::ranges::all_of(files, [](const VerifiedFile& file) { return file.verdict == FileVerdict::Ok; });
}

Result<VerifyReport> verify(const meta::Metainfo& metainfo, const VerifyOptions& options) {
    VerifyReport report;
    report.piece_count = metainfo.layout().piece_count();
    report.total_length = metainfo.layout().total_length();
    const Place place = find_place(metainfo, options.folder);
    std::vector<std::string> paths;
    for (const auto& file : metainfo.files()) {
        report.files.push_back(look_at_copy(file, disk_path_of(metainfo, file, place)));
        paths.push_back(report.files.back().disk_path);
    }
    HashJob job{metainfo.file_map(), metainfo.layout(), paths, options.threads, {}};
    if (options.progress) {
        job.progress = [&](std::uint64_t done) { options.progress(done, report.total_length); };
    }
    BT_TRY_ASSIGN(const auto digests, hash_pieces(job));
    for (std::uint32_t i = 0; i < report.piece_count; ++i) {
        if (digests[i] == metainfo.piece_hash(PieceIndex(i))) continue;
        report.bad_pieces.emplace_back(i);
        blame(report, metainfo.file_map(), metainfo.layout(), PieceIndex(i));
    }
    return report;
}

std::string piece_ranges(const std::vector<PieceIndex>& pieces) {
    std::string text;
    for (std::size_t i = 0; i < pieces.size();) {
        std::size_t last = i;
        while (last + 1 < pieces.size() && pieces[last + 1].value() == pieces[last].value() + 1) ++last;
        if (!text.empty()) text += ", ";
        text += std::to_string(pieces[i].value());
        if (last > i) text += "-" + std::to_string(pieces[last].value());
        i = last + 1;
    }
    return text;
}

}  // namespace bt::client
