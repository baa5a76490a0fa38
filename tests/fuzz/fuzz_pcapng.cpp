// Reading captures: whatever the bytes, the reader ends, stays inside them, and what it understood can be written
// again.

#include <cstdint>

#include "common/base/check.h"
#include "common/telemetry/pcapng.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bt::telemetry;
    PcapngReader reader(bt::ByteView(data, size));
    std::size_t blocks = 0;
    while (const auto block = reader.next()) {
        BT_CHECK(++blocks <= size / 12);
        const auto* packet = std::get_if<Packet>(&*block);
        if (packet == nullptr) continue;
        BT_CHECK(packet->bytes.empty() || (packet->bytes.data() >= data && packet->bytes.size() <= size));
        bt::ByteBuffer again;
        append_packet(again, *packet);
        PcapngReader second(again);
        const auto copy = second.next();
        BT_CHECK(copy && bt::equal_bytes(std::get<Packet>(*copy).bytes, packet->bytes));
        BT_CHECK(std::get<Packet>(*copy).comment == packet->comment);
    }
    return 0;
}
