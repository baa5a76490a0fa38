#include "lab/adapter.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <regex>

#include "common/app/config_tree.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;
using app::ConfigFile;
using app::ConfigTable;

// Calls found(word, from, to) for each {word} of letters, digits and '_'.
template <class Found>
void for_each_word(std::string_view text, Found found) {
    for (std::size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
        const std::size_t close = text.find('}', open);
        if (close == std::string_view::npos) return;
        const std::string_view word = text.substr(open + 1, close - open - 1);
        const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        });
        if (plain) found(word, open, close + 1);
    }
}

Status check_words(const ConfigTable& table, std::string_view key, std::string_view text) {
    std::string unknown;
    for_each_word(text, [&unknown](std::string_view word, std::size_t, std::size_t) {
        if (std::ranges::find(kAdapterWords, word) == std::end(kAdapterWords)) unknown = word;
    });
    if (unknown.empty()) return {};
    const std::vector<std::string_view> known(std::begin(kAdapterWords), std::end(kAdapterWords));
    const std::optional<std::string_view> nearest = app::nearest_word(unknown, known);
    return fail(table.error_at(
        key, "unknown word {" + unknown + "}" + (nearest ? "; did you mean {" + std::string(*nearest) + "}?" : "")));
}

Result<std::vector<std::string>> read_command(const ConfigTable& table, std::string_view key) {
    BT_TRY_ASSIGN(std::optional<std::vector<std::string>> argv, table.strings(key));
    if (!argv) return std::vector<std::string>();
    if (argv->empty()) return fail(table.error_at(key, "wanted a program and its arguments"));
    for (const std::string& argument : *argv) BT_TRY(check_words(table, key, argument));
    return std::move(*argv);
}

Result<std::string> read_text(const ConfigTable& table, std::string_view key) {
    BT_TRY_ASSIGN(const std::optional<std::string> text, table.string(key));
    if (text) BT_TRY(check_words(table, key, *text));
    return text.value_or("");
}

Result<std::string> read_regex(const ConfigTable& table, std::string_view key) {
    BT_TRY_ASSIGN(const std::optional<std::string> text, table.string(key));
    if (text && text->size() > kMaxAdapterRegex) return fail(table.error_at(key, "has more than 500 bytes"));
    try {
        const std::regex checked(text.value_or(""));
    } catch (const std::regex_error&) {
        return fail(table.error_at(key, "is no regular expression"));
    }
    return text.value_or("");
}

Result<std::vector<std::pair<std::string, std::string>>> read_pairs(const ConfigTable& root, std::string_view key) {
    std::vector<std::pair<std::string, std::string>> pairs;
    BT_TRY_ASSIGN(const std::optional<ConfigTable> table, root.table(key));
    if (!table) return pairs;
    for (const std::string& name : table->keys()) {
        BT_TRY_ASSIGN(std::string text, read_text(*table, name));
        const fs::path path(name);
        if (key != "environment" && (path.is_absolute() || path.lexically_normal().string().starts_with(".."))) {
            return fail(table->error_at(name, "wanted a path below the node's folder"));
        }
        pairs.emplace_back(name, std::move(text));
    }
    return pairs;
}

Status read_roles(const ConfigTable& root, Adapter& adapter) {
    for (const NodeKind kind : {NodeKind::Client, NodeKind::Seeder, NodeKind::Tracker}) {
        BT_TRY_ASSIGN(const std::optional<ConfigTable> table, root.table(kind_name(kind)));
        if (!table) continue;
        BT_TRY(table->allow_only({"argv", "after_ready"}));
        AdapterRole role;
        BT_TRY_ASSIGN(role.argv, read_command(*table, "argv"));
        if (role.argv.empty()) return fail(table->error_here("wanted argv"));
        BT_TRY_ASSIGN(role.after_ready, read_command(*table, "after_ready"));
        adapter.roles.emplace(kind, std::move(role));
    }
    if (adapter.roles.empty()) return fail(root.error_here("wanted [client], [seeder] or [tracker]"));
    return {};
}

Status read_flags(const ConfigTable& root, Adapter& adapter) {
    const std::pair<const char*, bool*> flags[] = {{"unprivileged", &adapter.unprivileged},
                                                   {"dials", &adapter.dials},
                                                   {"limits", &adapter.limits},
                                                   {"empty_files", &adapter.empty_files},
                                                   {"events", &adapter.events},
                                                   {"needs_torrent", &adapter.needs_torrent}};
    for (const auto& [key, target] : flags) {
        BT_TRY_ASSIGN(const std::optional<bool> value, root.boolean(key));
        *target = value.value_or(*target);
    }
    return {};
}

Status read_ending(const ConfigTable& root, Adapter& adapter) {
    BT_TRY_ASSIGN(const std::optional<std::int64_t> stop_signal, root.integer("stop_signal", 1, 31));
    adapter.stop_signal = static_cast<int>(stop_signal.value_or(15));
    const app::ConfigNode* codes = root.node().find("exit_codes");
    if (codes == nullptr) return {};
    const auto* list = std::get_if<app::ConfigNode::List>(&codes->value);
    adapter.exit_codes.clear();
    for (const app::ConfigNode& code : list == nullptr ? app::ConfigNode::List{} : *list) {
        const auto* number = std::get_if<std::int64_t>(&code.value);
        if (number != nullptr && *number >= -64 && *number <= 255)
            adapter.exit_codes.push_back(static_cast<int>(*number));
    }
    if (list == nullptr || adapter.exit_codes.size() != list->size()) {
        return fail(root.error_at("exit_codes", "wanted a list of exit codes, 0 to 255, or of signals, -1 to -64"));
    }
    return {};
}

Result<Adapter> read_adapter(const ConfigFile& file, const fs::path& path) {
    const ConfigTable root = file.root();
    BT_TRY(root.allow_only(
        {"package",    "trap",          "needs",    "unprivileged", "dials",         "limits", "empty_files",
         "events",     "needs_torrent", "announce", "ready_line",   "complete_line", "poll",   "stop_signal",
         "exit_codes", "client",        "seeder",   "tracker",      "files",         "copies", "environment"}));
    Adapter adapter;
    adapter.name = path.stem().string();
    adapter.folder = path.parent_path();
    BT_TRY_ASSIGN(adapter.package, root.need<std::string>("package", root.string("package")));
    BT_TRY_ASSIGN(adapter.trap, read_text(root, "trap"));
    BT_TRY_ASSIGN(adapter.needs, read_command(root, "needs"));
    BT_TRY(read_roles(root, adapter));
    BT_TRY(read_flags(root, adapter));
    BT_TRY_ASSIGN(adapter.files, read_pairs(root, "files"));
    BT_TRY_ASSIGN(adapter.copies, read_pairs(root, "copies"));
    BT_TRY_ASSIGN(adapter.environment, read_pairs(root, "environment"));
    BT_TRY_ASSIGN(adapter.announce, read_text(root, "announce"));
    if (adapter.has(NodeKind::Tracker) && adapter.announce.empty()) {
        return fail(root.error_here("wanted announce, the URL of the tracker"));
    }
    BT_TRY_ASSIGN(adapter.ready_line, read_regex(root, "ready_line"));
    BT_TRY_ASSIGN(adapter.complete_line, read_regex(root, "complete_line"));
    BT_TRY_ASSIGN(adapter.poll, read_command(root, "poll"));
    BT_TRY(read_ending(root, adapter));
    return adapter;
}

bool is_in_path(const std::string& program) {
    if (program.find('/') != std::string::npos) return access(program.c_str(), R_OK) == 0;
    const char* folders = std::getenv("PATH");
    std::string_view rest = folders == nullptr ? "/usr/bin:/bin" : folders;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(':'), rest.size());
        if (access((std::string(rest.substr(0, end)) + '/' + program).c_str(), X_OK) == 0) return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

}  // namespace

std::string expand(std::string_view text, const Words& words) {
    std::string out;
    std::size_t done = 0;
    for_each_word(text, [&](std::string_view word, std::size_t from, std::size_t to) {
        const auto found = words.find(word);
        if (found == words.end()) return;
        out += text.substr(done, from - done);
        out += found->second;
        done = to;
    });
    return out += text.substr(done);
}

Result<Adapter> load_adapter(const fs::path& path) {
    BT_TRY_ASSIGN(const ConfigFile file, ConfigFile::load(path.string()));
    return read_adapter(file, path);
}

Result<Adapter> parse_adapter(std::string_view text, const fs::path& path) {
    BT_TRY_ASSIGN(const ConfigFile file, ConfigFile::parse(text, app::ConfigFormat::Toml, path.string()));
    return read_adapter(file, path);
}

std::string npm_folder(const fs::path& adapters) {
    const char* folder = std::getenv("SWARMLAB_NPM");
    return folder != nullptr ? std::string(folder) : (adapters / "npm").string();
}

Status check_installed(const Adapter& adapter, NodeKind kind, const Words& words) {
    std::vector<std::string> needs = adapter.needs;
    if (adapter.has(kind)) needs.push_back(adapter.roles.at(kind).argv.front());
    for (const std::string& need : needs) {
        const std::string program = expand(need, words);
        if (is_in_path(program)) continue;
        return fail(Error{ErrorCode::NotFound, Fault::System,
                          "nodes of kind " + adapter.name + " need " + program + ": install " + adapter.package,
                          std::nullopt});
    }
    return {};
}

}  // namespace bt::lab
