#include "common/swarm/metadata_server.h"

#include "common/wire/ut_metadata.h"

namespace bt::swarm {
namespace {

bool may_answer(ByteView info, std::uint32_t block, const PeerSession& session, MetadataQuota& quota, TimePoint now) {
    const std::uint32_t blocks = wire::metadata_block_count(info.size());
    if (block >= blocks || session.output().size() > kMaxUnreadMetadata) return false;
    if (now >= quota.window_ends) quota = {now + kMetadataQuotaWindow, 0};
    if (quota.answered >= 2 * blocks + kSpareMetadataRequests) return false;
    ++quota.answered;
    return true;
}

}  // namespace

Status answer_metadata_message(ByteView info, ByteView payload, PeerSession& session, MetadataQuota& quota,
                               TimePoint now) {
    BT_TRY_ASSIGN(const auto message, wire::parse_metadata_message(payload));
    const auto* request = std::get_if<wire::MetadataRequest>(&message);
    if (request == nullptr) return {};
    if (!may_answer(info, request->block, session, quota, now)) {
        session.send_extended(wire::kUtMetadataName, wire::encode(wire::MetadataReject{request->block}));
        return {};
    }
    const std::size_t begin = std::size_t{request->block} * wire::kMetadataBlockSize;
    const ByteView block = info.subspan(begin, wire::metadata_block_length(info.size(), request->block));
    session.send_extended(wire::kUtMetadataName, wire::encode(wire::MetadataData{request->block, info.size(), block}));
    return {};
}

}  // namespace bt::swarm
