#pragma once

// What one line of the control channel asks for (docs/formats.md "Control"), read whole before anything is done. Pure.
//
// Rules
//  - A key that a request does not have is refused, with the nearest one that it has (a misspelt timeout would be a
//    wait without end), and so are keys that stand there twice and values of another kind.
//  - null is as good as left out; an empty text too.
//  - The id is told of a line that is refused as well, where it could be read: its caller has to know which it was.
// Errors: InvalidArgument, "KEY: what"; of a line that is no JSON, with the byte.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/app/config_tree.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "lab/condition.h"
#include "lab/query.h"
#include "lab/timeline.h"

namespace bt::lab {

// A longer line comes in parts (common/net/line_pipe.h), none of which is a request.
inline constexpr std::size_t kMaxControlLine = (1u << 20) - 1;
inline constexpr std::size_t kMaxControlDepth = app::kMaxConfigDepth + 1;  // of nesting: a scenario lies one deeper
inline constexpr std::size_t kMaxControlId = 1000;                         // bytes, as JSON
inline constexpr std::size_t kMaxControlText = 1000;                       // bytes: patterns, conditions, actions
inline constexpr std::size_t kMaxControlPath = 4095;                       // bytes
inline constexpr std::uint64_t kMaxControlRate = INT64_MAX;                // bytes per second, as in a scenario
// More is as good as this.
inline constexpr std::uint64_t kMaxEvents = 10000;  // that one `events` answers
inline constexpr double kMaxControlTimeout = 1e6;   // seconds

struct StartRequest {
    enum class From : std::uint8_t { File, Json, Toml };
    From from = From::File;
    std::string scenario;  // a path or a name; else the text
    std::string out;       // empty: as the program was told
    bool keep = false;
    bool capture = false;
};
struct WaitRequest {
    std::optional<Condition> condition;  // nothing: until every node is ready
    std::optional<Duration> timeout;
};
struct NodesRequest {};
struct EndpointsRequest {};
struct ActRequest {
    TimelineEntry entry;  // deed, nodes, others, limits, piece
};
struct EventsRequest {
    std::optional<Query> query;  // nothing: every event
    std::uint64_t limit = kMaxEvents;
};
struct SubscribeRequest {
    std::optional<Query> query;
};
struct UnsubscribeRequest {
    std::string subscription;  // its id, as JSON
};
struct StopRequest {};
struct ReportRequest {};

using ControlRequest = std::variant<StartRequest, WaitRequest, NodesRequest, EndpointsRequest, ActRequest,
                                    EventsRequest, SubscribeRequest, UnsubscribeRequest, StopRequest, ReportRequest>;

struct ControlLine {
    std::string id = "null";  // as JSON, in one line
    Result<ControlRequest> request;
};

[[nodiscard]] ControlLine read_control_line(std::string_view line);

}  // namespace bt::lab
