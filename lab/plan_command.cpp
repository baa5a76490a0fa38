#include "lab/plan_command.h"

#include <cstdio>

#include "common/app/option_setters.h"
#include "lab/data_folder.h"
#include "lab/export.h"
#include "lab/plan_json.h"
#include "lab/run.h"
#include "lab/run_folder.h"
#include "torrents/recipe.h"

namespace bt::lab {

app::Command plan_command(PlanArguments& out) {
    app::Command plan{"plan", "Print what a scenario starts, as JSON that others can carry out", "", {}, {}};
    plan.positionals = {{"SCENARIO", "Scenario file, .toml or .json, or the name of one of `list`",
                         app::set_text(out.scenario), app::ArgumentKind::Path}};
    return plan;
}

LabExit print_plan(const PlanArguments& arguments, const std::filesystem::path& bin) {
    const Result<Prepared> prepared = prepare_scenario(find_scenario(bin, arguments.scenario), bin);
    if (!prepared) return report_error(LabExit::ScenarioWrong, prepared.error());
    const Result<std::string> json = plan_json(*prepared);
    if (!json) return report_error(LabExit::Environment, json.error());
    std::fputs(json->c_str(), stdout);
    return LabExit::Held;
}

app::Command export_command(PlanArguments& out) {
    app::Command command{"export", "Write a scenario as files for docker compose or Kubernetes", "", {}, {}};
    command.positionals = {
        {"TARGET", "compose or kubernetes",
         app::set_word(out.target, {{"compose", std::string("compose")}, {"kubernetes", std::string("kubernetes")}})},
        {"SCENARIO", "Scenario file, .toml or .json, or the name of one of `list`", app::set_text(out.scenario),
         app::ArgumentKind::Path}};
    command.options = {{"output", "o", "DIR", "Write them in here, a folder that is new or empty (needed)",
                        app::set_text(out.folder), "", "k8s", "", app::ArgumentKind::Folder}};
    return command;
}

LabExit export_scenario(const PlanArguments& arguments, const std::filesystem::path& bin) {
    const std::filesystem::path folder = arguments.folder;
    const auto refuse = [](ErrorCode code, const std::string& what) {
        return report_error(LabExit::ScenarioWrong, local_error(code, what));
    };
    if (folder.empty()) return refuse(ErrorCode::InvalidArgument, "-o is needed");
    const Result<Prepared> prepared = prepare_scenario(find_scenario(bin, arguments.scenario), bin);
    if (!prepared) return report_error(LabExit::ScenarioWrong, prepared.error());
    const Result<ExportedFiles> files =
        arguments.target == "compose" ? export_compose(*prepared) : export_kubernetes(*prepared);
    if (!files) return report_error(LabExit::ScenarioWrong, files.error());
    std::error_code error;
    if (std::filesystem::exists(folder, error) && !std::filesystem::is_empty(folder, error)) {
        return refuse(ErrorCode::InvalidArgument, folder.string() + " is there and not empty");
    }
    for (const auto& [path, text] : *files) {
        Status written = make_folder((folder / path).parent_path());
        if (written) written = write_text(folder / path, text);
        if (!written) return report_error(LabExit::Environment, written.error());
        std::printf("%s\n", (folder / path).c_str());
    }
    return LabExit::Held;
}

app::Command content_command(PlanArguments& out) {
    app::Command content{"content", "Make the content that a recipe describes", "", {}, {}};
    content.positionals = {{"RECIPE", "docs/formats.md \"Recipe\"", app::set_text(out.recipe), app::ArgumentKind::Path},
                           {"FOLDER", "To make it in; it gets the recipe's name there", app::set_text(out.folder),
                            app::ArgumentKind::Folder}};
    content.options = {
        {"rng-seed", "", "N", "In place of the recipe's own", app::set_number<std::uint64_t>(out.rng_seed), "", "1"}};
    return content;
}

LabExit make_content(const PlanArguments& arguments) {
    const Result<torrents::Recipe> recipe = torrents::load_recipe(arguments.recipe, arguments.rng_seed);
    if (!recipe) return report_error(LabExit::ScenarioWrong, recipe.error());
    if (const Status folder = make_folder(arguments.folder); !folder) {
        return report_error(LabExit::Environment, folder.error());
    }
    const Status made = torrents::generate(*recipe, arguments.folder);
    return made ? LabExit::Held : report_error(LabExit::Environment, made.error());
}

}  // namespace bt::lab
