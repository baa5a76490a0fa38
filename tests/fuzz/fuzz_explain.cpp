// What people are shown of packets and heads: any bytes are explained within themselves, in order of their place but
// for nested fields, and within the bounds; whatever text they hold, it makes a page's JSON.

#include <cstdint>

#include "common/base/check.h"
#include "common/telemetry/json_writer.h"
#include "tracker/explain.h"
#include "tracker/observer.h"

using namespace bt;
using namespace bt::tracker;

namespace {

void check(const std::vector<ExplainedField>& fields, std::size_t size) {
    BT_CHECK(fields.size() <= kMaxExplained);
    telemetry::JsonWriter json;
    json.begin_array();
    std::size_t at = 0;
    for (const ExplainedField& field : fields) {
        BT_CHECK(field.begin >= at && field.begin < field.end && field.end <= size);
        BT_CHECK(field.name.size() <= kMaxExplainedValue && field.value.size() <= kMaxExplainedValue);
        at = field.begin;
        json.string(field.name).string(field.value).string(field.meaning);
    }
    json.end_array();
    for (const char c : json.text()) BT_CHECK(c != '<' && c != '>' && c != '&' && c != '\n');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    check(explain_http_request(bytes), size);
    check(explain_http_answer(bytes), size);
    check(explain_udp_request(bytes), size);
    check(explain_udp_answer(bytes, Address::Family::V4), size);
    check(explain_udp_answer(bytes, Address::Family::V6), size);
    for (const char c : escaped(bytes)) BT_CHECK(c >= 0x20 && c < 0x7f);
    return 0;
}
