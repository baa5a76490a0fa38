#pragma once

// A configuration or scenario file, TOML or JSON, as one generic tree that knows on which line everything stands, and
// the getters with which programs read it. Both formats give the same tree for the same content.
//
// Errors are InvalidConfig (Local) and read "FILE:LINE: what is wrong": a syntax error, a key twice, a file over
// kMaxConfigSize, deeper than kMaxConfigDepth; from the getters a wrong type, a value out of range, a missing key, an
// unknown key with the nearest known one.
//
// Use: load, then for each table allow_only(all keys) first (so that a misspelt key is named, not a missing one), then
// the getters. Optional keys answer nullopt; need() turns that into the "missing key" error.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace bt::app {

inline constexpr std::size_t kMaxConfigSize = 4u << 20;
inline constexpr std::size_t kMaxConfigDepth = 32;

enum class ConfigFormat : std::uint8_t { Toml, Json };

class ConfigNode {
  public:
    using List = std::vector<ConfigNode>;
    struct Entry;
    using Table = std::vector<Entry>;  // in the order of the file (TOML: sorted by key)
    struct Null {};
    struct Other {
        std::string kind;
    };  // TOML's dates and times
    using Value = std::variant<Null, bool, std::int64_t, double, std::string, List, Table, Other>;

    Value value;
    std::uint32_t line = 1;      // where the value starts
    std::uint32_t key_line = 1;  // where its key stands

    [[nodiscard]] std::string_view type_name() const;  // "integer", "string", "table", …
    // nullptr when this is no table or has no such key.
    [[nodiscard]] const ConfigNode* find(std::string_view key) const;
};

struct ConfigNode::Entry {
    std::string first;
    ConfigNode second;
};

// One table of a file, for reading. Copies are cheap; the ConfigFile must outlive it.
class ConfigTable {
  public:
    [[nodiscard]] Status allow_only(std::initializer_list<std::string_view> keys) const {
        return allow_only(std::vector<std::string_view>(keys));
    }
    [[nodiscard]] Status allow_only(const std::vector<std::string_view>& keys) const;

    [[nodiscard]] Result<std::optional<std::string>> string(std::string_view key) const;
    [[nodiscard]] Result<std::optional<bool>> boolean(std::string_view key) const;
    [[nodiscard]] Result<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t min,
                                                              std::int64_t max) const;
    [[nodiscard]] Result<std::optional<double>> number(std::string_view key, double min, double max) const;
    // A number of seconds, integer or with a fraction.
    [[nodiscard]] Result<std::optional<Duration>> duration(std::string_view key, Duration min, Duration max) const;
    [[nodiscard]] Result<std::optional<std::vector<std::string>>> strings(std::string_view key) const;
    // [key], and [[key]] (a list of tables). An absent list is empty.
    [[nodiscard]] Result<std::optional<ConfigTable>> table(std::string_view key) const;
    [[nodiscard]] Result<std::vector<ConfigTable>> tables(std::string_view key) const;
    [[nodiscard]] std::vector<std::string> keys() const;

    // The value, or the error "FILE:LINE: KEY is missing" with the line of this table.
    template <class T>
    [[nodiscard]] Result<T> need(std::string_view key, Result<std::optional<T>> got) const {
        if (!got) return fail(std::move(got).error());
        if (!*got) return fail(missing(key));
        return std::move(**got);
    }

    [[nodiscard]] const ConfigNode& node() const { return *node_; }
    [[nodiscard]] bool has(std::string_view key) const { return node_->find(key) != nullptr; }
    // "FILE:LINE: KEY: what", with the line of the key (of the table where it has no such key).
    [[nodiscard]] Error error_at(std::string_view key, std::string_view what) const;
    [[nodiscard]] Error error_here(std::string_view what) const;

  private:
    friend class ConfigFile;
    ConfigTable(const std::string* file, const ConfigNode* node, std::string path)
        : file_(file), node_(node), path_(std::move(path)) {}
    [[nodiscard]] Error missing(std::string_view key) const;
    [[nodiscard]] Error wrong_type(std::string_view key, const ConfigNode& found, std::string_view wanted) const;

    const std::string* file_;
    const ConfigNode* node_;
    std::string path_;  // of this table, "" or "peers[0]."; in front of keys in messages
};

class ConfigFile {
  public:
    // Format by the file's ending, .toml or .json. Error: NotFound and the like (System) when it cannot be read.
    [[nodiscard]] static Result<ConfigFile> load(const std::string& path);
    [[nodiscard]] static Result<ConfigFile> parse(std::string_view text, ConfigFormat format, std::string file_name);

    [[nodiscard]] ConfigTable root() const { return {&content_->file_name, &content_->root, ""}; }
    [[nodiscard]] const std::string& file_name() const { return content_->file_name; }
    // `path` of a key as seen from the program: a relative one is relative to the folder of this file.
    [[nodiscard]] std::string resolve_path(std::string_view path) const;

  private:
    struct Content {
        std::string file_name;
        ConfigNode root;
    };
    std::shared_ptr<const Content> content_;
};

// The candidate with the smallest edit distance to word (letter case ignored), if it is near enough to be meant.
[[nodiscard]] std::optional<std::string_view> nearest_word(std::string_view word,
                                                           const std::vector<std::string_view>& candidates);

}  // namespace bt::app
