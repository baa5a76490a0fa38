#pragma once

// The two parsers behind ConfigFile. Error: InvalidConfig, "FILE:LINE: what".

#include <string>
#include <string_view>

#include "common/app/config_tree.h"

namespace bt::app {

[[nodiscard]] Result<ConfigNode> parse_toml(std::string_view text, const std::string& file_name);
[[nodiscard]] Result<ConfigNode> parse_json(std::string_view text, const std::string& file_name);

[[nodiscard]] Error config_error(const std::string& file_name, std::uint32_t line, std::string_view what);

}  // namespace bt::app
