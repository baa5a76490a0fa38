#include "lab/scenario_commands.h"

#include <cstdio>

#include "common/app/progress_bar.h"
#include "common/app/text_file.h"
#include "lab/data_folder.h"
#include "lab/personas/persona.h"
#include "lab/prepare.h"
#include "lab/run_folder.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStarter =
    R"(# A swarm for swarm-lab: `swarm-lab check FILE`, then `swarm-lab run FILE`. docs/formats.md lists all keys.
name = "NAME"
rng_seed = 1                    # content and every node's choices follow from it

[content]
recipe = "NAME-content.toml"    # made up from the seed; or path = "a real file or folder"
piece_length = "32 KiB"

[tracker]
interval = "2s"                 # between announces
# kind = "opentracker"          # another program, by its adapter (see: swarm-lab list)

[[nodes]]
kind = "seeder"
link = { up = "8 MiB/s" }       # rates of this node

[[nodes]]
kind = "client"                 # client-1, client-2, client-3
count = 3
# start = "1s"                  # the first of them, after the others began
# every = "500ms"               # between two of them; poisson = true: random gaps of that mean
# options = { max-peers = 4 }   # options of the program, without dashes

# [[nodes]]
# kind = "aria2"                # other people's programs; role = "seeder" serves the content
#
# [[nodes]]
# kind = "peer"                 # a scripted peer
# persona = "corrupt-block"

# [[timeline]]                  # what is done to the swarm: at a time, or when something holds
# when = "client-1 has 50%"     # or at = "2s"
# do = "kill"                   # start stop kill restart pause resume limit corrupt tracker-down tracker-up
# nodes = "client-2"            # a name, or a pattern with * and ?
# for = "3s"                    # then it is undone

[expect]
all_complete_within = "60s"
files_identical = true
max_hash_failures = 0
# banned = [{ node = "peer-1" }]
# events = [{ query = "client-*: piece_failed", max = 0 }]
# bounds = [{ nodes = "client-*", what = "ratio", min = 0.1 }]
)";

constexpr std::string_view kStarterContent = R"(# Generated content: docs/formats.md "Recipe".
name = "NAME-content"

[[files]]
path = "photo-{n}.jpg"
count = 12
size = ["64 KiB", "512 KiB"]

[[files]]
path = "video.mp4"
size = "4 MiB"
)";

std::string with_name(std::string_view text, const std::string& name) {
    std::string out(text);
    for (std::size_t at = 0; (at = out.find("NAME", at)) != std::string::npos; at += name.size())
        out.replace(at, 4, name);
    return out;
}

LabExit refuse_command(LabExit exit, const std::string& what) {
    std::fprintf(stderr, "swarm-lab: error: %s\n", what.c_str());
    return exit;
}

// The first line of a file's comment.
std::string summary_of(const fs::path& path) {
    const Result<std::string> text = app::read_text_file(path.string(), app::kMaxConfigSize);
    if (!text || !text->starts_with("# ")) return {};
    return text->substr(2, text->find('\n') - 2);
}

void list_folder(const fs::path& bin, const char* heading, const std::string& folder) {
    std::printf("%s\n", heading);
    for (const std::string& name : list_data(bin, folder)) {
        const Result<fs::path> path = find_data_file(bin, folder, name);
        std::printf("  %-22s %s\n", name.c_str(), path ? summary_of(*path).c_str() : "");
    }
}

}  // namespace

LabExit check_scenario(const std::string& scenario, const fs::path& bin) {
    const Result<Prepared> prepared = prepare_scenario(find_scenario(bin, scenario), bin);
    if (!prepared) return refuse_command(LabExit::ScenarioWrong, prepared.error().message());
    if (const Status there = check_programs(*prepared); !there) {
        return refuse_command(LabExit::Environment, there.error().message());
    }
    const Scenario& read = prepared->scenario;
    std::printf("%s: fine\n", read.name.c_str());
    if (prepared->recipe) {
        std::printf("  content      %s, %s\n", prepared->recipe->name.c_str(),
                    app::human_bytes(static_cast<double>(prepared->recipe->total_size())).c_str());
    } else {
        std::printf("  content      %s\n", read.content.path.c_str());
    }
    for (const NodeGroup& group : read.groups) {
        std::printf("  %-12s %u of kind %s\n", group.name.c_str(), group.count,
                    std::string(kind_name(group.kind)).c_str());
    }
    std::printf("  timeline     %zu entries\n", read.timeline.size());
    return LabExit::Held;
}

LabExit write_starter(const fs::path& path) {
    const std::string name = path.stem().string();
    if (path.extension() != ".toml")
        return refuse_command(LabExit::ScenarioWrong, path.string() + ": wanted a name with .toml");
    const fs::path recipe = path.parent_path() / (name + "-content.toml");
    std::error_code ignored;
    for (const fs::path& file : {path, recipe}) {
        if (fs::exists(file, ignored))
            return refuse_command(LabExit::ScenarioWrong, file.string() + ": is there already");
    }
    for (const auto& [file, text] : {std::pair(path, kStarter), std::pair(recipe, kStarterContent)}) {
        const Status written = write_text(file, with_name(text, name));
        if (!written) return refuse_command(LabExit::Environment, written.error().message());
    }
    std::printf("%s and %s are written; next: swarm-lab run %s\n", path.c_str(), recipe.c_str(), path.c_str());
    return LabExit::Held;
}

LabExit list_all(const fs::path& bin) {
    list_folder(bin, "Scenarios (swarm-lab run NAME)", "scenarios");
    list_folder(bin, "Other people's programs (kind = \"NAME\")", "adapters");
    std::printf("Scripted peers (kind = \"peer\", persona = \"NAME\"; swarm-lab peer --persona NAME)\n");
    for (const persona::PersonaInfo& info : persona::personas()) {
        std::printf("  %-22s %s\n", std::string(info.name).c_str(), std::string(info.summary).c_str());
    }
    return LabExit::Held;
}

}  // namespace bt::lab
