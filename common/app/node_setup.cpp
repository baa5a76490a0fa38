#include "common/app/node_setup.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <string_view>

#include "common/app/text_file.h"

namespace bt::app {
namespace {

constexpr std::size_t kMaxPeersFile = 1u << 20;

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

}  // namespace

Result<std::shared_ptr<const meta::Metainfo>> load_metainfo(const std::string& path) {
    BT_TRY_ASSIGN(const std::string content, read_text_file(path, meta::kMaxTorrentFileSize));
    auto metainfo = meta::Metainfo::parse(as_bytes(content));
    if (!metainfo) {
        Error error = metainfo.error();
        error.detail = path + ": " + error.detail;
        return fail(std::move(error));
    }
    return std::make_shared<const meta::Metainfo>(std::move(*metainfo));
}

Result<std::vector<Endpoint>> load_peers_file(const std::string& path) {
    BT_TRY_ASSIGN(const std::string content, read_text_file(path, kMaxPeersFile));
    std::vector<Endpoint> peers;
    std::string_view rest = content;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = trimmed(rest.substr(0, end));
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        if (line.empty() || line.front() == '#') continue;
        const auto endpoint = Endpoint::parse(line);
        if (!endpoint || endpoint->port == 0) {
            return fail(local_error(ErrorCode::InvalidArgument, path + ":" + std::to_string(number) + ": \"" +
                                                                    std::string(line) + "\" is not ip:port"));
        }
        peers.push_back(*endpoint);
    }
    return peers;
}

std::uint64_t entropy_seed() {
    std::uint64_t seed = 0;
    // 8 bytes never block and never fail once the kernel's pool is ready, which it is long before any of us starts.
    if (getrandom(&seed, sizeof seed, 0) != static_cast<ssize_t>(sizeof seed)) seed = 0x9e3779b97f4a7c15u;
    return seed;
}

std::string boot_id() {
    const auto text = read_text_file("/proc/sys/kernel/random/boot_id", 4096);
    return text ? std::string(trimmed(std::string_view(*text).substr(0, text->find('\n')))) : std::string();
}

bool is_folder(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace bt::app
