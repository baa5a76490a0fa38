#include "common/storage/file_names.h"

#include <unordered_set>

#include "common/base/encoding.h"

namespace bt::storage {
namespace {

constexpr std::string_view kPart = ".part";
constexpr std::size_t kHashDigits = 8;

// Everything that the torrent itself puts somewhere: its files and the folders above them.
std::unordered_set<std::string> taken_paths(const meta::Metainfo& metainfo) {
    std::unordered_set<std::string> taken;
    for (const auto& file : metainfo.files()) {
        taken.insert(file.path);
        for (std::size_t slash = file.path.rfind('/'); slash != std::string::npos && slash > 0;
             slash = file.path.rfind('/', slash - 1)) {
            if (!taken.insert(file.path.substr(0, slash)).second) break;  // and those above it
        }
    }
    return taken;
}

std::string part_of(const std::string& path, std::size_t number, std::unordered_set<std::string>& taken,
                    std::size_t file_count) {
    std::string part = path + std::string(kPart);
    // Steps of file_count: no two files ever try the same number, so all searches together are as long as the list.
    for (std::size_t i = number; !taken.insert(part).second; i += file_count) {
        part = path + "." + std::to_string(i) + std::string(kPart);
    }
    return part;
}

}  // namespace

std::string_view cut_name(std::string_view name, std::size_t max_bytes) {
    if (name.size() <= max_bytes) return name;
    std::size_t end = max_bytes;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
    return name.substr(0, end);
}

std::string hidden_path(const meta::Metainfo& metainfo, const std::string& outdir, std::string_view kind) {
    std::string name = metainfo.name();
    if (name.size() > kMaxHiddenName) {
        const std::string hash = to_hex(metainfo.info_hash()).substr(0, kHashDigits);
        name = std::string(cut_name(name, kMaxHiddenName - kHashDigits - 1)) + "-" + hash;
    }
    return outdir + "/." + name + "." + std::string(kind);
}

Placement placement_in(const meta::Metainfo& metainfo, const std::string& outdir) {
    Placement placement;
    const auto& files = metainfo.files();
    auto taken = taken_paths(metainfo);
    placement.part_paths.reserve(files.size());
    for (std::size_t i = 0; i < files.size(); ++i) {
        placement.part_paths.push_back(outdir + "/" + part_of(files[i].path, i + 1, taken, files.size()));
    }
    placement.shared_path = hidden_path(metainfo, outdir, "swarm-parts");
    return placement;
}

}  // namespace bt::storage
