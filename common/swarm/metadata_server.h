#pragma once

// Answers to peers that ask us for the metadata (BEP 9), in every phase of a torrent.
//
// A request is answered with its block, or rejected: when we do not have the metadata, when there is no such block,
// when the peer does not read what it was sent before, and when it has asked for more than twice the whole (and
// kSpareMetadataRequests more) within a minute: who asks again and again costs us upload that the swarm could use.
// Data and rejects of peers that answer somebody's earlier question are passed over.
// Cost: O(1) a message, one copy of a block.

#include <cstdint>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/swarm/peer_session.h"

namespace bt::swarm {

inline constexpr std::uint32_t kSpareMetadataRequests = 16;
inline constexpr Duration kMetadataQuotaWindow = seconds(60);
inline constexpr std::uint64_t kMaxUnreadMetadata = 256u << 10;

// What one peer was given in the present window.
struct MetadataQuota {
    TimePoint window_ends{};
    std::uint32_t answered = 0;
};

// `info`: raw bytes of the metainfo's `info`; empty while we lack it. Error: the message breaks BEP 9.
[[nodiscard]] Status answer_metadata_message(ByteView info, ByteView payload, PeerSession& session,
                                             MetadataQuota& quota, TimePoint now);

}  // namespace bt::swarm
