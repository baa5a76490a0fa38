#include "lab/prepare.h"

#include <filesystem>

namespace bt::lab {

namespace fs = std::filesystem;

Result<Prepared> prepare_scenario(const std::string& file) {
    Prepared prepared;
    BT_TRY_ASSIGN(prepared.scenario, load_scenario(file));
    const Content& content = prepared.scenario.content;
    if (!content.recipe.empty()) {
        BT_TRY_ASSIGN(prepared.recipe, torrents::load_recipe(content.recipe, prepared.scenario.rng_seed));
        return prepared;
    }
    std::error_code error;
    const fs::path path = fs::canonical(content.path, error);
    if (error) return fail(system_error(error.value(), file + ": content.path " + content.path));
    if (!fs::is_directory(path) && !fs::is_regular_file(path)) {
        return fail(local_error(ErrorCode::InvalidConfig, file + ": content.path is neither a file nor a folder"));
    }
    prepared.scenario.content.path = path.string();
    return prepared;
}

}  // namespace bt::lab
