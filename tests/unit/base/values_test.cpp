// The small values of common/base: cursors, results, errors, times.

#include <cerrno>

#include "common/base/byte_cursor.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "tests/support/catch.h"

using namespace bt;

namespace {

Result<int> half(int value) {
    if (value % 2 != 0) return fail(local_error(ErrorCode::InvalidArgument, "odd"));
    return value / 2;
}

Result<int> quarter(int value) {
    BT_TRY_ASSIGN(const int once, half(value));
    BT_TRY_ASSIGN(const int twice, half(once));
    return twice;
}

Status is_even(int value) {
    BT_TRY(half(value));
    return {};
}

}  // namespace

TEST_CASE("a reader gives big-endian integers and then nothing") {
    const ByteBuffer bytes{1, 2, 3, 4, 5, 6, 7, 8};
    ByteReader reader(bytes);
    CHECK(reader.u8() == 1);
    CHECK(reader.u16() == 0x0203);
    CHECK(reader.u32() == 0x04050607u);
    CHECK(reader.remaining() == 1);
    CHECK_FALSE(reader.u16());
    CHECK_FALSE(reader.u32());
    CHECK_FALSE(reader.take(2));
    CHECK(reader.position() == 7);
    CHECK(reader.take(1)->front() == 8);
    CHECK_FALSE(reader.u8());
    CHECK(reader.take(0)->empty());
}

TEST_CASE("integers are appended in network order") {
    ByteBuffer out;
    append_u16(out, 0x0102);
    append_u32(out, 0xFFEEDDCCu);
    CHECK(out == ByteBuffer{1, 2, 0xFF, 0xEE, 0xDD, 0xCC});
    CHECK(load_u32(out.data() + 2) == 0xFFEEDDCCu);
    CHECK(load_u16(out.data()) == 0x0102);
}

TEST_CASE("an error leaves through BT_TRY, a value goes on") {
    CHECK(quarter(8) == 2);
    CHECK(quarter(6).error().detail == "odd");
    CHECK(quarter(3).error().code == ErrorCode::InvalidArgument);
    CHECK(is_even(2).has_value());
    CHECK_FALSE(is_even(1).has_value());
}

TEST_CASE("an error's message has the offset where there is one") {
    CHECK(remote_error(ErrorCode::InvalidBencode, "bad", 7).message() == "bad (at byte 7)");
    CHECK(remote_error(ErrorCode::InvalidBencode, "bad").message() == "bad");
    CHECK(remote_error(ErrorCode::InvalidBencode, "bad").fault == Fault::Remote);
    CHECK(local_error(ErrorCode::InvalidArgument, "x").fault == Fault::Local);
}

TEST_CASE("the system's errors are told apart by their cause") {
    CHECK(system_error(ENOSPC, "a").code == ErrorCode::DiskFull);
    CHECK(system_error(EDQUOT, "a").code == ErrorCode::DiskFull);
    CHECK(system_error(EACCES, "a").code == ErrorCode::PermissionDenied);
    CHECK(system_error(EROFS, "a").code == ErrorCode::PermissionDenied);
    CHECK(system_error(ENOENT, "a").code == ErrorCode::NotFound);
    CHECK(system_error(EADDRINUSE, "a").code == ErrorCode::AddressInUse);
    CHECK(system_error(ECONNREFUSED, "a").code == ErrorCode::ConnectFailed);
    CHECK(system_error(EPIPE, "a").code == ErrorCode::ConnectionReset);
    CHECK(system_error(ETIMEDOUT, "a").code == ErrorCode::TimedOut);
    CHECK(system_error(EIO, "a").code == ErrorCode::DiskError);
    CHECK(system_error(EIO, "write of x").fault == Fault::System);
    CHECK(system_error(EIO, "write of x").detail == "write of x: Input/output error");
}

TEST_CASE("indices of one kind compare and count") {
    PieceIndex piece(3);
    CHECK(piece < PieceIndex(4));
    ++piece;
    CHECK(piece == PieceIndex(4));
    CHECK(piece.value() == 4);
    static_assert(!std::is_convertible_v<PieceIndex, BlockIndex>);
    static_assert(!std::is_convertible_v<std::uint32_t, PieceIndex>);
}

TEST_CASE("seconds go to durations and back") {
    CHECK(from_seconds(1.5) == milliseconds(1500));
    CHECK(to_seconds(milliseconds(250)) == 0.25);
    CHECK(TimePoint(seconds(1)) < kNever);
}
