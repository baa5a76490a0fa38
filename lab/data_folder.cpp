#include "lab/data_folder.h"

#include <cstdlib>
#include <set>

#include "lab/scenario_values.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

// The first folder above the programs that has lab/scenarios: they lie in the build folder of a checkout.
fs::path source_folder(fs::path bin) {
    std::error_code ignored;
    for (int up = 0; up < 5 && bin.has_relative_path(); ++up, bin = bin.parent_path()) {
        if (fs::is_directory(bin / "lab/scenarios", ignored)) return bin / "lab";
    }
    return {};
}

}  // namespace

std::vector<fs::path> data_folders(const fs::path& bin) {
    std::vector<fs::path> folders;
    if (const char* users = std::getenv("SWARMLAB_DATA")) {
        std::string rest = users;
        for (std::size_t end = 0; !rest.empty(); rest.erase(0, end + 1)) {
            end = std::min(rest.find(':'), rest.size() - 1);
            const std::string part = rest.substr(0, rest[end] == ':' ? end : end + 1);
            if (!part.empty()) folders.emplace_back(part);
        }
    }
    std::error_code ignored;
    for (const fs::path& programs : {bin, fs::read_symlink("/proc/self/exe", ignored).parent_path()}) {
        const fs::path installed = programs.parent_path() / "share/swarmlab/lab";
        if (fs::is_directory(installed / "scenarios", ignored)) folders.push_back(installed);
        if (const fs::path source = source_folder(programs); !source.empty()) folders.push_back(source);
    }
    return folders;
}

Result<fs::path> find_data_file(const fs::path& bin, const std::string& folder, const std::string& name) {
    std::error_code ignored;
    for (const fs::path& data : data_folders(bin)) {
        const fs::path path = data / folder / (name + ".toml");
        if (is_plain_name(name) && fs::is_regular_file(path, ignored)) return path;
    }
    return fail(local_error(ErrorCode::NotFound, "no " + folder + "/" + name + ".toml comes with the lab"));
}

std::vector<std::string> list_data(const fs::path& bin, const std::string& folder) {
    std::set<std::string> names;
    for (const fs::path& data : data_folders(bin)) {
        std::error_code error;
        for (auto entry = fs::directory_iterator(data / folder, error); !error && entry != fs::end(entry);
             entry.increment(error)) {
            if (entry->path().extension() == ".toml") names.insert(entry->path().stem().string());
        }
    }
    return {names.begin(), names.end()};
}

std::string find_scenario(const fs::path& bin, const std::string& name) {
    std::error_code ignored;
    if (fs::exists(name, ignored)) return name;
    const Result<fs::path> shipped = find_data_file(bin, "scenarios", name);
    return shipped ? shipped->string() : name;
}

}  // namespace bt::lab
