#pragma once

// What comes with the lab as files: scenarios and adapters. Beside the sources it is lab/; installed,
// share/swarmlab/lab.

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace bt::lab {

// Folders to look in, those of the user first: $SWARMLAB_DATA (several with ':'), then what came with the programs in
// `bin`, then what came with this one.
[[nodiscard]] std::vector<std::filesystem::path> data_folders(const std::filesystem::path& bin);

// folder/NAME.toml of the first data folder that has it. Error: NotFound.
[[nodiscard]] Result<std::filesystem::path> find_data_file(const std::filesystem::path& bin, const std::string& folder,
                                                           const std::string& name);

// Names without ".toml", sorted, each once.
[[nodiscard]] std::vector<std::string> list_data(const std::filesystem::path& bin, const std::string& folder);

// A scenario as a user names it: a file, or the name of one that comes with the lab.
[[nodiscard]] std::string find_scenario(const std::filesystem::path& bin, const std::string& name);

}  // namespace bt::lab
