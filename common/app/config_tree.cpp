#include "common/app/config_tree.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "common/app/config_parse.h"
#include "common/app/text_file.h"

namespace bt::app {
namespace {

constexpr std::size_t kMaxKeysListed = 20;  // more would not be read

std::string number_text(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.10g", value);
    return text;
}

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Edit distance with neighbours swapped counting once ("prot" for "port").
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        next[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (same ? 0u : 1u)});
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1])) {
                next[j] = std::min(next[j], before[j - 2] + 1);
            }
        }
        std::swap(before, row);
        std::swap(row, next);
    }
    return row[b.size()];
}

}  // namespace

Error config_error(const std::string& file_name, std::uint32_t line, std::string_view what) {
    std::string detail = file_name + ":" + std::to_string(line) + ": ";
    for (const char c : what) detail += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    return local_error(ErrorCode::InvalidConfig, std::move(detail));
}

std::optional<std::string_view> nearest_word(std::string_view word, const std::vector<std::string_view>& candidates) {
    std::optional<std::string_view> best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    if (word.size() > 100) return best;
    for (const std::string_view candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string_view ConfigNode::type_name() const {
    struct Names {
        std::string_view operator()(const Null&) const { return "null"; }
        std::string_view operator()(bool) const { return "boolean"; }
        std::string_view operator()(std::int64_t) const { return "integer"; }
        std::string_view operator()(double) const { return "number with a fraction"; }
        std::string_view operator()(const std::string&) const { return "string"; }
        std::string_view operator()(const List&) const { return "list"; }
        std::string_view operator()(const Table&) const { return "table"; }
        std::string_view operator()(const Other& other) const { return other.kind; }
    };
    return std::visit(Names{}, value);
}

const ConfigNode* ConfigNode::find(std::string_view key) const {
    const auto* table = std::get_if<Table>(&value);
    if (table == nullptr) return nullptr;
    for (const auto& [name, child] : *table) {
        if (name == key) return &child;
    }
    return nullptr;
}

Error ConfigTable::error_at(std::string_view key, std::string_view what) const {
    const ConfigNode* child = node_->find(key);
    return config_error(*file_, child != nullptr ? child->key_line : node_->line,
                        path_ + std::string(key) + ": " + std::string(what));
}

Error ConfigTable::error_here(std::string_view what) const { return config_error(*file_, node_->line, what); }

Error ConfigTable::missing(std::string_view key) const {
    return config_error(*file_, node_->line, path_ + std::string(key) + " is missing");
}

Error ConfigTable::wrong_type(std::string_view key, const ConfigNode& found, std::string_view wanted) const {
    return error_at(key, "must be a " + std::string(wanted) + ", found " + std::string(found.type_name()));
}

Status ConfigTable::allow_only(const std::vector<std::string_view>& keys) const {
    const auto* table = std::get_if<ConfigNode::Table>(&node_->value);
    if (table == nullptr) return {};
    for (const auto& [name, child] : *table) {
        if (std::find(keys.begin(), keys.end(), name) != keys.end()) continue;
        std::string what = "unknown key " + path_ + name;
        if (const auto near = nearest_word(name, keys)) {
            what += "; did you mean " + std::string(*near) + "?";
        } else if (keys.size() <= kMaxKeysListed) {
            what += "; known keys:";
            for (const std::string_view key : keys) what += (key == keys.front() ? " " : ", ") + std::string(key);
        }
        return fail(config_error(*file_, child.key_line, what));
    }
    return {};
}

Result<std::optional<std::string>> ConfigTable::string(std::string_view key) const {
    const ConfigNode* child = node_->find(key);
    if (child == nullptr) return std::nullopt;
    if (const auto* text = std::get_if<std::string>(&child->value)) return *text;
    return fail(wrong_type(key, *child, "string"));
}

Result<std::optional<bool>> ConfigTable::boolean(std::string_view key) const {
    const ConfigNode* child = node_->find(key);
    if (child == nullptr) return std::nullopt;
    if (const auto* value = std::get_if<bool>(&child->value)) return *value;
    return fail(wrong_type(key, *child, "boolean (true or false)"));
}

Result<std::optional<std::int64_t>> ConfigTable::integer(std::string_view key, std::int64_t min,
                                                         std::int64_t max) const {
    const ConfigNode* child = node_->find(key);
    if (child == nullptr) return std::nullopt;
    const auto* value = std::get_if<std::int64_t>(&child->value);
    if (value == nullptr) return fail(wrong_type(key, *child, "whole number"));
    if (*value < min || *value > max) {
        return fail(error_at(
            key, std::to_string(*value) + " is out of range, " + std::to_string(min) + " to " + std::to_string(max)));
    }
    return *value;
}

Result<std::optional<double>> ConfigTable::number(std::string_view key, double min, double max) const {
    const ConfigNode* child = node_->find(key);
    if (child == nullptr) return std::nullopt;
    double value = 0;
    if (const auto* d = std::get_if<double>(&child->value)) {
        value = *d;
    } else if (const auto* i = std::get_if<std::int64_t>(&child->value)) {
        value = static_cast<double>(*i);
    } else {
        return fail(wrong_type(key, *child, "number"));
    }
    if (!(value >= min && value <= max)) {  // this way round it also refuses "not a number"
        return fail(
            error_at(key, number_text(value) + " is out of range, " + number_text(min) + " to " + number_text(max)));
    }
    return value;
}

Result<std::optional<Duration>> ConfigTable::duration(std::string_view key, Duration min, Duration max) const {
    BT_TRY_ASSIGN(const std::optional<double> value, number(key, to_seconds(min), to_seconds(max)));
    if (!value) return std::nullopt;
    return from_seconds(*value);
}

Result<std::optional<std::vector<std::string>>> ConfigTable::strings(std::string_view key) const {
    const ConfigNode* child = node_->find(key);
    if (child == nullptr) return std::nullopt;
    const auto* list = std::get_if<ConfigNode::List>(&child->value);
    if (list == nullptr) return fail(wrong_type(key, *child, "list of strings"));
    std::vector<std::string> out;
    for (const ConfigNode& element : *list) {
        const auto* text = std::get_if<std::string>(&element.value);
        if (text == nullptr) {
            return fail(config_error(*file_, element.line,
                                     path_ + std::string(key) + "[" + std::to_string(out.size()) +
                                         "]: must be a string, found " + std::string(element.type_name())));
        }
        out.push_back(*text);
    }
    return out;
}

Result<std::optional<ConfigTable>> ConfigTable::table(std::string_view key) const {
    const ConfigNode* child = node_->find(key);
    if (child == nullptr) return std::nullopt;
    if (!std::holds_alternative<ConfigNode::Table>(child->value)) return fail(wrong_type(key, *child, "table"));
    return ConfigTable(file_, child, path_ + std::string(key) + ".");
}

Result<std::vector<ConfigTable>> ConfigTable::tables(std::string_view key) const {
    std::vector<ConfigTable> out;
    const ConfigNode* child = node_->find(key);
    if (child == nullptr) return out;
    const auto* list = std::get_if<ConfigNode::List>(&child->value);
    if (list == nullptr) return fail(wrong_type(key, *child, "list of tables"));
    for (const ConfigNode& element : *list) {
        const std::string name = path_ + std::string(key) + "[" + std::to_string(out.size()) + "]";
        if (!std::holds_alternative<ConfigNode::Table>(element.value)) {
            return fail(config_error(*file_, element.line,
                                     name + ": must be a table, found " + std::string(element.type_name())));
        }
        out.push_back(ConfigTable(file_, &element, name + "."));
    }
    return out;
}

std::vector<std::string> ConfigTable::keys() const {
    std::vector<std::string> out;
    if (const auto* table = std::get_if<ConfigNode::Table>(&node_->value)) {
        for (const auto& entry : *table) out.push_back(entry.first);
    }
    return out;
}

Result<ConfigFile> ConfigFile::parse(std::string_view text, ConfigFormat format, std::string file_name) {
    if (text.size() > kMaxConfigSize) return fail(config_error(file_name, 1, "the file is larger than 4 MiB"));
    BT_TRY_ASSIGN(ConfigNode root,
                  format == ConfigFormat::Toml ? parse_toml(text, file_name) : parse_json(text, file_name));
    root.line = root.key_line = 1;
    ConfigFile file;
    file.content_ = std::make_shared<const Content>(Content{std::move(file_name), std::move(root)});
    return file;
}

Result<ConfigFile> ConfigFile::load(const std::string& path) {
    ConfigFormat format = ConfigFormat::Toml;
    if (path.ends_with(".json")) {
        format = ConfigFormat::Json;
    } else if (!path.ends_with(".toml")) {
        return fail(local_error(ErrorCode::InvalidConfig, path + ": the name must end in .toml or .json"));
    }
    BT_TRY_ASSIGN(const std::string text, read_text_file(path, kMaxConfigSize));
    return parse(text, format, path);
}

std::string ConfigFile::resolve_path(std::string_view path) const {
    return (std::filesystem::path(content_->file_name).parent_path() / path).lexically_normal().string();
}

}  // namespace bt::app
