// The part of recipe.h that makes bytes and files.

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "torrents/recipe.h"

namespace bt::torrents {
namespace {

constexpr std::size_t kStep = 1u << 16;  // the generator always makes steps of this size, however it is read

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

Status write_file(const Recipe& recipe, const RecipeFile& entry, const std::filesystem::path& path,
                  std::uint64_t& written, const std::function<void(std::uint64_t)>& progress) {
    std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "wbxe"));
    if (!file) return fail(system_error(errno, path.string()));
    FileBytes bytes(recipe, entry);
    ByteBuffer buffer(1u << 20);
    for (std::uint64_t left = entry.size; left > 0;) {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
        bytes.read(MutableByteView(buffer).first(n));
        if (std::fwrite(buffer.data(), 1, n, file.get()) != n) return fail(system_error(errno, path.string()));
        left -= n;
        written += n;
        if (progress) progress(written);
    }
    if (std::fclose(file.release()) != 0) return fail(system_error(errno, path.string()));
    return {};
}

}  // namespace

Rng rng_for(std::uint64_t rng_seed, std::string_view purpose, std::string_view path) {
    std::uint64_t hash = 14695981039346656037u;  // FNV-1a, 64 bits
    const auto mix = [&hash](std::string_view text) {
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    };
    mix(purpose);
    mix(":");
    mix(path);
    return Rng(rng_seed).fork(hash);
}

FileBytes::FileBytes(const Recipe& recipe, const RecipeFile& file)
    : fill_(file.fill), rng_(rng_for(recipe.rng_seed, "bytes", file.path)) {}

void FileBytes::read(MutableByteView out) {
    if (fill_ == Fill::Zeros) {
        std::fill(out.begin(), out.end(), Byte{0});
        return;
    }
    while (!out.empty()) {
        if (left_over_.empty() && out.size() >= kStep) {
            rng_.fill(out.first(kStep));
            out = out.subspan(kStep);
            continue;
        }
        if (left_over_.empty()) {
            left_over_.resize(kStep);
            rng_.fill(left_over_);
        }
        const std::size_t n = std::min(out.size(), left_over_.size());
        std::copy_n(left_over_.begin(), n, out.begin());
        left_over_.erase(left_over_.begin(), left_over_.begin() + static_cast<std::ptrdiff_t>(n));
        out = out.subspan(n);
    }
}

Status generate(const Recipe& recipe, const std::filesystem::path& parent,
                const std::function<void(std::uint64_t)>& progress) {
    const std::filesystem::path top = parent / recipe.name;
    std::error_code error;
    std::filesystem::create_directories(parent, error);
    if (error) return fail(system_error(error.value(), parent.string()));
    if (std::filesystem::exists(std::filesystem::symlink_status(top, error))) {
        return fail(local_error(ErrorCode::InvalidArgument, top.string() + " is there already"));
    }
    std::uint64_t written = 0;
    for (const RecipeFile& file : recipe.files) {
        const std::filesystem::path path = file.path.empty() ? top : top / file.path;
        std::filesystem::create_directories(path.parent_path(), error);
        if (error) return fail(system_error(error.value(), path.parent_path().string()));
        BT_TRY(write_file(recipe, file, path, written, progress));
    }
    return {};
}

}  // namespace bt::torrents
