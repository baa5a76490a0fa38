// Peer exchange from the wire: what is accepted is within its bounds, and survives being written and read again.

#include "common/base/check.h"
#include "common/wire/ut_pex.h"

extern "C" int LLVMFuzzerTestOneInput(const bt::Byte* data, std::size_t size) {
    const auto message = bt::wire::PexMessage::parse({data, size});
    if (!message) {
        BT_CHECK(message.error().fault == bt::Fault::Remote);
        return 0;
    }
    BT_CHECK(message->added.size() <= bt::wire::kMaxPexPeers && message->dropped.size() <= bt::wire::kMaxPexPeers);
    const auto again = bt::wire::PexMessage::parse(message->encode());
    BT_CHECK(again.has_value() && *again == *message);
    return 0;
}
