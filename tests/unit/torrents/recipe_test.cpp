#include "torrents/recipe.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/base/encoding.h"
#include "common/crypto/hash.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::torrents;

namespace {

Result<Recipe> parse(const std::string& text, std::optional<std::uint64_t> rng_seed = std::nullopt) {
    return parse_recipe(text, "r.toml", rng_seed);
}

std::string error_of(const std::string& text) {
    const Result<Recipe> recipe = parse(text);
    return recipe ? "" : recipe.error().message();
}

ByteBuffer bytes_of(const Recipe& recipe, std::size_t index) {
    ByteBuffer out(static_cast<std::size_t>(recipe.files[index].size));
    FileBytes(recipe, recipe.files[index]).read(out);
    return out;
}

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "recipe-XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

ByteBuffer read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    return to_buffer(as_bytes(text));
}

}  // namespace

TEST_CASE("a recipe with a size alone is one file") {
    const Result<Recipe> recipe = parse("name = \"x.bin\"\nrng_seed = 7\nsize = \"1 KiB\"\n");
    REQUIRE(recipe);
    CHECK(recipe->is_single_file());
    CHECK(recipe->rng_seed == 7);
    CHECK(recipe->total_size() == 1024);
}

TEST_CASE("a numbered entry becomes count files whose numbers have one width") {
    const Result<Recipe> recipe = parse("name = \"d\"\n[[files]]\npath = \"p/{n}.txt\"\ncount = 10\nsize = 3\n");
    REQUIRE(recipe);
    REQUIRE(recipe->files.size() == 10);
    CHECK(recipe->files[0].path == "p/01.txt");
    CHECK(recipe->files[9].path == "p/10.txt");
    CHECK_FALSE(recipe->is_single_file());
}

TEST_CASE("sizes drawn from a range stay inside it and follow from rng_seed") {
    const std::string text = "name = \"d\"\n[[files]]\npath = \"{n}\"\ncount = 200\nsize = [5, 9]\n";
    const Result<Recipe> first = parse(text, 1), again = parse(text, 1), other = parse(text, 2);
    REQUIRE((first && again && other));
    bool differs = false;
    for (std::size_t i = 0; i < 200; ++i) {
        CHECK(first->files[i].size >= 5);
        CHECK(first->files[i].size <= 9);
        CHECK(first->files[i].size == again->files[i].size);
        differs = differs || first->files[i].size != other->files[i].size;
    }
    CHECK(differs);
}

TEST_CASE("bytes follow from rng_seed and path, not from the place in the recipe") {
    const std::string a = "[[files]]\npath = \"a\"\nsize = 100000\n", b = "[[files]]\npath = \"b\"\nsize = 100000\n";
    const Result<Recipe> one = parse("name = \"d\"\n" + a), two = parse("name = \"d\"\n" + b + a);
    REQUIRE((one && two));
    CHECK(bytes_of(*one, 0) == bytes_of(*two, 1));
    CHECK(bytes_of(*two, 0) != bytes_of(*two, 1));
    const Result<Recipe> other = parse("name = \"d\"\n" + a, 99);
    REQUIRE(other);
    CHECK(bytes_of(*other, 0) != bytes_of(*one, 0));
}

TEST_CASE("a file's bytes are the same however they are read, on every machine") {
    const Result<Recipe> recipe = parse("name = \"x\"\nsize = 200_000\n");
    REQUIRE(recipe);
    const ByteBuffer whole = bytes_of(*recipe, 0);
    ByteBuffer pieces(whole.size());
    FileBytes bytes(*recipe, recipe->files[0]);
    std::size_t done = 0;
    for (std::size_t step = 1; done < pieces.size(); step = step * 3 % 70'001 + 1) {
        const std::size_t n = std::min(step, pieces.size() - done);
        bytes.read(MutableByteView(pieces).subspan(done, n));
        done += n;
    }
    CHECK(whole == pieces);
    CHECK(to_hex(crypto::sha1(whole)) == "8e4cc2baad6ab0e26e36609b5ba382df09023dc5");
}

TEST_CASE("zeros are zeros") {
    const Result<Recipe> recipe = parse("name = \"x\"\nsize = 70_000\nfill = \"zeros\"\n");
    REQUIRE(recipe);
    CHECK(bytes_of(*recipe, 0) == ByteBuffer(70'000));
}

TEST_CASE("a recipe is generated as a tree, and never over something") {
    const TemporaryFolder folder;
    const Result<Recipe> recipe =
        parse("name = \"d\"\n[[files]]\npath = \"ü/練習.bin\"\nsize = 70_000\n[[files]]\npath = \"empty\"\nsize = 0\n");
    REQUIRE(recipe);
    std::uint64_t told = 0;
    REQUIRE(generate(*recipe, folder.path() / "new", [&](std::uint64_t bytes) { told = bytes; }));
    CHECK(told == 70'000);
    CHECK(read_file(folder.path() / "new/d/ü/練習.bin") == bytes_of(*recipe, 0));
    CHECK(std::filesystem::file_size(folder.path() / "new/d/empty") == 0);

    const Status again = generate(*recipe, folder.path() / "new");
    REQUIRE_FALSE(again);
    CHECK(again.error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("mistakes in a recipe are named with file and line") {
    const std::string head = "name = \"d\"\n";
    const auto with_path = [&](const std::string& path) {
        return error_of(head + "[[files]]\npath = \"" + path + "\"\nsize = 1\n");
    };
    CHECK(error_of(head + "sise = 3\n").find("r.toml:2: ") == 0);
    CHECK(error_of(head + "sise = 3\n").find("size") != std::string::npos);
    CHECK(error_of("size = 3\n") == "r.toml:1: name is missing");
    CHECK(error_of(head) != "");
    CHECK(error_of(head + "size = 0\n") != "");
    CHECK(error_of(head + "size = -1\n") != "");
    CHECK(error_of(head + "size = \"3 parsecs\"\n") != "");
    CHECK(error_of(head + "size = [9, 5]\n") != "");
    CHECK(error_of(head + "size = 1\n[[files]]\npath = \"a\"\nsize = 1\n") != "");
    CHECK(error_of("name = \"a/b\"\nsize = 1\n") != "");
    CHECK(error_of("name = \"..\"\nsize = 1\n") != "");
    for (const char* path : {"../a", "/a", "a//b", "a/./b", "a/", ""}) CHECK(with_path(path) != "");
    CHECK(with_path("a/b") == "");
    CHECK(with_path(std::string(241, 'x')) != "");
    CHECK(with_path(std::string(240, 'x')) == "");
    CHECK(with_path("{n}") != "");
    CHECK(error_of(head + "[[files]]\npath = \"a\"\nsize = 1\n[[files]]\npath = \"a\"\nsize = 1\n") != "");
    CHECK(error_of(head + "[[files]]\npath = \"a\"\nsize = 1\n[[files]]\npath = \"a/b\"\nsize = 1\n") != "");
}

TEST_CASE("a recipe has at most 100000 files and 1 TiB") {
    const auto with = [](const std::string& count, const std::string& size) {
        return error_of("name = \"d\"\n[[files]]\npath = \"{n}\"\ncount = " + count + "\nsize = " + size + "\n");
    };
    CHECK(with("100_000", "1") == "");
    CHECK(with("100_001", "1") != "");
    CHECK(with("1024", "\"1 GiB\"") == "");
    CHECK(with("1025", "\"1 GiB\"") != "");
}

TEST_CASE("sizes are whole numbers with a unit") {
    CHECK(parse_size("0") == 0u);
    CHECK(parse_size("17 B") == 17u);
    CHECK(parse_size("1kB") == 1000u);
    CHECK(parse_size("3 MiB") == 3u << 20);
    CHECK(parse_size("2 GB") == 2'000'000'000u);
    CHECK(parse_size("17179869183 GiB") == 17179869183u * (std::uint64_t{1} << 30));
    for (const char* text : {"", "MiB", "-1", "1.5 MiB", "1  MiB", "1 mib", "1 ", "17179869184 GiB"}) {
        CHECK_FALSE(parse_size(text));
    }
}
