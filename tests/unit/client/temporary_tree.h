#pragma once

// A folder with files in it that is gone when the test ends.

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "common/base/bytes.h"
#include "common/base/rng.h"

namespace bt::test {

class TemporaryTree {
  public:
    TemporaryTree() {
        std::string made = (std::filesystem::temp_directory_path() / "swarm-tree-XXXXXX").string();
        path_ = mkdtemp(made.data());
    }
    ~TemporaryTree() { std::filesystem::remove_all(path_); }
    TemporaryTree(const TemporaryTree&) = delete;
    TemporaryTree& operator=(const TemporaryTree&) = delete;

    [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }
    [[nodiscard]] std::string path() const { return path_.string(); }

    void write(const std::string& name, const std::string& content) const {
        std::filesystem::create_directories((path_ / name).parent_path());
        std::ofstream(path_ / name, std::ios::binary) << content;
    }
    // `size` bytes that depend on the name.
    void fill(const std::string& name, std::size_t size) const { write(name, bytes_of(name, size)); }
    [[nodiscard]] static std::string bytes_of(const std::string& name, std::size_t size) {
        ByteBuffer bytes(size);
        Rng(name.size() * 1000 + static_cast<unsigned char>(name.back())).fill(bytes);
        return to_string(bytes);
    }
    void flip_byte(const std::string& name, std::size_t offset) const {
        std::fstream file(path_ / name, std::ios::binary | std::ios::in | std::ios::out);
        file.seekg(static_cast<std::streamoff>(offset));
        const char was = static_cast<char>(file.get());
        file.seekp(static_cast<std::streamoff>(offset));
        file.put(static_cast<char>(was ^ 1));
    }
    void resize(const std::string& name, std::size_t size) const { std::filesystem::resize_file(path_ / name, size); }
    void remove(const std::string& name) const { std::filesystem::remove(path_ / name); }

  private:
    std::filesystem::path path_;
};

}  // namespace bt::test
