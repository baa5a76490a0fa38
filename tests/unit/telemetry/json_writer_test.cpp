#include "common/telemetry/json_writer.h"

#include "tests/support/catch.h"

using bt::telemetry::JsonWriter;

TEST_CASE("JSON is written with commas where they belong") {
    JsonWriter json;
    json.begin_object().field("a", 1).key("b").begin_array().number(-2).begin_object().end_object().null().end_array();
    json.field("c", true).field("d", 1.5).field("e", "x").key("f").begin_array().end_array().end_object();
    CHECK(json.text() == R"({"a":1,"b":[-2,{},null],"c":true,"d":1.500,"e":"x","f":[]})");
}

TEST_CASE("numbers with a fraction have three digits, and what is no number is null") {
    JsonWriter json;
    json.begin_array().number(-0.25).number(0.0004).number(1e6).number(1.0 / 0.0).end_array();
    CHECK(json.text() == "[-0.250,0.000,1000000.000,null]");
}

TEST_CASE("bad input: text that is a tag, or no UTF-8, stays text") {
    JsonWriter json;
    json.begin_array().string("</script><b a=\"&\">").string("\xff\n").end_array();
    CHECK(json.text() == "[\"\\u003c/script\\u003e\\u003cb a=\\\"\\u0026\\\"\\u003e\",\"\\ufffd\\u000a\"]");
}
