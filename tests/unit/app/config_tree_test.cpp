#include "common/app/config_tree.h"

#include <filesystem>
#include <fstream>

#include "common/app/text_file.h"
#include "tests/support/catch.h"

namespace bt::app {
namespace {

ConfigFile toml(std::string_view text) {
    auto file = ConfigFile::parse(text, ConfigFormat::Toml, "f.toml");
    if (!file) FAIL(file.error().detail);
    return *file;
}

ConfigFile json(std::string_view text) {
    auto file = ConfigFile::parse(text, ConfigFormat::Json, "f.json");
    if (!file) FAIL(file.error().detail);
    return *file;
}

std::string refusal(std::string_view text, ConfigFormat format) {
    const auto file = ConfigFile::parse(text, format, "f");
    REQUIRE_FALSE(file);
    CHECK(file.error().code == ErrorCode::InvalidConfig);
    return file.error().detail;
}

// Kind, value and line of everything below a node, keys sorted: what both formats must agree on.
std::string dump(const ConfigNode& node) {
    std::string out(node.type_name());
    if (const auto* i = std::get_if<std::int64_t>(&node.value)) out += "=" + std::to_string(*i);
    if (const auto* s = std::get_if<std::string>(&node.value)) out += "=" + *s;
    if (const auto* b = std::get_if<bool>(&node.value)) out += *b ? "=true" : "=false";
    if (const auto* list = std::get_if<ConfigNode::List>(&node.value)) {
        for (const ConfigNode& element : *list) out += " [" + dump(element) + "]";
    }
    if (const auto* table = std::get_if<ConfigNode::Table>(&node.value)) {
        auto sorted = *table;
        std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        for (const auto& [key, child] : sorted) {
            out += " {" + key + "@" + std::to_string(child.key_line) + ": " + dump(child) + "}";
        }
    }
    return out;
}

TEST_CASE("TOML and JSON of the same content on the same lines give the same tree") {
    const auto a = toml("b = true\ni = -5\ns = \"x\\ny\"\nl = [1, 2.5,\n 'z']\nt = { k = 1 }\n");
    const auto b =
        json("{ \"b\": true,\n\"i\": -5,\n\"s\": \"x\\ny\",\n\"l\": [1, 2.5,\n \"z\"],\n\"t\": { \"k\": 1 }\n}");
    CHECK(dump(a.root().node()) == dump(b.root().node()));
}

TEST_CASE("JSON values know their line, whatever stands behind them") {
    const auto file = json("{\n\"a\": 1\n,\"b\":\n2\n,\n\"c\": [\n3\n,\n4],\n\n\"d\": {\"e\"\n:\n\"text\"}}");
    const ConfigNode& root = file.root().node();
    CHECK(root.find("a")->key_line == 2);
    CHECK(root.find("a")->line == 2);
    CHECK(root.find("b")->key_line == 3);
    CHECK(root.find("b")->line == 4);
    const auto& list = std::get<ConfigNode::List>(root.find("c")->value);
    CHECK(list[0].line == 7);
    CHECK(list[1].line == 9);
    CHECK(root.find("d")->find("e")->key_line == 11);
    CHECK(root.find("d")->find("e")->line == 13);
}

TEST_CASE("a syntax error is told with file and line") {
    CHECK(refusal("a = 1\nb = = 2\n", ConfigFormat::Toml).starts_with("f:2: "));
    CHECK(refusal("{\"a\": 1,\n\"b\": }", ConfigFormat::Json).starts_with("f:2: "));
    CHECK(refusal("{\"a\": 1", ConfigFormat::Json).starts_with("f:1: "));
    CHECK(refusal("", ConfigFormat::Json).starts_with("f:1: "));
    CHECK(refusal("{\"a\": \"never ends\n\n", ConfigFormat::Json).starts_with("f:1: "));
    CHECK(refusal("{} {}", ConfigFormat::Json).starts_with("f:1: "));
    CHECK(refusal("{\"a\": 9223372036854775808}", ConfigFormat::Json).find("too large") != std::string::npos);
    json("{\"a\": 9223372036854775807}");
}

TEST_CASE(
    "bad input: TOML with letters outside ASCII is read in quotes and comments, and refused with its line elsewhere") {
    const auto line = [](std::string_view text) {
        const auto file = ConfigFile::parse(text, ConfigFormat::Toml, "f");
        return file ? std::string("good") : file.error().detail;
    };
    const std::string refused = ": a letter outside ASCII belongs in quotes";
    CHECK(line("a = \"\u00fcber\" # \u00e9t\u00e9\n'\u03c9' = '''\n\u03c9'''\n") == "good");
    CHECK(line("\ufeff# begins with a byte order mark\na = 1\n") == "good");
    CHECK(line("a = 1\nb = \u03c9/\n") == "f:2" + refused);
    CHECK(line("\u00fcber = 1\n") == "f:1" + refused);
    CHECK(line("a = \"\\\"\" # \u03c9\nb = \u03c9\n") == "f:2" + refused);
    CHECK(line("a = \"\"\"x\"\"\"\"\nb = \u03c9 # \"\n") == "f:2" + refused);
    CHECK(line("a = '\\' \u03c9 = 2\n") == "f:1" + refused);
    CHECK(line("a = \"broken\nb = \u03c9\n") == "f:2" + refused);
}

TEST_CASE("a key twice is refused in both formats") {
    CHECK(refusal("a = 1\na = 2\n", ConfigFormat::Toml).starts_with("f:2: "));
    CHECK(refusal("{\"a\": 1,\n\"a\": 2}", ConfigFormat::Json) == "f:2: key a stands here a second time");
    // In different tables the same key is none of that.
    json("{\"a\": {\"a\": 1}, \"b\": {\"a\": 1}}");
}

TEST_CASE("nesting up to the limit is read, deeper is refused") {
    const auto nested = [](std::size_t depth) {
        return "{\"a\": " + std::string(depth, '[') + std::string(depth, ']') + "}";
    };
    CHECK(ConfigFile::parse(nested(kMaxConfigDepth - 1), ConfigFormat::Json, "f"));
    CHECK(refusal(nested(kMaxConfigDepth), ConfigFormat::Json) == "f:1: nested too deeply");
    CHECK(refusal(nested(1'000'000), ConfigFormat::Json) == "f:1: nested too deeply");
    const std::string deep = "a = " + std::string(kMaxConfigDepth + 1, '[') + std::string(kMaxConfigDepth + 1, ']');
    CHECK(refusal(deep, ConfigFormat::Toml).starts_with("f:1: "));
}

TEST_CASE("a file of the largest size is read, one byte more is refused") {
    std::string text = "a = 1\n#";
    text.resize(kMaxConfigSize, 'x');
    CHECK(ConfigFile::parse(text, ConfigFormat::Toml, "f"));
    CHECK(refusal(text + "x", ConfigFormat::Toml).find("larger") != std::string::npos);
}

TEST_CASE("an integer is taken at both ends of its range and refused outside, as are other types") {
    const auto file = toml("low = 1\nhigh = 9\nunder = 0\nover = 10\ntext = '5'\nfraction = 5.0\n");
    const ConfigTable root = file.root();
    CHECK(root.integer("low", 1, 9).value() == 1);
    CHECK(root.integer("high", 1, 9).value() == 9);
    CHECK(root.integer("absent", 1, 9).value() == std::nullopt);
    CHECK(root.integer("under", 1, 9).error().detail == "f.toml:3: under: 0 is out of range, 1 to 9");
    CHECK(root.integer("over", 1, 9).error().detail == "f.toml:4: over: 10 is out of range, 1 to 9");
    CHECK(root.integer("text", 1, 9).error().detail == "f.toml:5: text: must be a whole number, found string");
    CHECK_FALSE(root.integer("fraction", 1, 9));
}

TEST_CASE("numbers and durations take integers and fractions, within their range") {
    const auto file = toml("i = 2\nf = 0.5\nn = nan\ninf = inf\ns = 'x'\n");
    const ConfigTable root = file.root();
    CHECK(root.number("i", 0, 2).value() == 2.0);
    CHECK(root.duration("f", seconds(0), seconds(1)).value() == milliseconds(500));
    CHECK_FALSE(root.number("n", 0, 2));
    CHECK_FALSE(root.number("inf", 0, 2));
    CHECK_FALSE(root.duration("i", seconds(0), seconds(1)));
    CHECK_FALSE(root.duration("s", seconds(0), seconds(1)));
}

TEST_CASE("strings, booleans, lists and tables of another type are refused with their place") {
    const auto file = toml("i = 1\nl = ['a',\n 2]\n[t]\nx = 1\n[[ts]]\ny = 'q'\n[[ts]]\ny = 3\n");
    const ConfigTable root = file.root();
    CHECK(root.string("i").error().detail == "f.toml:1: i: must be a string, found integer");
    CHECK(root.boolean("i").error().detail.starts_with("f.toml:1: i: must be a boolean"));
    CHECK(root.strings("l").error().detail == "f.toml:3: l[1]: must be a string, found integer");
    CHECK_FALSE(root.strings("i"));
    CHECK_FALSE(root.table("i"));
    CHECK_FALSE(root.tables("t"));
    CHECK_FALSE(root.tables("l"));
    CHECK(root.tables("absent").value().empty());
    const auto table = root.table("t").value();
    REQUIRE(table);
    CHECK(table->integer("x", 5, 9).error().detail.starts_with("f.toml:5: t.x: "));
    const auto tables = root.tables("ts").value();
    REQUIRE(tables.size() == 2);
    CHECK(tables[0].string("y").value() == "q");
    CHECK(tables[1].string("y").error().detail.starts_with("f.toml:9: ts[1].y: "));
}

TEST_CASE("a needed key that is missing is told with the line of its table") {
    const auto file = toml("a = 1\n\n[t]\nb = 2\n");
    const ConfigTable root = file.root();
    CHECK(root.need("a", root.integer("a", 0, 9)).value() == 1);
    const auto table = root.table("t").value();
    REQUIRE(table);
    CHECK(table->need("c", table->string("c")).error().detail == "f.toml:3: t.c is missing");
    CHECK(table->need("b", table->string("b")).error().detail.starts_with("f.toml:4: t.b: must be a string"));
}

TEST_CASE("an unknown key is refused with the nearest known one, or with all of them when none is near") {
    const auto file = toml("port = 1\ninterval = 2\n");
    CHECK(file.root().allow_only({"port", "interval"}));
    CHECK(file.root().allow_only({"port", "minInterval", "intervals"}).error().detail ==
          "f.toml:2: unknown key interval; did you mean intervals?");
    CHECK(file.root().allow_only({"port", "bind"}).error().detail ==
          "f.toml:2: unknown key interval; known keys: port, bind");
}

TEST_CASE("the nearest word is the one with the fewest edits, if those are few") {
    const std::vector<std::string_view> words = {"port", "peers", "interval", "torrentFile"};
    CHECK(nearest_word("prot", words) == "port");
    CHECK(nearest_word("PORT", words) == "port");
    CHECK(nearest_word("torrent_file", words) == "torrentFile");
    CHECK(nearest_word("intervall", words) == "interval");
    CHECK(nearest_word("x", words) == std::nullopt);
    CHECK(nearest_word("", words) == std::nullopt);
    CHECK(nearest_word(std::string(100'000, 'p'), words) == std::nullopt);
}

TEST_CASE("relative paths are seen from the folder of the file") {
    const auto at = [](const char* name) { return ConfigFile::parse("", ConfigFormat::Toml, name).value(); };
    CHECK(at("conf/t.toml").resolve_path("../torrents/x.torrent") == "torrents/x.torrent");
    CHECK(at("t.toml").resolve_path("x") == "x");
    CHECK(at("conf/t.toml").resolve_path("/abs/x") == "/abs/x");
}

TEST_CASE("control characters of a file do not reach the terminal") {
    const std::string text = "\"a\\u001b[31m\" = 1\n";
    const auto file = toml(text);
    const Status status = file.root().allow_only({"b"});
    REQUIRE_FALSE(status);
    CHECK(status.error().detail.find('\x1b') == std::string::npos);
}

TEST_CASE("a file that cannot be read is the system's error, a folder too") {
    const auto missing = ConfigFile::load("/nonexistent/x.toml");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == ErrorCode::NotFound);
    CHECK_FALSE(read_text_file("/", 10));
}

}  // namespace
}  // namespace bt::app
