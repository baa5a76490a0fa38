#pragma once

// Time as values. There is no now() here: time is handed in, by a driver or by a test.

#include <chrono>
#include <cstdint>

namespace bt {

// Counts from the start of the node's clock; virtual or real, the core cannot tell.
struct NodeClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<NodeClock>;
    static constexpr bool is_steady = true;
};

using TimePoint = NodeClock::time_point;
using Duration = NodeClock::duration;

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// "No deadline": later than every time.
inline constexpr TimePoint kNever = TimePoint::max();

[[nodiscard]] inline double to_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

[[nodiscard]] inline Duration from_seconds(double value) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

}  // namespace bt
