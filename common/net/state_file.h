#pragma once

// Small files that are read and replaced as a whole. They block; run them on the work pool.

#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace bt::net {

// LimitReached over max_size.
[[nodiscard]] Result<ByteBuffer> load_file(const std::string& path, std::uint64_t max_size);

// After this, and after a crash at any moment of it, the file is the old one or the new one: write beside, fdatasync,
// rename, fsync of the folder. Makes the folders.
[[nodiscard]] Status replace_file(const std::string& path, ByteView bytes);

// A missing file is not an error.
[[nodiscard]] Status remove_file(const std::string& path);

}  // namespace bt::net
