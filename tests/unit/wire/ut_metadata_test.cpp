#include "common/wire/ut_metadata.h"

#include <string>

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::wire;

namespace {

Result<MetadataMessage> parse_metadata(const std::string& text) { return parse_metadata_message(as_bytes(text)); }

std::string data(std::uint64_t total, std::uint64_t block, std::size_t length) {
    return "d8:msg_typei1e5:piecei" + std::to_string(block) + "e10:total_sizei" + std::to_string(total) + "ee" +
           std::string(length, 'x');
}

}  // namespace

TEST_CASE("the three metadata messages are written as BEP 9 shows them") {
    CHECK(as_text(encode(MetadataRequest{0})) == "d8:msg_typei0e5:piecei0ee");
    CHECK(as_text(encode(MetadataReject{7})) == "d8:msg_typei2e5:piecei7ee");
    const std::string bytes = "abc";
    CHECK(as_text(encode(MetadataData{0, 3, as_bytes(bytes)})) == "d8:msg_typei1e5:piecei0e10:total_sizei3eeabc");
}

TEST_CASE("metadata messages are read back as they were written") {
    CHECK(std::get<MetadataRequest>(*parse_metadata("d8:msg_typei0e5:piecei3ee")).block == 3);
    CHECK(std::get<MetadataReject>(*parse_metadata("d8:msg_typei2e5:piecei4ee")).block == 4);
    const auto first = std::get<MetadataData>(parse_metadata(data(20'000, 0, 16'384)).value());
    CHECK(first.block == 0);
    CHECK(first.total_size == 20'000);
    CHECK(first.bytes.size() == 16'384);
    CHECK(std::get<MetadataData>(*parse_metadata(data(20'000, 1, 3616))).bytes.size() == 3616);
}

TEST_CASE("what BEP 9 does not know is passed over, keys and kinds of messages alike") {
    CHECK(std::get<MetadataUnknown>(*parse_metadata("d8:msg_typei9e3:newi1ee")).type == 9);
    CHECK(std::get<MetadataUnknown>(*parse_metadata("d8:msg_typei-1ee")).type == -1);
    CHECK(std::get<MetadataRequest>(*parse_metadata("d8:msg_typei0e5:piecei3e5:usersd1:xi1eeetrailing")).block == 3);
}

TEST_CASE("the metadata may be 16 MiB, and not a byte more") {
    CHECK(std::holds_alternative<MetadataData>(*parse_metadata(data(kMaxMetadataSize, 1023, 16'384))));
    const auto more = parse_metadata(data(kMaxMetadataSize + 1, 1023, 16'384));
    REQUIRE_FALSE(more);
    CHECK(more.error().code == ErrorCode::LimitReached);
    CHECK(more.error().fault == Fault::Remote);
}

TEST_CASE("the last block is as long as what is left of the metadata") {
    CHECK(metadata_block_count(1) == 1);
    CHECK(metadata_block_count(16'384) == 1);
    CHECK(metadata_block_count(16'385) == 2);
    CHECK(metadata_block_length(16'385, 0) == 16'384);
    CHECK(metadata_block_length(16'385, 1) == 1);
    CHECK(metadata_block_length(32'768, 1) == 16'384);
}

TEST_CASE("bad input: metadata messages that no peer may send are refused, and it is the peer's fault") {
    const std::string text = GENERATE(
        as<std::string>(), "", "i1e", "d", "le", "de", "d8:msg_type1:0e", "d8:msg_typei0ee",
        "d8:msg_typei0e5:piecei-1ee", "d8:msg_typei0e5:piecei4294967296ee", "d8:msg_typei1e5:piecei0ee", data(0, 0, 0),
        data(20'000, 2, 16'384), data(20'000, 0, 16'383), data(20'000, 0, 16'385), data(20'000, 1, 3617), data(5, 0, 0),
        "d8:msg_typei1e5:piecei0e10:total_sizei-5ee", std::string(50, 'l'));
    CAPTURE(text);
    const auto message = parse_metadata(text);
    REQUIRE_FALSE(message);
    CHECK(message.error().code == ErrorCode::ProtocolViolation);
    CHECK(message.error().fault == Fault::Remote);
}
