#pragma once

// The header that a proxy puts in front of a connection to say whose it is (PROXY protocol, versions 1 and 2): a pure
// parser of the bytes that a connection begins with.
//
// Version 1 is a line of text of at most kMaxProxyLine bytes with its end, version 2 a binary head with at most
// kMaxProxyBody bytes behind it; what stands there behind the addresses (TLVs) is skipped.
// Ports may be 0. UDP and UNIX sources, UNKNOWN and LOCAL name no source: the connection is the proxy's own.

#include <cstdint>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/base/result.h"

namespace bt::http {

inline constexpr std::size_t kMaxProxyLine = 107;
inline constexpr std::size_t kMaxProxyBody = 2'048;
inline constexpr std::size_t kMaxProxyHeader = 16 + kMaxProxyBody;

struct ProxyHeader {
    std::size_t size = 0;            // bytes, the connection's own begin behind them
    std::optional<Endpoint> source;  // who connected to the proxy
};

// Nothing: more bytes are needed, which never happens with kMaxProxyHeader of them. Error: InvalidHttp (remote).
[[nodiscard]] Result<std::optional<ProxyHeader>> parse_proxy_header(ByteView bytes);

}  // namespace bt::http
