#pragma once

// Holds files against a torrent: which pieces and which files are not as it says, and why. Reads only.
//
// `folder` is where the content was downloaded to (it holds the torrent's name), or the content itself: the file of a
// single-file torrent, the folder of that name of any other.
//
// A file is
//   Ok        it has its size, and every piece it has a byte in is right
//   Missing   not there, or not a regular file
//   Short     fewer bytes than the torrent says
//   Long      more bytes than the torrent says (the pieces may be right all the same)
//   Corrupt   it has its size, but bytes in it are wrong
//   Unproven  it has its size, but a piece at its edge is bad, and another file of that piece is missing or has another
//             size: whose fault the bad piece is cannot be told
// Errors: what keeps us from reading a file that is there (permission, I/O).

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/types.h"
#include "common/meta/metainfo.h"

namespace bt::client {

enum class FileVerdict : std::uint8_t { Ok, Missing, Short, Long, Corrupt, Unproven };
[[nodiscard]] const char* file_verdict_name(FileVerdict verdict);

struct VerifiedFile {
    std::string path;       // as the torrent names it
    std::string disk_path;  // where it was looked for
    std::uint64_t length = 0;
    std::uint64_t size = 0;  // on the disk
    FileVerdict verdict = FileVerdict::Ok;
    std::uint32_t bad_pieces = 0;  // with bytes in this file
};

struct VerifyReport {
    std::vector<VerifiedFile> files;     // in the order of the torrent
    std::vector<PieceIndex> bad_pieces;  // ascending
    std::uint32_t piece_count = 0;
    std::uint64_t total_length = 0;

    [[nodiscard]] bool is_ok() const;
};

struct VerifyOptions {
    std::string folder;
    std::uint32_t threads = 0;  // 0: every core
    std::function<void(std::uint64_t bytes_done, std::uint64_t bytes_total)> progress;
};

[[nodiscard]] Result<VerifyReport> verify(const meta::Metainfo& metainfo, const VerifyOptions& options);

// "3, 17-20, 99"
[[nodiscard]] std::string piece_ranges(const std::vector<PieceIndex>& pieces);

}  // namespace bt::client
