#pragma once

// One line that tells a person how a download goes. Pure: numbers in, text out.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/time.h"

namespace bt::app {

struct ProgressStats {
    std::string_view name;
    std::string_view state;  // "checking", "downloading", …
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
    double down_rate = 0;  // bytes/s
    double up_rate = 0;
    std::uint32_t peers = 0;
    std::optional<Duration> eta;
};

// "name [=====>    ]  53.1%  12.3 MB/s  4 peers  1:23", exactly `width` columns (>= 60): it overwrites the line before.
// With color the bar is green; color is for terminals where colors_allowed().
[[nodiscard]] std::string progress_line(const ProgressStats& stats, std::size_t width = 80, bool color = false);

// For pipes and logs: "downloading 53.1% (1.2 GB of 2.1 GB), down 12.3 MB/s, up 0 B/s, 4 peers, 1:23 left".
[[nodiscard]] std::string plain_progress_line(const ProgressStats& stats);

// What NO_COLOR (no-color.org: set and not empty) and TERM=dumb say. The caller reads the environment.
[[nodiscard]] bool colors_allowed(bool is_terminal, const char* no_color, const char* term);

[[nodiscard]] std::string human_bytes(double bytes);      // "0 B", "999 B", "1.0 kB", "12.3 MB" (powers of 1000)
[[nodiscard]] std::string human_duration(Duration time);  // "0:05", "1:23", "2:03:04", "3d 4h"

}  // namespace bt::app
