#pragma once

// Metadata exchange (BEP 9): the `info` of a torrent in blocks of 16 KiB, inside extended messages (BEP 10).
//
// parse() judges what can be judged without knowing the torrent. Refused (ProtocolViolation, remote, with the offset
// where there is one): what is no bencoded dictionary, a missing or odd msg_type or piece; data whose total_size is
// not 1 … kMaxMetadataSize, whose piece lies outside of it, or that does not carry exactly that block's bytes.
// A total_size over the limit is LimitReached. Bytes behind a request or a reject are passed over, and so is a
// msg_type that we do not know (BEP 9 asks for it). Views live as long as the payload.

#include <cstdint>
#include <variant>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace bt::wire {

inline constexpr std::uint32_t kMetadataBlockSize = 16 * 1024;
inline constexpr std::uint64_t kMaxMetadataSize = 16u << 20;

struct MetadataRequest {
    std::uint32_t block = 0;
};
struct MetadataReject {
    std::uint32_t block = 0;
};
struct MetadataData {
    std::uint32_t block = 0;
    std::uint64_t total_size = 0;
    ByteView bytes;
};
struct MetadataUnknown {
    std::int64_t type = 0;
};
using MetadataMessage = std::variant<MetadataRequest, MetadataReject, MetadataData, MetadataUnknown>;

// Blocks of metadata of so many bytes, and the bytes of one of them (block < count).
[[nodiscard]] std::uint32_t metadata_block_count(std::uint64_t total_size);
[[nodiscard]] std::uint32_t metadata_block_length(std::uint64_t total_size, std::uint32_t block);

[[nodiscard]] Result<MetadataMessage> parse_metadata_message(ByteView payload);

// Payloads behind the extension's id.
[[nodiscard]] ByteBuffer encode(const MetadataRequest& message);
[[nodiscard]] ByteBuffer encode(const MetadataReject& message);
[[nodiscard]] ByteBuffer encode(const MetadataData& message);

}  // namespace bt::wire
