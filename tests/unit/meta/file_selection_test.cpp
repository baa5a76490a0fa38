#include "common/meta/file_selection.h"

#include "tests/support/catch.h"

namespace bt::meta {
namespace {

std::vector<FileEntry> album() {
    return {
        {"album/cover.jpg", 1}, {"album/01 one.flac", 2}, {"album/02 two, too.flac", 3}, {"album/x/01 one.flac", 4}};
}

std::string text_of(const Result<std::vector<std::uint8_t>>& result) {
    if (!result) return result.error().message();
    std::string text;
    for (const std::uint8_t value : *result) text += static_cast<char>('0' + value);
    return text;
}

std::string chosen(std::string_view select, const std::vector<std::string>& priorities = {}) {
    return text_of(file_priorities(album(), select, priorities));
}

std::string by_magnet(std::string_view so) { return text_of(file_priorities_of_magnet(album(), so)); }

TEST_CASE("without a selection every file is wanted") { CHECK(chosen("") == "4444"); }

TEST_CASE("files are selected by number from 1, range and open range") {
    CHECK(chosen("1") == "4000");
    CHECK(chosen("2-3") == "0440");
    CHECK(chosen("3-") == "0044");
    CHECK(chosen("1,4") == "4004");
    CHECK(chosen("1-4") == "4444");
}

TEST_CASE("a pattern is compared with the path, the path below the folder, and the name") {
    CHECK(chosen("*.flac") == "0444");
    CHECK(chosen("01*") == "0404");
    CHECK(chosen("x/*") == "0004");
    CHECK(chosen("album/x/01 one.flac") == "0004");
    CHECK(chosen("0? one.flac") == "0404");
    CHECK(chosen("*two\\, too*") == "0040");
    CHECK(chosen("cover.jpg,4") == "4004");
}

TEST_CASE("one star stays within a folder and two do not") {
    CHECK(chosen("album/*") == "4440");
    CHECK(chosen("album/**") == "4444");
    CHECK(chosen("x/**") == "0004");
    CHECK(matches_pattern("a/**/z", "a/b/c/z"));
    CHECK_FALSE(matches_pattern("a/*/z", "a/b/c/z"));
    CHECK(matches_pattern("**/b*c/d", "x/y/bac/bc/d"));
    CHECK_FALSE(matches_pattern("?", "/"));
    CHECK(matches_pattern("\\*\\?", "*?"));
    CHECK_FALSE(matches_pattern("\\*", "x"));
}

TEST_CASE("an exclamation mark takes files out again, from all of them where the list begins with it") {
    CHECK(chosen("!*.jpg") == "0444");
    CHECK(chosen("*.flac,!x/**") == "0440");
    CHECK(chosen("!2-3") == "4004");
    CHECK(chosen("!*,2") == "0400");
    CHECK(chosen("!*.flac,!*.jpg") == "no file is selected");
}

TEST_CASE("priorities rule over the selection and over earlier priorities") {
    CHECK(chosen("", {"*.jpg=skip", "2=high", "02*=low"}) == "0714");
    CHECK(chosen("", {"*=skip", "4=high"}) == "0007");
    CHECK(chosen("1", {"2=low"}) == "4100");
    CHECK(chosen("", {"1,3-4=6"}) == "6466");
    CHECK(chosen("", {"1=0", "2=7"}) == "0744");
}

TEST_CASE("so= of a magnet counts from 0 and may name files that are not there") {
    CHECK(by_magnet("") == "4444");
    CHECK(by_magnet("0,2-3") == "4044");
    CHECK(by_magnet("3-18446744073709551615") == "0004");
    CHECK(by_magnet("0,17") == "4000");
}

TEST_CASE("bad input: so= that is no list of numbers, or names none of the files, is refused") {
    CHECK(by_magnet("17") == "so=: no file is selected");
    CHECK(by_magnet("*.flac") == "so=: \"*.flac\" is no file number or range");
    CHECK(by_magnet("!1") == "so=: \"!1\" is no file number or range");
    CHECK(by_magnet("0,,1") == "so=: empty item in a list of files");
    CHECK(by_magnet("3-1") == "so=: \"3-1\" is a range that goes backwards");
    CHECK(file_priorities_of_magnet(album(), "x").error().fault == Fault::Remote);
    CHECK(file_priorities_of_magnet(album(), "x").error().code == ErrorCode::InvalidMagnet);
}

TEST_CASE("bad input: a selection that names nothing, or nothing that there is, is refused with the item") {
    CHECK(chosen("0") == "\"0\": files are numbered from 1");
    CHECK(chosen("5") == "\"5\": the torrent's last file is number 4");
    CHECK(chosen("5-") == "\"5-\": the torrent's last file is number 4");
    CHECK(chosen("2-5") == "\"2-5\": the torrent's last file is number 4");
    CHECK(chosen("3-1") == "\"3-1\" is a range that goes backwards");
    CHECK(chosen("1,,2") == "empty item in a list of files");
    CHECK(chosen("!") == "empty item in a list of files");
    CHECK(chosen("-") == "\"-\" is no file number or range");
    CHECK(chosen("1-2-3") == "\"1-2-3\" is no file number or range");
    CHECK(chosen("99999999999999999999999") == "\"99999999999999999999999\" is no file number or range");
    CHECK(chosen("*.mp3") == "\"*.mp3\": no file of the torrent has this name");
    CHECK(chosen("!*.mp3") == "\"!*.mp3\": no file of the torrent has this name");
    CHECK(chosen("", {"1"}) == "\"1\" has no \"=low\", \"=high\" or the like");
    CHECK(chosen("", {"1=loud"}) == "\"loud\" is no priority: skip, low, normal, high or 0 to 7");
    CHECK(chosen("", {"1=8"}) == "\"8\" is no priority: skip, low, normal, high or 0 to 7");
    CHECK(chosen("", {"*=skip"}) == "no file is selected");
    CHECK_FALSE(check_selection("2-1").has_value());
    CHECK_FALSE(check_selection("0-").has_value());
    CHECK_FALSE(check_priority("=high").has_value());
    CHECK(check_selection("1-,*.x").has_value());
    CHECK(check_priority("a=b=high").has_value());
}

TEST_CASE("a pattern with many stars is decided in little time") {
    const std::string text(4000, 'a');
    CHECK_FALSE(matches_pattern("*a*a*a*a*a*a*a*a*b", text));
    CHECK_FALSE(matches_pattern("**a**a**a**a**a**b", text));
    CHECK(matches_pattern("*a*a*a*a*", text));
    CHECK(matches_pattern("?", "ü"));
    CHECK_FALSE(matches_pattern("", "x"));
    CHECK(matches_pattern("**", ""));
}

}  // namespace
}  // namespace bt::meta
