#include "common/app/terminal_text.h"

#include "common/base/encoding.h"
#include "tests/support/catch.h"

namespace bt::app {
namespace {

TEST_CASE("text from outside cannot drive a terminal") {
    CHECK(printable("a\x1b[2Jb\r\n\x7f") == "a?[2Jb???");
    CHECK(printable("x\xc2\x9by") == "x?y");                // C1: CSI in one character
    CHECK(printable("exe.\xe2\x80\xaegpj") == "exe.?gpj");  // right-to-left override
    CHECK(printable("a\xff"
                    "b") ==
          "a\xef\xbf\xbd"
          "b");
    CHECK(printable("naïve 日本 😀") == "naïve 日本 😀");
}

TEST_CASE("wide characters take two columns, combining ones none") {
    CHECK(columns("abc") == 3);
    CHECK(columns("日本") == 4);
    CHECK(columns("😀") == 2);
    CHECK(columns("e\xcc\x81") == 1);
    CHECK(columns("Ж") == 1);
}

TEST_CASE("text is cut between characters and padded to its columns") {
    CHECK(fit("abc", 5) == "abc  ");
    CHECK(fit("abcdef", 5) == "abcd…");
    CHECK(fit("日本語", 6) == "日本語");
    CHECK(fit("日本語", 5) == "日本…");
    CHECK(fit("日本語", 4) == "日… ");
    CHECK(fit("x", 0) == "");
    CHECK(cut("日本語", 1) == "…");
    CHECK(cut("abc", 5) == "abc");
    for (std::size_t width = 0; width < 12; ++width) {
        const std::string text = fit("ab日e\xcc\x81😀ü\xff\x1b", width);
        CHECK(columns(text) == width);
        CHECK(is_valid_utf8(text));
    }
}

}  // namespace
}  // namespace bt::app
