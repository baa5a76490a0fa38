#pragma once

// What a peer may not say: the error that ends its connection. Pure.

#include <string>
#include <utility>

#include "common/base/result.h"

namespace bt::swarm {

[[nodiscard]] inline std::unexpected<Error> breach(std::string what) {
    return fail(remote_error(ErrorCode::ProtocolViolation, std::move(what)));
}

}  // namespace bt::swarm
