#include "common/swarm/blame.h"

#include <algorithm>
#include <set>

namespace bt::swarm {

std::vector<Address> Blame::on_piece_failed(PieceIndex piece, const std::vector<Address>& contributors,
                                            const std::vector<Sha1Digest>& digests) {
    std::set<Address> senders(contributors.begin(), contributors.end());
    if (senders.size() == 1) {
        return {*senders.begin()};
    }
    if (!suspects_.contains(piece) && suspects_.size() >= kMaxSuspectPieces) return {};
    std::vector<Sent>& sent = suspects_[piece];
    std::set<Address> guilty;
    for (std::uint32_t block = 0; block < contributors.size() && block < digests.size(); ++block) {
        const auto known = std::ranges::find_if(
            sent, [&](const Sent& old) { return old.block == block && old.from == contributors[block]; });
        if (known == sent.end()) {
            sent.push_back({block, contributors[block], digests[block]});
        } else if (known->digest != digests[block]) {
            guilty.insert(contributors[block]);
        }
    }
    return {guilty.begin(), guilty.end()};
}

std::vector<Address> Blame::on_piece_verified(PieceIndex piece, const std::vector<Sha1Digest>& digests) {
    const auto found = suspects_.find(piece);
    if (found == suspects_.end()) return {};
    std::set<Address> guilty;
    for (const Sent& sent : found->second) {
        if (sent.block < digests.size() && sent.digest != digests[sent.block]) guilty.insert(sent.from);
    }
    suspects_.erase(found);
    return {guilty.begin(), guilty.end()};
}

}  // namespace bt::swarm
