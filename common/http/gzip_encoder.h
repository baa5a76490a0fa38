#pragma once

// A body as one gzip stream (RFC 1952; zlib inside), without a time in it: the same body gives the same bytes.

#include "common/base/bytes.h"

namespace bt::http {

[[nodiscard]] ByteBuffer gzip(ByteView body);

}  // namespace bt::http
