#pragma once

// Values of a scenario file: times, sizes, rates, names, patterns. Errors as of ConfigTable.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/app/config_tree.h"
#include "common/base/result.h"
#include "common/base/time.h"

namespace bt::lab {

// A name becomes part of file names and of the table: 1 to 60 letters, digits, '-' and '_'.
[[nodiscard]] bool is_plain_name(std::string_view name);
[[nodiscard]] Result<std::string> read_name(const app::ConfigTable& table, std::string_view key,
                                            std::optional<std::string> otherwise);
// A number of seconds, or a text with its unit; `zero` lets 0 through.
[[nodiscard]] Result<std::optional<Duration>> read_duration(const app::ConfigTable& table, std::string_view key,
                                                            bool zero = false);
[[nodiscard]] Result<std::optional<std::uint64_t>> read_size(const app::ConfigTable& table, std::string_view key,
                                                             std::uint64_t max);
// "1 MiB/s", "500 kB/s", or bytes per second; 0 means no limit.
[[nodiscard]] Result<std::optional<std::uint64_t>> read_rate(const app::ConfigTable& table, std::string_view key);
// "1%", "0.05%" or 0.01, in parts of `whole`.
[[nodiscard]] Result<std::optional<std::uint32_t>> read_share(const app::ConfigTable& table, std::string_view key,
                                                              std::uint32_t whole);
// options = { max-peers = 4, some-flag = true }  ->  --max-peers 4 --some-flag. `reserved`: the lab's own.
[[nodiscard]] Result<std::vector<std::string>> read_options(const app::ConfigTable& owner,
                                                            std::span<const std::string_view> reserved);
// Adds the place to an error that has none: "FILE:LINE: KEY: what".
[[nodiscard]] Error at_key(const app::ConfigTable& table, std::string_view key, const Error& error);

}  // namespace bt::lab
