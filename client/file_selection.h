#pragma once

// The grammar of --select and --priority; see common/meta/file_selection.h.

#include "common/meta/file_selection.h"

namespace bt::client {

using meta::check_priority;
using meta::check_selection;
using meta::file_priorities;
using meta::kPriorityHigh;
using meta::kPriorityLow;
using meta::kPriorityNormal;
using meta::kPrioritySkip;
using meta::matches_pattern;

}  // namespace bt::client
