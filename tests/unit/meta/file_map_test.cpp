#include "common/meta/file_map.h"

#include "common/base/rng.h"
#include "tests/support/catch.h"

using bt::FileIndex;
using bt::meta::FileMap;
using bt::meta::FileSpan;

using Spans = std::vector<FileSpan>;

TEST_CASE("a range inside one file is one span") {
    const FileMap map({10, 20});
    CHECK(map.spans(0, 10) == Spans{{FileIndex(0), 0, 10}});
    CHECK(map.spans(12, 5) == Spans{{FileIndex(1), 2, 5}});
    CHECK(map.spans(29, 1) == Spans{{FileIndex(1), 19, 1}});
}

TEST_CASE("a range over several files is cut at their borders") {
    const FileMap map({10, 1, 20, 4});
    CHECK(map.spans(9, 23) ==
          Spans{{FileIndex(0), 9, 1}, {FileIndex(1), 0, 1}, {FileIndex(2), 0, 20}, {FileIndex(3), 0, 1}});
}

TEST_CASE("empty files own no byte, wherever they stand") {
    const FileMap map({0, 0, 5, 0, 0, 5, 0});
    CHECK(map.spans(0, 10) == Spans{{FileIndex(2), 0, 5}, {FileIndex(5), 0, 5}});
    CHECK(map.spans(5, 1) == Spans{{FileIndex(5), 0, 1}});
    CHECK(map.file_count() == 7);
    CHECK(map.file_length(FileIndex(0)) == 0);
    CHECK(map.file_start(FileIndex(5)) == 5);
}

TEST_CASE("an empty range has no spans") {
    const FileMap map({3, 4});
    CHECK(map.spans(0, 0).empty());
    CHECK(map.spans(7, 0).empty());
    CHECK(FileMap().spans(0, 0).empty());
    CHECK(FileMap().total_length() == 0);
}

TEST_CASE("lengths beyond 32 bits are kept") {
    const std::uint64_t big = std::uint64_t{1} << 40;
    const FileMap map({big, big});
    CHECK(map.total_length() == 2 * big);
    CHECK(map.spans(big - 1, 2) == Spans{{FileIndex(0), big - 1, 1}, {FileIndex(1), 0, 1}});
}

TEST_CASE("spans of random layouts name every byte once, in order") {
    bt::Rng rng(7);
    for (int round = 0; round < 50; ++round) {
        std::vector<std::uint64_t> lengths(1 + rng.below(12));
        for (auto& length : lengths) length = rng.chance(1, 3) ? 0 : rng.below(9);
        const FileMap map(lengths);
        // Byte by byte: file and offset of each byte of the torrent.
        Spans model;
        for (std::uint32_t f = 0; f < lengths.size(); ++f)
            for (std::uint64_t i = 0; i < lengths[f]; ++i) model.push_back({FileIndex(f), i, 1});
        REQUIRE(map.total_length() == model.size());
        const std::uint64_t offset = rng.below(model.size() + 1);
        const std::uint64_t length = rng.below(model.size() - offset + 1);
        Spans bytes;
        for (const FileSpan& span : map.spans(offset, length))
            for (std::uint64_t i = 0; i < span.length; ++i) bytes.push_back({span.file, span.offset + i, 1});
        const auto first = model.begin() + static_cast<std::ptrdiff_t>(offset);
        CHECK(bytes == Spans(first, first + static_cast<std::ptrdiff_t>(length)));
    }
}
