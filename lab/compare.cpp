#include "lab/compare.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <set>

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kComparedAtOnce = 1u << 20;

struct CloseCompared {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using ComparedFile = std::unique_ptr<std::FILE, CloseCompared>;

// Paths of the regular files below top, relative to it.
Result<std::set<std::string>> files_below(const fs::path& top) {
    std::set<std::string> files;
    std::error_code error;
    if (!fs::is_directory(top, error)) return files;
    for (auto entry = fs::recursive_directory_iterator(top, error); !error && entry != fs::end(entry);
         entry.increment(error)) {
        if (fs::is_regular_file(entry->symlink_status())) files.insert(entry->path().lexically_relative(top).string());
    }
    if (error) return fail(system_error(error.value(), top.string()));
    return files;
}

// For both files; not emptied between them, which would cost more than many of them hold.
struct Buffers {
    std::unique_ptr<Byte[]> left = std::make_unique_for_overwrite<Byte[]>(kComparedAtOnce);
    std::unique_ptr<Byte[]> right = std::make_unique_for_overwrite<Byte[]>(kComparedAtOnce);
};

// Empty when both have the same bytes, which are added to `bytes`.
std::string difference(const fs::path& original, const fs::path& copy, const Buffers& buffers, std::uint64_t& bytes) {
    const ComparedFile a(std::fopen(original.c_str(), "rbe"));
    if (!a) return "not in the original";
    const ComparedFile b(std::fopen(copy.c_str(), "rbe"));
    if (!b) return errno == ENOENT ? "missing" : system_error(errno, "cannot be read").message();
    for (const ComparedFile* file : {&a, &b}) std::setvbuf(file->get(), nullptr, _IONBF, 0);
    const Byte* const left = buffers.left.get();
    const Byte* const right = buffers.right.get();
    for (std::uint64_t offset = 0;;) {
        const std::size_t n = std::fread(buffers.left.get(), 1, kComparedAtOnce, a.get());
        const std::size_t m = std::fread(buffers.right.get(), 1, kComparedAtOnce, b.get());
        if (std::ferror(a.get()) != 0 || std::ferror(b.get()) != 0) return "cannot be read";
        const std::size_t common = std::min(n, m);
        // Equal nearly always: the place is looked for where it is needed.
        const bool equal = std::memcmp(left, right, common) == 0;
        const auto same =
            equal ? common : static_cast<std::size_t>(std::mismatch(left, left + common, right).first - left);
        if (same < common) return "differs at byte " + std::to_string(offset + same);
        if (n != m) return (m < n ? "shorter, " : "longer than ") + std::to_string(offset + common) + " bytes";
        if (n == 0) return {};
        offset += n;
        bytes += n;
    }
}

}  // namespace

Result<Comparison> compare_content(const fs::path& original, const fs::path& copy, const meta::Metainfo& metainfo,
                                   bool empty_files) {
    BT_TRY_ASSIGN(std::set<std::string> wanted, files_below(original));
    BT_TRY_ASSIGN(const std::set<std::string> present, files_below(copy));
    for (const meta::FileEntry& file : metainfo.files()) {
        wanted.insert(metainfo.is_multi_file() ? file.path.substr(metainfo.name().size() + 1) : std::string());
    }
    Comparison result;
    const Buffers buffers;
    const auto add = [&result](const std::string& path, const std::string& what) {
        ++result.different;
        if (result.differences.size() < kMaxDifferences) result.differences.push_back(path + ": " + what);
    };
    if (!empty_files) {
        std::erase_if(wanted, [&](const std::string& path) {
            std::error_code error;
            return !path.empty() && fs::file_size(original / path, error) == 0 && !present.contains(path);
        });
    }
    for (const std::string& path : wanted) {
        ++result.files;
        const bool whole = path.empty();
        const std::string what =
            difference(whole ? original : original / path, whole ? copy : copy / path, buffers, result.bytes);
        if (!what.empty()) add(whole ? metainfo.name() : path, what);
    }
    for (const std::string& path : present) {
        if (!wanted.contains(path)) add(path, "not in the original");
    }
    return result;
}

}  // namespace bt::lab
