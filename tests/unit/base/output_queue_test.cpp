#include "common/base/output_queue.h"

#include "common/base/rng.h"
#include "tests/support/catch.h"

using namespace bt;

namespace {

std::string text_of(const OutputQueue& queue, std::size_t i) { return to_string(std::get<ByteView>(queue.segment(i))); }

FileRange range(std::uint64_t offset, std::uint64_t length) { return {StorageId(1), FileIndex(2), offset, length}; }

}  // namespace

TEST_CASE("bytes that follow each other become one segment") {
    OutputQueue queue;
    queue.append_bytes(as_bytes("ab"));
    queue.append_bytes(as_bytes("cd"));
    CHECK(queue.segment_count() == 1);
    CHECK(text_of(queue, 0) == "abcd");
    CHECK(queue.size() == 4);
}

TEST_CASE("order between bytes and file ranges is kept") {
    OutputQueue queue;
    queue.append_bytes(as_bytes("head"));
    queue.append_file(range(100, 16384));
    queue.append_bytes(as_bytes("tail"));
    REQUIRE(queue.segment_count() == 3);
    CHECK(text_of(queue, 0) == "head");
    CHECK(std::get<FileRange>(queue.segment(1)) == range(100, 16384));
    CHECK(text_of(queue, 2) == "tail");
    CHECK(queue.size() == 16392);
}

TEST_CASE("what was sent is gone from the front, in the middle of a segment too") {
    OutputQueue queue;
    queue.append_bytes(as_bytes("head"));
    queue.append_file(range(100, 1000));
    queue.mark_sent(3);
    CHECK(text_of(queue, 0) == "d");
    queue.mark_sent(11);
    REQUIRE(queue.segment_count() == 1);
    CHECK(std::get<FileRange>(queue.segment(0)) == range(110, 990));
    queue.mark_sent(990);
    CHECK(queue.empty());
    CHECK(queue.segment_count() == 0);
}

TEST_CASE("bytes may be added behind a segment that was sent in part") {
    OutputQueue queue;
    queue.append_bytes(as_bytes("abc"));
    queue.mark_sent(2);
    queue.append_bytes(as_bytes("def"));
    CHECK(queue.segment_count() == 1);
    CHECK(text_of(queue, 0) == "cdef");
    CHECK(queue.size() == 4);
}

TEST_CASE("nothing added is no segment") {
    OutputQueue queue;
    queue.append_bytes({});
    queue.append_file(range(5, 0));
    CHECK(queue.empty());
    CHECK(queue.segment_count() == 0);
    queue.append_bytes(as_bytes("x"));
    queue.clear();
    CHECK(queue.empty());
    CHECK(queue.segment_count() == 0);
}

TEST_CASE("any sequence of appends and sends delivers every byte once, in order") {
    Rng rng(11);
    OutputQueue queue;
    std::string added;
    std::string sent;
    for (int step = 0; step < 2000; ++step) {
        if (rng.chance(1, 2)) {
            ByteBuffer bytes(rng.below(20));
            rng.fill(bytes);
            queue.append_bytes(bytes);
            added += to_string(bytes);
        } else if (!queue.empty()) {
            const std::string front = text_of(queue, 0);
            const std::uint64_t count = rng.below(front.size() + 1);
            sent += front.substr(0, static_cast<std::size_t>(count));
            queue.mark_sent(count);
        }
        REQUIRE(queue.size() == added.size() - sent.size());
    }
    while (!queue.empty()) {
        sent += text_of(queue, 0);
        queue.mark_sent(text_of(queue, 0).size());
    }
    CHECK(sent == added);
}
