#pragma once

// The body of an HTTP response that is gzip (RFC 1952), unpacked as it comes (zlib inside).
//
// receive(bytes, out, max_size) appends what it unpacks to `out`, which never grows over max_size: behind that it stops
//   with LimitReached, whatever the rest would have come to. At most one step (16 KiB) is unpacked ahead of that.
// finish() holds when one whole stream with the right checksum has come, or no byte at all (an empty body).
// Errors: InvalidHttp (also for bytes behind the stream), LimitReached (remote). Terminal: not to be called again.
// Memory: 50 KiB, from the first byte on.

#include <cstddef>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace bt::http {

class GzipDecoder {
  public:
    GzipDecoder();
    ~GzipDecoder();
    GzipDecoder(GzipDecoder&&) noexcept;
    GzipDecoder& operator=(GzipDecoder&&) noexcept;

    [[nodiscard]] Status receive(ByteView bytes, ByteBuffer& out, std::size_t max_size);
    [[nodiscard]] Status finish() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;  // null until the first byte
};

}  // namespace bt::http
