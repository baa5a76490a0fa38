#include "client/file_selection.h"

#include "tests/support/catch.h"

namespace bt::client {
namespace {

std::vector<meta::FileEntry> album() {
    return {
        {"album/cover.jpg", 1}, {"album/01 one.flac", 2}, {"album/02 two, too.flac", 3}, {"album/x/01 one.flac", 4}};
}

std::string chosen(std::string_view select, const std::vector<std::string>& priorities = {}) {
    const auto result = file_priorities(album(), select, priorities);
    if (!result) return result.error().message();
    std::string text;
    for (const std::uint8_t value : *result) text += static_cast<char>('0' + value);
    return text;
}

TEST_CASE("without a selection every file is wanted") { CHECK(chosen("") == "4444"); }

TEST_CASE("files are selected by number, range and open range") {
    CHECK(chosen("0") == "4000");
    CHECK(chosen("1-2") == "0440");
    CHECK(chosen("2-") == "0044");
    CHECK(chosen("0,3") == "4004");
}

TEST_CASE("a pattern is compared with the path, the path below the folder, and the name") {
    CHECK(chosen("*.flac") == "0444");
    CHECK(chosen("01*") == "0404");
    CHECK(chosen("x/*") == "0004");
    CHECK(chosen("album/x/01 one.flac") == "0004");
    CHECK(chosen("0? one.flac") == "0404");
    CHECK(chosen("*two\\, too*") == "0040");
    CHECK(chosen("cover.jpg,3") == "4004");
}

TEST_CASE("priorities rule over the selection and over earlier priorities") {
    CHECK(chosen("", {"*.jpg=skip", "1=high", "02*=low"}) == "0714");
    CHECK(chosen("", {"*=skip", "3=high"}) == "0007");
    CHECK(chosen("0", {"1=low"}) == "4100");
}

TEST_CASE("bad input: a selection that names nothing, or nothing that there is, is refused with the item") {
    CHECK(chosen("4") == "\"4\": the torrent's last file is number 3");
    CHECK(chosen("4-") == "\"4-\": the torrent's last file is number 3");
    CHECK(chosen("1-4") == "\"1-4\": the torrent's last file is number 3");
    CHECK(chosen("3-1") == "\"3-1\" is a range that goes backwards");
    CHECK(chosen("1,,2") == "empty item in a list of files");
    CHECK(chosen("-") == "\"-\" is no file number or range");
    CHECK(chosen("1-2-3") == "\"1-2-3\" is no file number or range");
    CHECK(chosen("99999999999999999999999") == "\"99999999999999999999999\" is no file number or range");
    CHECK(chosen("*.mp3") == "\"*.mp3\": no file of the torrent has this name");
    CHECK(chosen("", {"1"}) == "\"1\" has no \"=low\", \"=high\" or the like");
    CHECK(chosen("", {"1=loud"}) == "\"loud\" is no priority: skip, low, normal or high");
    CHECK(chosen("", {"*=skip"}) == "no file is selected");
    CHECK_FALSE(check_selection("2-1").has_value());
    CHECK_FALSE(check_priority("=high").has_value());
    CHECK(check_selection("0-,*.x").has_value());
    CHECK(check_priority("a=b=high").has_value());
}

TEST_CASE("a pattern with many stars is decided in little time") {
    const std::string text(4000, 'a');
    CHECK_FALSE(matches_pattern("*a*a*a*a*a*a*a*a*b", text));
    CHECK(matches_pattern("*a*a*a*a*", text));
    CHECK(matches_pattern("?", "ü"));
    CHECK_FALSE(matches_pattern("", "x"));
    CHECK(matches_pattern("**", ""));
}

}  // namespace
}  // namespace bt::client
