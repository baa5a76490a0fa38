#pragma once

// A scenario with all that it names, read and checked before anything is made.

#include <optional>
#include <string>

#include "common/base/result.h"
#include "lab/scenario.h"
#include "torrents/recipe.h"

namespace bt::lab {

struct Prepared {
    Scenario scenario;
    std::optional<torrents::Recipe> recipe;
};

[[nodiscard]] Result<Prepared> prepare_scenario(const std::string& file);

}  // namespace bt::lab
