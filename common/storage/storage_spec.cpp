#include "common/storage/storage_spec.h"

namespace bt::storage {

std::vector<std::string> paths_in(const meta::Metainfo& metainfo, const std::string& outdir) {
    std::vector<std::string> paths;
    paths.reserve(metainfo.files().size());
    for (const auto& file : metainfo.files()) paths.push_back(outdir + "/" + file.path);
    return paths;
}

}  // namespace bt::storage
