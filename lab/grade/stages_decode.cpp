// `decode TEXT` prints a bencoded value as JSON.

#include <nlohmann/json.hpp>

#include "lab/grade/stage.h"

namespace bt::grade {
namespace {

using nlohmann::json;

std::string hint_for(const Value& value, const json& came) {
    const json wanted = json::parse(value.json);
    if (wanted.is_number() && came.is_string()) return "integers are printed without quotes";
    if (wanted.is_string() && !came.is_string())
        return "strings are printed in quotes, also those that look like numbers";
    if (wanted.is_number() && came.is_number_float())
        return "integers need 64 bits: a floating-point number loses digits";
    if (wanted.is_number()) return "integers may be negative, and larger than 32 bits";
    if (wanted.is_string())
        return "a string's length is in bytes, may have several digits, and its text may have ':' in it";
    if (wanted.is_array())
        return "a list ends at its own 'e', not at that of a list inside: decode by recursion and return "
               "how many bytes were used";
    return "a dictionary is key, value, key, value …, ended by its own 'e'; keys are strings and may have blanks";
}

Result<Finding> decode_all(Arena& arena, const std::vector<Value>& values) {
    Finding last;
    for (const Value& value : values) {
        BT_TRY_ASSIGN(const Ran ran, arena.ask({"decode", value.bencoded}));
        if (auto fault = fault_in_end(ran)) {
            fault->expected = shown(value.json);
            return *fault;
        }
        if (ran.out.empty())
            return failed(ran, shown(value.json), "nothing on standard output",
                          "print the value, and flush it before the program ends");
        const json came = json::parse(ran.out, nullptr, false);
        if (came.is_discarded())
            return failed(ran, shown(value.json), shown(ran.out),
                          "this is not one JSON value: strings in double quotes, nothing else on the line");
        if (came.dump() != json::parse(value.json).dump())
            return failed(ran, shown(value.json), shown(ran.out), hint_for(value, came));
        last = passed(ran);
    }
    return last;
}

}  // namespace

Result<Finding> decode_strings(Arena& arena) {
    Rng& rng = arena.rng();
    const std::string host = random_word(rng, 4, 8);
    return decode_all(arena,
                      {string_value(random_word(rng, 2, 9)), string_value(random_word(rng, 10, 30)),
                       string_value("http://" + host + "/" + random_word(rng, 2, 5) + ":" + random_word(rng, 1, 4)),
                       string_value(std::to_string(rng.below(1000000))), string_value("")});
}

Result<Finding> decode_integers(Arena& arena) {
    Rng& rng = arena.rng();
    const auto small = static_cast<std::int64_t>(1 + rng.below(999));
    const auto large = (std::int64_t{1} << 32) + static_cast<std::int64_t>(rng.below(std::uint64_t{1} << 50));
    return decode_all(arena, {integer_value(small), integer_value(-small), integer_value(0), integer_value(large),
                              integer_value(-large)});
}

Result<Finding> decode_lists(Arena& arena) {
    Rng& rng = arena.rng();
    const Value word = string_value(random_word(rng, 1, 12)), number = integer_value(random_integer(rng));
    std::vector<Value> values = {list_value({word, number}), list_value({}),
                                 list_value({list_value({number}), word, list_value({list_value({}), word})})};
    values.push_back(
        list_value({random_value(rng, 0), list_value({random_value(rng, 0), random_value(rng, 0)}), number}));
    return decode_all(arena, values);
}

Result<Finding> decode_dicts(Arena& arena) {
    Rng& rng = arena.rng();
    const Value word = string_value(random_word(rng, 1, 12)), number = integer_value(random_integer(rng));
    const std::string key = random_word(rng, 2, 8);
    return decode_all(
        arena,
        {dict_value({{key, word}, {key + "2", number}}), dict_value({}),
         dict_value({{"a key of " + key, number}, {key + " x", dict_value({{key, list_value({word, number})}})}}),
         dict_value({{key, random_value(rng, 2)}, {"m", dict_value({{"n", random_value(rng, 2)}})}, {"z", word}})});
}

Result<Finding> decode_refuses(Arena& arena) {
    Rng& rng = arena.rng();
    const std::string word = random_word(rng, 4, 9);
    const std::vector<std::pair<std::string, std::string>> broken = {
        {std::to_string(word.size() + 3) + ":" + word, "the string claims more bytes than there are"},
        {"i" + std::to_string(rng.below(1000)), "the integer has no 'e'"},
        {"l" + string_value(word).bencoded, "the list has no 'e'"},
        {"d" + string_value(word).bencoded + "e", "the last key has no value"}};
    Finding last;
    for (const auto& [text, why] : broken) {
        BT_TRY_ASSIGN(const Ran ran, arena.ask({"decode", text}));
        const std::string expected = "an exit code that is not 0, and no value on standard output";
        if (ran.timed_out || ran.flooded) return *fault_in_end(ran);
        if (ran.exit.signalled)
            return failed(ran, expected, "a crash", why + ": check how much is left before you read on");
        if (ran.exit.code == 0)
            return failed(ran, expected, "exit code 0 and " + (ran.out.empty() ? "nothing" : shown(ran.out)), why);
        last = passed(ran);
    }
    return last;
}

}  // namespace bt::grade
