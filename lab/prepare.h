#pragma once

// A scenario with all that it names, read and checked before anything is made.

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "lab/plan.h"
#include "lab/scenario.h"
#include "torrents/recipe.h"

namespace bt::lab {

struct Prepared {
    Scenario scenario;
    std::optional<torrents::Recipe> recipe;
    Adapters adapters;  // of the programs that it names
    std::string text;   // of the scenario
};

[[nodiscard]] Result<Prepared> prepare_scenario(const std::string& file, const std::filesystem::path& bin);

// A scenario that is no file; its paths are relative to the working folder.
[[nodiscard]] Result<Prepared> prepare_text(std::string text, app::ConfigFormat format, const std::string& name,
                                            const std::filesystem::path& bin);

// Every program of other people that the scenario names is on this machine. Error: NotFound (System), with the package.
[[nodiscard]] Status check_programs(const Prepared& prepared);

}  // namespace bt::lab
