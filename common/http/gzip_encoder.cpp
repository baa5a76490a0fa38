#include "common/http/gzip_encoder.h"

#define ZLIB_CONST  // it reads the input only
#include <zlib.h>

#include "common/base/check.h"

namespace bt::http {

ByteBuffer gzip(ByteView body) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    constexpr int kMemoryLevel = 8;
    z_stream stream{};
    BT_CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipOnly, kMemoryLevel, Z_DEFAULT_STRATEGY) ==
             Z_OK);
    ByteBuffer out(deflateBound(&stream, static_cast<uLong>(body.size())));
    stream.next_in = body.data();
    stream.avail_in = static_cast<uInt>(body.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = deflate(&stream, Z_FINISH);
    BT_CHECK(result == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace bt::http
