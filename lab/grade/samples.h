#pragma once

// What students are asked about, made new for every run from its rng_seed: nothing of it can be known before. Pure.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "common/meta/metainfo.h"

namespace bt::grade {

// A bencoded value, and the same as JSON.
struct Value {
    std::string bencoded;
    std::string json;
};

[[nodiscard]] std::string random_word(Rng& rng, std::size_t least, std::size_t most);
[[nodiscard]] Value string_value(const std::string& text);
[[nodiscard]] Value integer_value(std::int64_t number);
[[nodiscard]] Value list_value(const std::vector<Value>& elements);
[[nodiscard]] Value dict_value(const std::map<std::string, Value>& fields);
// Nested so deep at most; lists and dictionaries may be empty.
[[nodiscard]] Value random_value(Rng& rng, int depth);
// Below 2^53 in magnitude: what every language's JSON holds exactly.
[[nodiscard]] std::int64_t random_integer(Rng& rng);

// Keys of `info` with their encoded values, in the order of the file.
using Fields = std::map<std::string, std::string>;
[[nodiscard]] std::string encode_dict(const std::vector<std::pair<std::string, std::string>>& fields);

struct Sample {
    std::string name;
    ByteBuffer content;  // of all files, one behind the other
    Fields info;         // its keys
    ByteBuffer torrent;  // the file
    std::string announce;
    std::shared_ptr<const meta::Metainfo> metainfo;

    [[nodiscard]] std::uint32_t piece_count() const { return metainfo->layout().piece_count(); }
    [[nodiscard]] ByteView piece(std::uint32_t index) const;
};

struct SampleShape {
    std::uint32_t piece_length = 32 * 1024;
    std::uint32_t pieces = 4;   // the last one is short, and so is its last block
    bool odd_keys = false;      // more keys in `info` than readers look for
    bool leading_zero = false;  // at least one piece's hash begins with a zero digit
    std::size_t files = 0;      // 0: one file, no folder
};
// The info_hash has bytes of 0x80 and more, and some that mean something in a URL.
[[nodiscard]] Sample make_sample(Rng& rng, const SampleShape& shape, const std::string& announce);
// With hashes of nothing: for what reads the description alone.
[[nodiscard]] Sample make_description(Rng& rng, std::uint32_t pieces, const std::string& announce);

}  // namespace bt::grade
