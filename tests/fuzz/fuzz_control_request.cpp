// What callers of the control channel say: nothing crashes; the id that goes into the answer is JSON in one line and
// within its limit, and read again is the same; what is accepted is within its limits.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "common/base/check.h"
#include "lab/control_request.h"

namespace {

using namespace bt;
using namespace bt::lab;
using Json = nlohmann::json;

void look_at(const StartRequest& start) {
    BT_CHECK(start.out.size() <= kMaxControlPath);
    if (start.from == StartRequest::From::File) BT_CHECK(!start.scenario.empty());
    if (start.from == StartRequest::From::Json) BT_CHECK(Json::parse(start.scenario, nullptr, false).is_object());
}
void look_at(const WaitRequest& wait) {
    if (wait.timeout) BT_CHECK(*wait.timeout >= Duration::zero() && to_seconds(*wait.timeout) <= kMaxControlTimeout);
}
void look_at(const ActRequest& act) {
    BT_CHECK(!act.entry.nodes.empty() && act.entry.nodes.size() <= kMaxControlText);
    BT_CHECK((act.entry.deed == Deed::Limit) == (act.entry.limits != RateLimits{}));
}
void look_at(const EventsRequest& events) { BT_CHECK(events.limit <= kMaxEvents); }
void look_at(const UnsubscribeRequest& unsubscribe) { BT_CHECK(unsubscribe.subscription.size() <= kMaxControlId); }
template <class Bare>
void look_at(const Bare&) {}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const ControlLine read = read_control_line(line);
    BT_CHECK(read.id.size() <= kMaxControlId && read.id.find('\n') == std::string::npos);
    BT_CHECK(!Json::parse(read.id, nullptr, false).is_discarded());
    if (!read.request) {
        BT_CHECK(!read.request.error().message().empty());
        return 0;
    }
    BT_CHECK(Json::parse(line, nullptr, false).is_object());
    BT_CHECK(read_control_line(R"({"do":"stop","id":)" + read.id + '}').id == read.id);
    std::visit([](const auto& request) { look_at(request); }, *read.request);
    return 0;
}
