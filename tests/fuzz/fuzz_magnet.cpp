// Magnet URIs: what is accepted, written out and read again is the same value.

#include <cstdint>

#include "common/base/check.h"
#include "common/meta/magnet.h"

using bt::meta::Magnet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto magnet = Magnet::parse(bt::as_text({data, size}));
    if (!magnet) {
        BT_CHECK(magnet.error().code == bt::ErrorCode::InvalidMagnet);
        BT_CHECK(magnet.error().fault == bt::Fault::Remote);
        BT_CHECK(magnet.error().offset && *magnet.error().offset <= size);
        return 0;
    }
    BT_CHECK(magnet->trackers.size() <= 200 && magnet->peers.size() + magnet->peer_hosts.size() <= 200);
    const std::string uri = magnet->to_uri();
    const auto again = Magnet::parse(uri);
    if (!again) {
        // Percent-encoding makes text longer: only the limit on the whole may stand in the way.
        BT_CHECK(uri.size() > bt::meta::kMaxMagnetSize);
        return 0;
    }
    BT_CHECK(*again == *magnet);
    BT_CHECK(again->to_uri() == uri);
    return 0;
}
