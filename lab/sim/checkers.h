#pragma once

// What can be checked of a simulated swarm from outside, against the original content. That no stream delivers more
// than was sent, nor loses a byte, is Network::check_invariants().

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/meta/metainfo.h"
#include "lab/sim/sim_disk.h"
#include "lab/sim/sim_files.h"

namespace bt::sim {

// Writes the original (the torrent's bytes, file behind file) to `paths`, empty files too: what a seeder starts with.
void place_content(SimFiles& files, const meta::Metainfo& metainfo, const std::vector<std::string>& paths,
                   ByteView original);

// Are the files exactly the original? Error: NotFound, WrongSize, or HashMismatch with the offset of the first wrong
// byte within its file.
[[nodiscard]] Status check_content(const SimFiles& files, const meta::Metainfo& metainfo,
                                   const std::vector<std::string>& paths, ByteView original);

// Hears of every write_piece of a disk: a piece called right must lie on the disk byte for byte as in the original.
// Set as the disk's write observer. Cost: one read and comparison a piece.
class DeliveryChecker {
  public:
    explicit DeliveryChecker(ByteView original) : original_(original) {}

    void on_piece_written(const PieceWriteReport& report);

    [[nodiscard]] std::uint64_t pieces_written() const { return pieces_written_; }
    [[nodiscard]] std::uint64_t pieces_refused() const { return pieces_refused_; }  // wrong hash
    [[nodiscard]] std::uint64_t writes_failed() const { return writes_failed_; }
    [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

  private:
    ByteView original_;  // outlives the checker
    ByteBuffer on_disk_;
    std::uint64_t pieces_written_ = 0;
    std::uint64_t pieces_refused_ = 0;
    std::uint64_t writes_failed_ = 0;
    std::vector<std::string> problems_;
};

}  // namespace bt::sim
