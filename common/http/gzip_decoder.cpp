#include "common/http/gzip_decoder.h"

#define ZLIB_CONST  // it reads the input only
#include <zlib.h>

#include <array>
#include <string>

namespace bt::http {
namespace {

constexpr std::size_t kStep = 16 * 1024;
constexpr int kGzipOnly = 16 + MAX_WBITS;  // no raw or zlib streams

std::unexpected<Error> broken_stream(std::string what) {
    return fail(remote_error(ErrorCode::InvalidHttp, "gzip body: " + std::move(what)));
}

}  // namespace

struct GzipDecoder::Impl {
    Impl() { ready = inflateInit2(&stream, kGzipOnly) == Z_OK; }
    ~Impl() { inflateEnd(&stream); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    Status step(ByteBuffer& out, std::size_t max_size);

    z_stream stream{};
    bool ready = false;
    bool ended = false;
    std::array<Byte, kStep> unpacked;
};

Status GzipDecoder::Impl::step(ByteBuffer& out, std::size_t max_size) {
    stream.next_out = unpacked.data();
    stream.avail_out = kStep;
    const int result = inflate(&stream, Z_NO_FLUSH);
    // Z_BUF_ERROR behind the last byte: more of them must come first.
    const bool is_starved = result == Z_BUF_ERROR && stream.avail_in == 0;
    if (result != Z_OK && result != Z_STREAM_END && !is_starved) {
        if (result == Z_MEM_ERROR) return fail(local_error(ErrorCode::LimitReached, "no memory to unpack a gzip body"));
        return broken_stream(stream.msg != nullptr ? stream.msg : "not such a stream");
    }
    const std::size_t count = kStep - stream.avail_out;
    if (count > max_size - out.size()) {
        return fail(remote_error(ErrorCode::LimitReached,
                                 "body over the limit of " + std::to_string(max_size) + " bytes when unpacked"));
    }
    append(out, ByteView(unpacked.data(), count));
    ended = result == Z_STREAM_END;
    return {};
}

GzipDecoder::GzipDecoder() = default;
GzipDecoder::~GzipDecoder() = default;
GzipDecoder::GzipDecoder(GzipDecoder&&) noexcept = default;
GzipDecoder& GzipDecoder::operator=(GzipDecoder&&) noexcept = default;

Status GzipDecoder::receive(ByteView bytes, ByteBuffer& out, std::size_t max_size) {
    if (bytes.empty()) return {};
    if (!impl_) impl_ = std::make_unique<Impl>();
    if (!impl_->ready) return fail(local_error(ErrorCode::LimitReached, "no memory to unpack a gzip body"));
    impl_->stream.next_in = bytes.data();
    impl_->stream.avail_in = static_cast<uInt>(bytes.size());
    // A full step may have left more in zlib's window, though all input is taken.
    while (!impl_->ended && (impl_->stream.avail_in > 0 || impl_->stream.avail_out == 0)) {
        BT_TRY(impl_->step(out, max_size));
    }
    if (impl_->stream.avail_in > 0) return broken_stream("bytes behind its end");
    return {};
}

Status GzipDecoder::finish() const {
    if (!impl_ || impl_->ended) return {};
    return broken_stream("it breaks off");
}

}  // namespace bt::http
