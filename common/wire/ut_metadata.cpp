#include "common/wire/ut_metadata.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "common/base/check.h"
#include "common/meta/bencode.h"

namespace bt::wire {
namespace {

constexpr std::int64_t kRequest = 0;
constexpr std::int64_t kData = 1;
constexpr std::int64_t kReject = 2;

std::unexpected<Error> breach(std::string what) {
    return fail(remote_error(ErrorCode::ProtocolViolation, "metadata message: " + std::move(what)));
}

ByteBuffer encode_head(std::int64_t type, std::uint32_t block, std::optional<std::uint64_t> total_size = {}) {
    meta::BencodeWriter writer;
    writer.begin_dict();
    writer.key("msg_type").integer(type);
    writer.key("piece").integer(block);
    if (total_size) writer.key("total_size").integer(static_cast<std::int64_t>(*total_size));
    writer.end();
    return writer.take();
}

Result<MetadataMessage> read_data(const meta::BencodeNode& root, std::uint32_t block, ByteView bytes) {
    const auto total = root.find_integer("total_size");
    if (!total || *total <= 0) return breach("data without a total_size");
    const auto size = static_cast<std::uint64_t>(*total);
    if (size > kMaxMetadataSize) {
        return fail(remote_error(ErrorCode::LimitReached,
                                 "metadata of " + std::to_string(size) + " bytes is larger than 16 MiB"));
    }
    if (block >= metadata_block_count(size)) {
        return breach("piece " + std::to_string(block) + " is not in " + std::to_string(size) + " bytes");
    }
    const std::uint32_t length = metadata_block_length(size, block);
    if (bytes.size() != length) {
        return breach("piece " + std::to_string(block) + " has " + std::to_string(bytes.size()) +
                      " bytes in place of " + std::to_string(length));
    }
    return MetadataMessage(MetadataData{block, size, bytes});
}

}  // namespace

std::uint32_t metadata_block_count(std::uint64_t total_size) {
    return static_cast<std::uint32_t>((total_size + kMetadataBlockSize - 1) / kMetadataBlockSize);
}

std::uint32_t metadata_block_length(std::uint64_t total_size, std::uint32_t block) {
    const std::uint64_t begin = std::uint64_t{block} * kMetadataBlockSize;
    BT_CHECK(begin < total_size);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(total_size - begin, kMetadataBlockSize));
}

Result<MetadataMessage> parse_metadata_message(ByteView payload) {
    meta::BencodeLimits limits;
    limits.max_depth = 8;
    limits.max_tokens = 100;
    limits.allow_trailing = true;
    const auto document = meta::BencodeDocument::parse(payload, limits);
    if (!document) return breach(document.error().message());
    const meta::BencodeNode root = document->root();
    if (!root.is_dict()) return breach("not a dictionary");
    const auto type = root.find_integer("msg_type");
    if (!type) return breach("no msg_type");
    if (*type != kRequest && *type != kData && *type != kReject) return MetadataMessage(MetadataUnknown{*type});
    const auto piece = root.find_integer("piece");
    if (!piece || *piece < 0 || *piece > std::numeric_limits<std::uint32_t>::max()) return breach("no usable piece");
    const auto block = static_cast<std::uint32_t>(*piece);
    if (*type == kRequest) return MetadataMessage(MetadataRequest{block});
    if (*type == kReject) return MetadataMessage(MetadataReject{block});
    return read_data(root, block, payload.subspan(document->size()));
}

ByteBuffer encode(const MetadataRequest& message) { return encode_head(kRequest, message.block); }

ByteBuffer encode(const MetadataReject& message) { return encode_head(kReject, message.block); }

ByteBuffer encode(const MetadataData& message) {
    ByteBuffer out = encode_head(kData, message.block, message.total_size);
    append(out, message.bytes);
    return out;
}

}  // namespace bt::wire
