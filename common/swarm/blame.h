#pragma once

// Finds who sent the bad block of a piece that failed its hash check.
//
//  - A piece that came from one address alone: that address is guilty at once.
//  - Otherwise the digest of every block and its sender is kept. When the piece is fetched again and is good, each
//    kept digest is held against the good block: who sent a different one is guilty, everybody else is cleared.
//  - An address that sends the same block twice with different bytes, both in failed pieces, is guilty too.
// Memory: 40 bytes a block of a failed piece, until it is good; at most kMaxSuspectPieces pieces are remembered.

#include <cstdint>
#include <map>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/types.h"

namespace bt::swarm {

class Blame {
  public:
    static constexpr std::size_t kMaxSuspectPieces = 64;

    // A piece failed; contributors and digests have one entry per block. Answers who is guilty already.
    [[nodiscard]] std::vector<Address> on_piece_failed(PieceIndex piece, const std::vector<Address>& contributors,
                                                       const std::vector<Sha1Digest>& digests);
    // The piece is good now; digests of its blocks (only needed when is_suspect). Answers who was guilty.
    [[nodiscard]] std::vector<Address> on_piece_verified(PieceIndex piece, const std::vector<Sha1Digest>& digests);
    // Whether block digests of this piece will be wanted when it is good.
    [[nodiscard]] bool is_suspect(PieceIndex piece) const { return suspects_.contains(piece); }

  private:
    struct Sent {
        std::uint32_t block = 0;
        Address from;
        Sha1Digest digest{};
    };
    std::map<PieceIndex, std::vector<Sent>> suspects_;
};

}  // namespace bt::swarm
