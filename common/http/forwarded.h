#pragma once

// Whose request a proxy passes on: X-Forwarded-For in the head of a request, as each proxy on the way appended to it.
//
// Only what trusted proxies wrote counts: from the right, the first address that is none of theirs. Everything left of
// it may have been made up by whoever asked. Several such headers count as one list, in their order. Entries are
// addresses, with or without a port; IPv6 with or without brackets.

#include <optional>
#include <string_view>
#include <vector>

#include "common/base/address_range.h"
#include "common/base/result.h"

namespace bt::http {

// Nothing: the head has no such header. Where all entries are trusted proxies it is the leftmost. Error: InvalidHttp
// (remote), an entry that counts is no address ("unknown" is none either).
[[nodiscard]] Result<std::optional<Address>> forwarded_for(std::string_view head,
                                                           const std::vector<AddressRange>& proxies);

}  // namespace bt::http
