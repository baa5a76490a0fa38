#pragma once

// Apart from storage_spec.h, because options of the client name it, and those are installed for other projects.

#include <cstdint>

namespace bt::storage {

// What becomes of wanted files that are there when a download is prepared.
enum class Existing : std::uint8_t {
    Use,      // they are the beginning of it
    Refuse,   // DiskError where one is there under its own name
    Discard,  // their content is thrown away. Only where there is a placement
};

}  // namespace bt::storage
