#pragma once

// Content that is described instead of stored: a recipe (TOML, docs/formats.md) names files and sizes, and every byte
// follows from rng_seed and the file's path. The same recipe and rng_seed give the same tree on every machine; adding
// a file to a recipe leaves the bytes of the others as they were.
//
// Rules on a recipe: at most kMaxRecipeFiles files and kMaxRecipeBytes in all, at least one byte; paths relative,
// without empty, "." or ".." elements, each element at most 240 bytes, no path twice and none that is both a file and
// a folder. Errors: InvalidConfig, "FILE:LINE: what".

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/base/rng.h"

namespace bt::torrents {

inline constexpr std::size_t kMaxRecipeFiles = 100'000;
inline constexpr std::uint64_t kMaxRecipeBytes = std::uint64_t{1} << 40;

enum class Fill : std::uint8_t {
    Random,  // from rng_seed and path
    Zeros,   // all pieces alike
};

struct RecipeFile {
    std::string path;  // below the content's folder; empty for single-file content
    std::uint64_t size = 0;
    Fill fill = Fill::Random;
};

struct Recipe {
    std::string name;  // of the folder or of the single file
    std::uint64_t rng_seed = 1;
    std::vector<RecipeFile> files;

    [[nodiscard]] bool is_single_file() const { return files.size() == 1 && files[0].path.empty(); }
    [[nodiscard]] std::uint64_t total_size() const;
};

// rng_seed takes the place of the one in the file, also where sizes are drawn.
[[nodiscard]] Result<Recipe> load_recipe(const std::string& path, std::optional<std::uint64_t> rng_seed = std::nullopt);
[[nodiscard]] Result<Recipe> parse_recipe(std::string_view text, std::string file_name,
                                          std::optional<std::uint64_t> rng_seed = std::nullopt);

// The generator behind one property ("bytes", "size") of one path.
[[nodiscard]] Rng rng_for(std::uint64_t rng_seed, std::string_view purpose, std::string_view path);

// The bytes of one file from its start, in order.
class FileBytes {
  public:
    FileBytes(const Recipe& recipe, const RecipeFile& file);
    void read(MutableByteView out);

  private:
    Fill fill_;
    Rng rng_;
    ByteBuffer left_over_;  // of the generator's last full step
};

// Writes parent/name. What is there already under that name is an error (InvalidArgument), never overwritten.
// `progress` is told the bytes written so far.
[[nodiscard]] Status generate(const Recipe& recipe, const std::filesystem::path& parent,
                              const std::function<void(std::uint64_t)>& progress = {});

// "40 MiB", "512", "1 kB": a whole number and a unit (B, kB, MB, GB, KiB, MiB, GiB), a blank between them or none.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace bt::torrents
