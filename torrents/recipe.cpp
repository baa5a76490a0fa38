#include "torrents/recipe.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <set>

#include "common/app/config_tree.h"
#include "common/base/encoding.h"

namespace bt::torrents {
namespace {

using app::ConfigNode;
using app::ConfigTable;

struct SizeRange {
    std::uint64_t min = 0;
    std::uint64_t max = 0;
};

std::optional<std::uint64_t> size_of_node(const ConfigNode& node) {
    if (const auto* number = std::get_if<std::int64_t>(&node.value)) {
        if (*number < 0) return std::nullopt;
        return static_cast<std::uint64_t>(*number);
    }
    if (const auto* text = std::get_if<std::string>(&node.value)) return parse_size(*text);
    return std::nullopt;
}

// size = 5, "5 MiB", or [smallest, largest]
Result<SizeRange> read_size(const ConfigTable& table) {
    const ConfigNode* node = table.node().find("size");
    if (node == nullptr) return fail(table.error_here("size is missing"));
    std::optional<std::uint64_t> min, max;
    if (const auto* list = std::get_if<ConfigNode::List>(&node->value)) {
        if (list->size() == 2) {
            min = size_of_node((*list)[0]);
            max = size_of_node((*list)[1]);
        }
    } else {
        min = max = size_of_node(*node);
    }
    if (!min || !max || *min > *max || *max > kMaxRecipeBytes) {
        return fail(table.error_at("size",
                                   "wanted a number of bytes up to 1 TiB, a text such as \"40 MiB\", or "
                                   "[smallest, largest]"));
    }
    return SizeRange{*min, *max};
}

// What is wrong with a path, empty when nothing is.
std::string path_fault(std::string_view path) {
    if (path.empty()) return "a path is empty";
    if (path.front() == '/') return "a path must be relative";
    if (!is_valid_utf8(path)) return "a path is not UTF-8";
    for (std::size_t start = 0; start <= path.size();) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        const std::string_view element = path.substr(start, end - start);
        if (element.empty() || element == "." || element == "..") return "a path has an empty, \".\" or \"..\" element";
        if (element.size() > 240) return "an element of a path is longer than 240 bytes";
        if (element.find_first_of(std::string_view("\0\\", 2)) != std::string_view::npos) {
            return "a path has a NUL or a backslash";
        }
        start = end + 1;
    }
    return {};
}

std::string numbered(const std::string& pattern, std::uint64_t number, std::uint64_t count) {
    const std::size_t place = pattern.find("{n}");
    std::string digits = std::to_string(number);
    const std::size_t width = std::to_string(count).size();
    digits.insert(0, width - digits.size(), '0');
    return pattern.substr(0, place) + digits + pattern.substr(place + 3);
}

Result<Fill> read_fill(const ConfigTable& table) {
    BT_TRY_ASSIGN(const std::optional<std::string> fill, table.string("fill"));
    if (!fill || *fill == "random") return Fill::Random;
    if (*fill == "zeros") return Fill::Zeros;
    return fail(table.error_at("fill", "wanted \"random\" or \"zeros\""));
}

Status add_files(const ConfigTable& table, Recipe& recipe) {
    BT_TRY(table.allow_only({"path", "count", "size", "fill"}));
    BT_TRY_ASSIGN(const std::string path, table.need<std::string>("path", table.string("path")));
    BT_TRY_ASSIGN(const std::optional<std::int64_t> wanted,
                  table.integer("count", 1, static_cast<std::int64_t>(kMaxRecipeFiles)));
    BT_TRY_ASSIGN(const SizeRange size, read_size(table));
    BT_TRY_ASSIGN(const Fill fill, read_fill(table));

    const bool has_number = path.find("{n}") != std::string::npos;
    if (has_number != wanted.has_value()) {
        return fail(table.error_at("path", has_number ? "has {n}, so count is needed" : "has no {n} for count"));
    }
    if (const std::string fault = path_fault(path); !fault.empty()) return fail(table.error_at("path", fault));
    const auto count = static_cast<std::uint64_t>(wanted.value_or(1));
    if (recipe.files.size() + count > kMaxRecipeFiles) {
        return fail(table.error_at("count", "more than 100000 files in all"));
    }
    for (std::uint64_t n = 1; n <= count; ++n) {
        std::string name = wanted ? numbered(path, n, count) : path;
        std::uint64_t bytes = size.min;
        if (size.max > size.min) {
            bytes += rng_for(recipe.rng_seed, "size", name).below(size.max - size.min + 1);
        }
        recipe.files.push_back({std::move(name), bytes, fill});
    }
    return {};
}

Status check_paths(const Recipe& recipe, const ConfigTable& root) {
    std::set<std::string_view> files, folders;
    for (const RecipeFile& file : recipe.files) {
        const std::string_view path = file.path;
        if (!files.insert(path).second) return fail(root.error_here("two files with the path " + file.path));
        for (std::size_t i = path.find('/'); i != std::string_view::npos; i = path.find('/', i + 1)) {
            folders.insert(path.substr(0, i));
        }
    }
    for (const std::string_view folder : folders) {
        if (files.contains(folder)) {
            return fail(root.error_here(std::string(folder) + " is both a file and a folder"));
        }
    }
    return {};
}

Result<Recipe> read_recipe(const app::ConfigFile& file, std::optional<std::uint64_t> rng_seed) {
    const ConfigTable root = file.root();
    BT_TRY(root.allow_only({"name", "rng_seed", "size", "fill", "files"}));
    Recipe recipe;
    BT_TRY_ASSIGN(recipe.name, root.need<std::string>("name", root.string("name")));
    if (const std::string fault = path_fault(recipe.name);
        !fault.empty() || recipe.name.find('/') != std::string::npos) {
        return fail(root.error_at("name", "wanted one plain file or folder name"));
    }
    BT_TRY_ASSIGN(const std::optional<std::int64_t> own_seed, root.integer("rng_seed", 0, INT64_MAX));
    recipe.rng_seed = rng_seed.value_or(static_cast<std::uint64_t>(own_seed.value_or(1)));

    BT_TRY_ASSIGN(const std::vector<ConfigTable> tables, root.tables("files"));
    if (tables.empty() == !root.has("size")) {
        return fail(root.error_here("wanted either size (single file) or [[files]]"));
    }
    if (tables.empty()) {
        BT_TRY_ASSIGN(const SizeRange size, read_size(root));
        BT_TRY_ASSIGN(const Fill fill, read_fill(root));
        if (size.min != size.max) return fail(root.error_at("size", "wanted one size for a single file"));
        recipe.files.push_back({"", size.min, fill});
    } else if (root.has("fill")) {
        return fail(root.error_at("fill", "belongs into [[files]] here"));
    }
    for (const ConfigTable& table : tables) BT_TRY(add_files(table, recipe));
    BT_TRY(check_paths(recipe, root));

    std::uint64_t total = 0;  // 100000 files of 2^40 bytes do not overflow
    for (const RecipeFile& entry : recipe.files) total += entry.size;
    if (total == 0) return fail(root.error_here("there is not one byte of content"));
    if (total > kMaxRecipeBytes) return fail(root.error_here("more than 1 TiB of content"));
    return recipe;
}

}  // namespace

std::uint64_t Recipe::total_size() const {
    std::uint64_t total = 0;
    for (const RecipeFile& file : files) total += file.size;
    return total;
}

Result<Recipe> load_recipe(const std::string& path, std::optional<std::uint64_t> rng_seed) {
    BT_TRY_ASSIGN(const app::ConfigFile file, app::ConfigFile::load(path));
    return read_recipe(file, rng_seed);
}

Result<Recipe> parse_recipe(std::string_view text, std::string file_name, std::optional<std::uint64_t> rng_seed) {
    BT_TRY_ASSIGN(const app::ConfigFile file,
                  app::ConfigFile::parse(text, app::ConfigFormat::Toml, std::move(file_name)));
    return read_recipe(file, rng_seed);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    static constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {
        {"", 1},          {"B", 1},         {"kB", 1000},     {"MB", 1'000'000}, {"GB", 1'000'000'000},
        {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
    };
    std::uint64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    if (text.size() > 1 && text.front() == ' ') text.remove_prefix(1);
    for (const auto& [unit, factor] : kUnits) {
        if (text != unit) continue;
        if (number > UINT64_MAX / factor) return std::nullopt;
        return number * factor;
    }
    return std::nullopt;
}

}  // namespace bt::torrents
