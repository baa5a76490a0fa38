#include "tracker/hash_list.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "common/base/encoding.h"

namespace bt::tracker {
namespace {

std::string_view without_spaces(std::string_view text) {
    constexpr std::string_view kSpaces = " \t\r";
    const std::size_t first = text.find_first_not_of(kSpaces);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::unexpected<Error> broken(std::size_t line, std::string_view what) {
    return fail(local_error(ErrorCode::InvalidConfig, std::to_string(line) + ": " + std::string(what)));
}

}  // namespace

std::size_t InfoHashHash::operator()(const InfoHash& info_hash) const noexcept {
    std::size_t word = 0;
    std::memcpy(&word, info_hash.data(), sizeof word);
    return word;
}

std::optional<InfoHash> parse_info_hash(std::string_view text) {
    InfoHash info_hash{};
    if (text.size() != 2 * info_hash.size()) return std::nullopt;
    const auto bytes = from_hex(text);
    if (!bytes) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), info_hash.begin());
    return info_hash;
}

Status parse_hash_list(std::string_view text, HashList& out) {
    for (std::size_t line = 1; !text.empty(); ++line) {
        const std::string_view whole = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(whole.size() + 1, text.size()));
        const std::string_view entry = without_spaces(whole.substr(0, whole.find('#')));
        if (entry.empty()) continue;
        const auto info_hash = parse_info_hash(entry);
        if (!info_hash) return broken(line, "an info_hash is 40 hex digits");
        out.insert(*info_hash);
        if (out.size() > kMaxHashList) return broken(line, "more than " + std::to_string(kMaxHashList) + " torrents");
    }
    return {};
}

}  // namespace bt::tracker
