#pragma once

// The events that our programs write (docs/formats.md "Events"), so that a query with a slip of the pen is refused
// where it is read: it would count nothing, and whatever must not happen would never have happened. Pure.

#include <optional>
#include <string_view>

namespace bt::lab {

// False for a pattern that fits none of them.
[[nodiscard]] bool is_known_event(std::string_view pattern);
[[nodiscard]] std::optional<std::string_view> nearest_event(std::string_view name);

}  // namespace bt::lab
