#include "common/storage/file_names.h"

#include <set>

#include "common/base/encoding.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::storage;

namespace {

std::string field(const std::string& text) { return std::to_string(text.size()) + ":" + text; }

// One byte a file; a path's elements lie between slashes.
meta::Metainfo torrent_of(const std::string& name, const std::vector<std::string>& paths) {
    std::string list;
    for (const auto& path : paths) {
        list += "d6:lengthi1e4:pathl";
        for (std::size_t at = 0; at <= path.size();) {
            const std::size_t end = std::min(path.find('/', at), path.size());
            list += field(path.substr(at, end - at));
            at = end + 1;
        }
        list += "ee";
    }
    const std::string text = "d4:infod5:filesl" + list + "e4:name" + field(name) + "12:piece lengthi" +
                             std::to_string(16384) + "e6:pieces20:" + std::string(20, 'h') + "ee";
    auto parsed = meta::Metainfo::parse(as_bytes(text));
    REQUIRE(parsed);
    return std::move(*parsed);
}

}  // namespace

TEST_CASE("an unfinished file is its name and .part") {
    const auto placement = placement_in(torrent_of("n", {"a", "b/c.txt"}), "out");
    CHECK(placement.part_paths == std::vector<std::string>{"out/n/a.part", "out/n/b/c.txt.part"});
    CHECK(placement.shared_path == "out/.n.swarm-parts");
    CHECK(placement.wanted.empty());
}

TEST_CASE("no part name is that of a file, a folder or another part of the torrent") {
    const auto metainfo = torrent_of("n", {"a", "a.part", "b", "b.part/x", "c", "c.part", "c.5.part"});
    const auto placement = placement_in(metainfo, "out");
    CHECK(placement.part_paths[0] == "out/n/a.1.part");
    CHECK(placement.part_paths[1] == "out/n/a.part.part");
    CHECK(placement.part_paths[2] == "out/n/b.3.part");
    CHECK(placement.part_paths[4] == "out/n/c.12.part");
    std::set<std::string> all(placement.part_paths.begin(), placement.part_paths.end());
    for (const auto& file : metainfo.files()) all.insert("out/" + file.path);
    CHECK(all.size() == 14);
}

TEST_CASE("the longest name that a torrent may have leaves room for a number and .part") {
    const std::string longest(240, 'x');
    const auto placement = placement_in(torrent_of("n", {longest, "b/" + longest}), "out");
    for (const auto& path : placement.part_paths) CHECK(path.size() - path.rfind('/') - 1 + 10 <= 255);
}

TEST_CASE("a hidden name is whole up to 200 bytes, and is then cut and gets the beginning of the info_hash") {
    const auto fits = torrent_of(std::string(200, 'n'), {"a"});
    CHECK(hidden_path(fits, "out", "swarm-resume") == "out/." + std::string(200, 'n') + ".swarm-resume");
    const auto over = torrent_of(std::string(201, 'n'), {"a"});
    const std::string hash = to_hex(over.info_hash()).substr(0, 8);
    CHECK(hidden_path(over, "out", "swarm-resume") == "out/." + std::string(191, 'n') + "-" + hash + ".swarm-resume");
}

TEST_CASE("names are cut between characters") {
    CHECK(cut_name("abc", 3) == "abc");
    CHECK(cut_name("abc", 2) == "ab");
    CHECK(cut_name("a\xC3\xA4", 3) == "a\xC3\xA4");
    CHECK(cut_name("a\xC3\xA4", 2) == "a");
    CHECK(cut_name("\xF0\x9F\x98\x80z", 3).empty());
}
