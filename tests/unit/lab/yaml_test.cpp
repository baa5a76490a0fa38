#include "lab/yaml.h"

#include "tests/support/catch.h"

using bt::lab::yaml_from_json;

TEST_CASE("YAML has a line for each key and a dash for each item") {
    CHECK(yaml_from_json(R"({"a":1,"b":{"c":true,"d":[1,"x"]},"e":[{"f":null,"g":1.5},{"h":[]}]})") ==
          "a: 1\nb:\n  c: true\n  d:\n    - 1\n    - \"x\"\ne:\n  - f: null\n    g: 1.5\n  - h: []\n");
    CHECK(yaml_from_json(R"([[1,2],{"a":{"b":3}}])") == "-\n  - 1\n  - 2\n- a:\n    b: 3\n");
    CHECK(yaml_from_json("{}") == "{}\n");
}

TEST_CASE("YAML quotes every string, and keys that would be something else") {
    CHECK(yaml_from_json(R"({"a":"no","b":"1.0","c":"x: y # z","d":"tab\tand\"quote\\","e":"ü"})") ==
          "a: \"no\"\nb: \"1.0\"\nc: \"x: y # z\"\nd: \"tab\\tand\\\"quote\\\\\"\ne: \"\\u00fc\"\n");
    CHECK(yaml_from_json(R"({"on":1,"Yes":1,"1":1,"a b":1,"":1,"tracker.toml":1})") ==
          "\"on\": 1\n\"Yes\": 1\n\"1\": 1\n\"a b\": 1\n\"\": 1\ntracker.toml: 1\n");
}

TEST_CASE("YAML keeps texts of several lines as they are, and quotes what a block would change") {
    CHECK(yaml_from_json(R"({"a":"one\n\ntwo = 2\n","b":1})") == "a: |\n  one\n\n  two = 2\nb: 1\n");
    CHECK(yaml_from_json(R"({"a":{"b":"x\ny\n"}})") == "a:\n  b: |\n    x\n    y\n");
    CHECK(yaml_from_json("{\"a\":\"gr\u00fc\u00dfe\\n\\n\U0001f331\\n\"}") ==
          "a: |\n  gr\u00fc\u00dfe\n\n  \U0001f331\n");
    CHECK(yaml_from_json("{\"a\":\"\U0001f331 \\\\ud83c \x7f\"}") == "a: \"\\U0001f331 \\\\ud83c \\u007f\"\n");
    CHECK(yaml_from_json("{\"a\":\"x\\n\u2028\\n\"}") == "a: \"x\\n\\u2028\\n\"\n");
    for (const char* text : {"one\\ntwo", "one\\n two\\n", "one \\ntwo\\n", "one\\ntwo\\n\\n", "\\none\\ntwo\\n",
                             "a\\tb\\nc\\n", "one\\n"}) {
        CHECK(yaml_from_json(std::string(R"({"a":")") + text + "\"}") == std::string("a: \"") + text + "\"\n");
    }
}
