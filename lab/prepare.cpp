#include "lab/prepare.h"

#include <filesystem>

#include "common/app/text_file.h"
#include "lab/data_folder.h"

namespace bt::lab {

namespace fs = std::filesystem;

namespace {

Status check_adapter(const Adapter& adapter, NodeKind kind) {
    return check_installed(adapter, kind,
                           {{"adapters", adapter.folder.string()},
                            {"drivers", (adapter.folder / "drivers").string()},
                            {"npm", npm_folder(adapter.folder)}});
}

Status load_adapters(const fs::path& bin, Prepared& prepared) {
    const Scenario& scenario = prepared.scenario;
    std::vector<std::pair<std::string, NodeKind>> wanted;
    if (!scenario.tracker_program.empty()) wanted.emplace_back(scenario.tracker_program, NodeKind::Tracker);
    for (const NodeGroup& group : scenario.groups) {
        if (!group.program.empty()) wanted.emplace_back(group.program, group.kind);
    }
    for (const auto& [name, kind] : wanted) {
        if (!prepared.adapters.contains(name)) {
            BT_TRY_ASSIGN(const fs::path path, find_data_file(bin, "adapters", name));
            BT_TRY_ASSIGN(Adapter adapter, load_adapter(path));
            prepared.adapters[name] = std::make_shared<const Adapter>(std::move(adapter));
        }
        if (prepared.adapters[name]->has(kind)) continue;
        return fail(local_error(ErrorCode::InvalidConfig,
                                scenario.file + ": " + name + " cannot be a " + std::string(kind_name(kind))));
    }
    std::size_t total = 1;
    for (NodeGroup& group : prepared.scenario.groups) {
        const bool limited = !group.program.empty() && group.link.rate != RateLimits{};
        group.shaped_by_relay = limited && !prepared.adapters[group.program]->limits;
        if (group.if_installed && !check_adapter(*prepared.adapters[group.program], group.kind)) group.count = 0;
        total += group.count;
    }
    if (scenario.needs_relay() && total > kMaxRelayedNodes) {
        return fail(local_error(ErrorCode::InvalidConfig,
                                scenario.file + ": more than 120 nodes where links are cut, delayed or shaped"));
    }
    return {};
}

Result<Prepared> prepare(const app::ConfigFile& config, std::string text, const fs::path& bin) {
    Prepared prepared;
    prepared.text = std::move(text);
    const std::string& file = config.file_name();
    BT_TRY_ASSIGN(prepared.scenario, read_scenario(config, list_data(bin, "adapters")));
    BT_TRY(load_adapters(bin, prepared));
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

}  // namespace

Status check_programs(const Prepared& prepared) {
    const Scenario& scenario = prepared.scenario;
    if (!scenario.tracker_program.empty()) {
        BT_TRY(check_adapter(*prepared.adapters.at(scenario.tracker_program), NodeKind::Tracker));
    }
    for (const NodeGroup& group : scenario.groups) {
        if (group.program.empty() || group.count == 0) continue;
        BT_TRY(check_adapter(*prepared.adapters.at(group.program), group.kind));
    }
    for (const NodeKind kind : {NodeKind::Seeder, NodeKind::Client}) {
        if (scenario.count(kind) > 0) continue;
        return fail(local_error(ErrorCode::NotFound, scenario.file + ": there is no " + std::string(kind_name(kind)) +
                                                         ": none of the programs that may be one is installed"));
    }
    return {};
}

Result<Prepared> prepare_scenario(const std::string& file, const fs::path& bin) {
    BT_TRY_ASSIGN(const app::ConfigFile config, app::ConfigFile::load(file));
    BT_TRY_ASSIGN(std::string text, app::read_text_file(file, app::kMaxConfigSize));
    return prepare(config, std::move(text), bin);
}

Result<Prepared> prepare_text(std::string text, app::ConfigFormat format, const std::string& name,
                              const fs::path& bin) {
    BT_TRY_ASSIGN(const app::ConfigFile config, app::ConfigFile::parse(text, format, name));
    return prepare(config, std::move(text), bin);
}

}  // namespace bt::lab
