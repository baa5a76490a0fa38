// The 68-byte handshake (an even first byte; then where to cut) and the extension handshake (an odd one): what is
// accepted survives encoding.

#include <algorithm>
#include <cstdint>

#include "common/base/check.h"
#include "common/wire/extension.h"
#include "common/wire/handshake.h"

namespace {

void handshake(bt::ByteView bytes, std::size_t cut) {
    bt::wire::HandshakeReader reader;
    cut = std::min(cut, bytes.size());
    auto taken = reader.receive(bytes.first(cut));
    if (taken && *taken == cut) taken = reader.receive(bytes.subspan(cut));
    bt::wire::HandshakeReader whole_reader;
    const auto whole = whole_reader.receive(bytes);
    BT_CHECK(taken.has_value() == whole.has_value());
    if (!whole) {
        BT_CHECK(taken.error().offset == whole.error().offset && *whole.error().offset < 20);
        BT_CHECK(!whole_reader.handshake() && !whole_reader.info_hash());
        return;
    }
    BT_CHECK(reader.info_hash() == whole_reader.info_hash());
    BT_CHECK(whole_reader.handshake().has_value() == (bytes.size() >= bt::wire::kHandshakeSize));
    if (const auto result = whole_reader.handshake()) {
        BT_CHECK(bt::equal_bytes(result->encode(), bytes.first(bt::wire::kHandshakeSize)));
    }
}

void extension(bt::ByteView bytes) {
    const auto first = bt::wire::ExtensionHandshake::parse(bytes);
    if (!first) {
        BT_CHECK(first.error().code == bt::ErrorCode::ProtocolViolation && first.error().fault == bt::Fault::Remote);
        return;
    }
    BT_CHECK(first->ids.size() <= 100);
    const bt::ByteBuffer encoded = first->encode();
    const auto second = bt::wire::ExtensionHandshake::parse(encoded);
    BT_CHECK(second.has_value());
    BT_CHECK(second->ids == first->ids && second->client_version == first->client_version);
    BT_CHECK(second->listen_port == first->listen_port && second->request_queue == first->request_queue);
    BT_CHECK(second->metadata_size == first->metadata_size && second->your_ip == first->your_ip);
    BT_CHECK(second->upload_only == first->upload_only && second->encode() == encoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const bt::ByteView rest(data + 1, size - 1);
    if (data[0] % 2 == 0) {
        handshake(rest, data[0] / 2);
    } else {
        extension(rest);
    }
    return 0;
}
