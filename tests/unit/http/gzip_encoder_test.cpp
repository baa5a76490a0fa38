#include "common/http/gzip_encoder.h"

#include "common/http/gzip_decoder.h"
#include "tests/support/catch.h"

using namespace bt;

TEST_CASE("what was packed comes back from our own gzip decoder, and packs to the same bytes again") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, std::size_t{300'000}}) {
        ByteBuffer body(size);
        for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<Byte>(i * i >> 7);
        const ByteBuffer packed = http::gzip(body);
        CHECK(packed == http::gzip(body));
        http::GzipDecoder decoder;
        ByteBuffer unpacked;
        REQUIRE(decoder.receive(packed, unpacked, 1u << 20).has_value());
        REQUIRE(decoder.finish().has_value());
        CHECK(unpacked == body);
    }
}
