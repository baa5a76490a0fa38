#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"

namespace bt::app {

// The text of a whole small file. Error: the system's, LimitReached (Local) over `limit`.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::size_t limit);

}  // namespace bt::app
