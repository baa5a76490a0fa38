// What a connection or a request from a proxy begins with: whatever it is, the parsers take no more than there is, ask
// for no more once the longest header is there, and say the same for the same bytes with others behind them.

#include <cstdint>

#include "common/base/check.h"
#include "common/http/forwarded.h"
#include "common/http/proxy_header.h"

using namespace bt;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    const auto parsed = http::parse_proxy_header(bytes);
    if (!parsed) {
        BT_CHECK(parsed.error().code == ErrorCode::InvalidHttp && parsed.error().fault == Fault::Remote);
    } else if (!*parsed) {
        BT_CHECK(size < http::kMaxProxyHeader);
    } else {
        BT_CHECK((*parsed)->size <= size && (*parsed)->size <= http::kMaxProxyHeader);
        const auto alone = http::parse_proxy_header(bytes.first((*parsed)->size));
        BT_CHECK(alone && *alone && (*alone)->source == (*parsed)->source);
    }
    static const std::vector<AddressRange> proxies = {*AddressRange::parse("10.0.0.0/8")};
    const auto source = http::forwarded_for(as_text(bytes), proxies);
    if (!source) BT_CHECK(source.error().detail.starts_with("X-Forwarded-For: "));
    return 0;
}
