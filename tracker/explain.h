#pragma once

// What the bytes of a request or an answer mean, for people: each field with its place, its value and a sentence.
// Pure; understands what is broken as far as it goes, and stops there.
//
// Bounds: at most kMaxExplained fields, values cut at kMaxExplainedValue bytes. Cost: one pass.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"

namespace bt::tracker {

inline constexpr std::size_t kMaxExplained = 200;
inline constexpr std::size_t kMaxExplainedValue = 200;

struct ExplainedField {
    std::size_t begin = 0, end = 0;  // bytes [begin, end)
    std::string name;
    std::string value;
    std::string meaning;
};

// A request head: method, path, each parameter, the headers.
[[nodiscard]] std::vector<ExplainedField> explain_http_request(ByteView bytes);
// A datagram of a client (BEP 15).
[[nodiscard]] std::vector<ExplainedField> explain_udp_request(ByteView bytes);
// A bencoded reply, with or without a response head in front; offsets are of `bytes`.
[[nodiscard]] std::vector<ExplainedField> explain_http_answer(ByteView bytes);
[[nodiscard]] std::vector<ExplainedField> explain_udp_answer(ByteView bytes, Address::Family family);

}  // namespace bt::tracker
