#pragma once

// [web] and [stats] of the tracker's configuration file: who sees the live page and the numbers.
//
//   enabled = true               for 127.0.0.0/8 and ::1
//   allow = ["10.0.0.0/8"]       for these addresses; enables too, unless enabled = false

#include "common/app/config_tree.h"
#include "tracker/pages.h"

namespace bt::tracker {

// Leaves the names as they are. Error: InvalidConfig.
[[nodiscard]] Status read_pages(const app::ConfigTable& root, PageSettings& settings);
// For the default configuration text.
[[nodiscard]] std::string pages_config_text();

}  // namespace bt::tracker
