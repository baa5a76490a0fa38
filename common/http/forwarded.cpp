#include "common/http/forwarded.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace bt::http {
namespace {

constexpr std::string_view kName = "x-forwarded-for:";

std::string_view trim(std::string_view text) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

bool is_header(std::string_view line) {
    if (line.size() < kName.size()) return false;
    return std::equal(kName.begin(), kName.end(), line.begin(),
                      [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

std::optional<Address> parse_entry(std::string_view text) {
    if (const auto address = Address::parse(text)) return address;
    if (const auto endpoint = Endpoint::parse(text)) return endpoint->address;
    if (text.starts_with('[') && text.ends_with(']')) return Address::parse(text.substr(1, text.size() - 2));
    return std::nullopt;
}

// The entries of all such headers, left to right.
std::vector<std::string_view> entries_of(std::string_view head) {
    std::vector<std::string_view> entries;
    while (!head.empty()) {
        const std::string_view line = head.substr(0, head.find('\n'));
        head.remove_prefix(std::min(line.size() + 1, head.size()));
        if (!is_header(line)) continue;
        std::string_view list = line.substr(kName.size());
        while (true) {
            const std::size_t comma = list.find(',');
            entries.push_back(trim(list.substr(0, comma)));
            if (comma == std::string_view::npos) break;
            list.remove_prefix(comma + 1);
        }
    }
    return entries;
}

}  // namespace

Result<std::optional<Address>> forwarded_for(std::string_view head, const std::vector<AddressRange>& proxies) {
    const auto entries = entries_of(head);
    std::optional<Address> address;
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
        address = parse_entry(*entry);
        if (!address) {
            // Not quoted: it is a stranger's text, of any length.
            return fail(remote_error(ErrorCode::InvalidHttp, "X-Forwarded-For: an entry that counts is no address", 0));
        }
        if (!contains(proxies, *address)) break;
    }
    return address;
}

}  // namespace bt::http
