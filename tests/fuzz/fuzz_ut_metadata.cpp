// Metadata messages: whatever is read fits its own words, and what was read encodes to something that reads the same.

#include <cstdint>

#include "common/base/check.h"
#include "common/wire/ut_metadata.h"

using namespace bt;
using namespace bt::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const auto message = parse_metadata_message(ByteView(bytes, size));
    if (!message) {
        BT_CHECK(message.error().fault == Fault::Remote);
        return 0;
    }
    if (const auto* data = std::get_if<MetadataData>(&*message)) {
        BT_CHECK(data->total_size > 0 && data->total_size <= kMaxMetadataSize);
        BT_CHECK(data->block < metadata_block_count(data->total_size));
        BT_CHECK(data->bytes.size() == metadata_block_length(data->total_size, data->block));
        BT_CHECK(data->bytes.data() + data->bytes.size() == bytes + size);
        const ByteBuffer encoded = encode(*data);
        const auto again = parse_metadata_message(encoded);
        const auto& same = std::get<MetadataData>(again.value());
        BT_CHECK(same.block == data->block && same.total_size == data->total_size);
        BT_CHECK(equal_bytes(same.bytes, data->bytes));
    } else if (const auto* request = std::get_if<MetadataRequest>(&*message)) {
        const ByteBuffer encoded = encode(*request);
        BT_CHECK(std::get<MetadataRequest>(parse_metadata_message(encoded).value()).block == request->block);
    } else if (const auto* reject = std::get_if<MetadataReject>(&*message)) {
        const ByteBuffer encoded = encode(*reject);
        BT_CHECK(std::get<MetadataReject>(parse_metadata_message(encoded).value()).block == reject->block);
    }
    return 0;
}
