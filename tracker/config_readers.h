#pragma once

// The parts of load_config: each reads its keys of a table into the settings, or says with file and line what is wrong.
// Which keys a table may have is checked by the caller, but for tables below it.

#include "common/app/config_tree.h"
#include "tracker/config.h"

namespace bt::tracker {

inline constexpr std::size_t kMaxListFile = 64u << 20;  // bytes of a file of info_hashes or passkeys
inline constexpr std::size_t kMaxPasskey = 128;         // characters
inline constexpr std::size_t kMaxWords = 1'000;         // bytes of trackerId and warning
inline constexpr Duration kLongestTime = std::chrono::hours(24);

// config_lists.cpp
[[nodiscard]] Result<Address> read_address(const app::ConfigTable& table, std::string_view key,
                                           const std::string& text);
// One address or a list of them.
[[nodiscard]] Result<std::vector<Address>> read_addresses(const app::ConfigTable& table, std::string_view key);
[[nodiscard]] Result<std::vector<AddressRange>> read_ranges(const app::ConfigTable& table, std::string_view key);
// peers = [...]
[[nodiscard]] Result<std::vector<KnownPeer>> read_peers(const app::ConfigTable& table);
// torrentFile, allow, allowFile, deny, denyFile, passkeys, passkeyFile, [[torrents]]
[[nodiscard]] Status read_torrents(const app::ConfigFile& file, const app::ConfigTable& root, Config& config);
[[nodiscard]] Status read_passkeys(const app::ConfigFile& file, const app::ConfigTable& root, Config& config);

// config_doors.cpp: port, bind, [http], [https], [udp]
[[nodiscard]] Status read_doors(const app::ConfigFile& file, const app::ConfigTable& root, Config& config);

}  // namespace bt::tracker
