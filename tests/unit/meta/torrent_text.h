#pragma once

// Bencoded torrents for tests, put together from text so that a test can damage any part of them.

#include <string>
#include <string_view>

#include "tests/support/catch.h"

#include "common/meta/metainfo.h"

namespace bt::meta::test {

inline std::string bstr(std::string_view text) { return std::to_string(text.size()) + ":" + std::string(text); }

inline std::string hashes(std::size_t count) { return bstr(std::string(count * 20, 'h')); }

inline std::string path_list(const std::vector<std::string>& elements) {
    std::string out = "l";
    for (const auto& element : elements) out += bstr(element);
    return out + "e";
}

inline std::string file_entry(std::int64_t length, const std::vector<std::string>& path) {
    return "d6:lengthi" + std::to_string(length) + "e4:path" + path_list(path) + "e";
}

// A torrent with this info dictionary's inside, and more keys in front of it.
inline std::string with_info(std::string_view info, std::string_view front = "") {
    return "d" + std::string(front) + "4:infod" + std::string(info) + "ee";
}

inline std::string single(std::int64_t length, std::int64_t piece_length, std::size_t pieces,
                          std::string_view name = "a.bin") {
    return with_info("6:lengthi" + std::to_string(length) + "e4:name" + bstr(name) + "12:piece lengthi" +
                     std::to_string(piece_length) + "e6:pieces" + hashes(pieces));
}

// Files of one piece in all.
inline std::string multi(std::string_view file_entries, std::size_t pieces = 1) {
    return with_info("5:filesl" + std::string(file_entries) + "e4:name3:top12:piece lengthi16384e6:pieces" +
                     hashes(pieces));
}

inline Metainfo accepted(std::string_view torrent) {
    auto result = Metainfo::parse(as_bytes(torrent));
    if (!result) FAIL("refused: " << result.error().message());
    return std::move(*result);
}

// Refused with these words, one line, and the offset of `place` in the torrent.
inline void check_refused(std::string_view torrent, std::string_view words, std::string_view place) {
    INFO("torrent: " << torrent.substr(0, 150));
    const auto result = Metainfo::parse(as_bytes(torrent));
    REQUIRE_FALSE(result);
    INFO("answer: " << result.error().message());
    CHECK(result.error().detail.find(words) != std::string::npos);
    CHECK(result.error().message().find('\n') == std::string::npos);
    CHECK(result.error().code == ErrorCode::InvalidMetainfo);
    CHECK(result.error().fault == Fault::Remote);
    REQUIRE(torrent.find(place) != std::string_view::npos);
    CHECK(result.error().offset == torrent.find(place));
}

}  // namespace bt::meta::test
