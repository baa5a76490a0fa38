#pragma once

// What client and seeder read from the machine before they start: the torrent file, a list of peers, randomness, and
// which running time of the machine this is.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/meta/metainfo.h"

namespace bt::app {

// Error: the system's, LimitReached over 16 MiB, InvalidBencode or InvalidMetainfo; the detail begins with the path.
[[nodiscard]] Result<std::shared_ptr<const meta::Metainfo>> load_metainfo(const std::string& path);

// One ip:port a line; empty lines and lines that start with '#' are passed over. Error: InvalidArgument, "PATH:LINE:
// what".
[[nodiscard]] Result<std::vector<Endpoint>> load_peers_file(const std::string& path);

// A seed from the kernel, for runs that need not be repeated.
[[nodiscard]] std::uint64_t entropy_seed();

// The kernel's name for the time since it started; empty where it has none. Resume data leans on it.
[[nodiscard]] std::string boot_id();

[[nodiscard]] bool is_folder(const std::string& path);

}  // namespace bt::app
