#pragma once

// Where a node takes connections: at one address, or at all of the machine's in both families, on one port.
//
// open(): with Families::Both and an unspecified IPv4 address there is a listener for IPv6 too, on the port of the
//   first; a machine without IPv6 goes on without it. A port that the world chose and that is taken over IPv6 is given
//   back for another, kPortTries times.
// Errors: AddressInUse, PermissionDenied, … of the family that could not be had. Nothing listens then.

#include <memory>
#include <vector>

#include "common/base/result.h"
#include "common/env/env.h"

namespace bt::engine {

enum class Families : std::uint8_t { One, Both };

inline constexpr int kPortTries = 16;

class Listeners {
  public:
    [[nodiscard]] Status open(env::Env& env, const Endpoint& local, Families families,
                              const env::AcceptCallback& on_accept);
    void close() { listeners_.clear(); }
    // The first is the one that was asked for, with its port; empty before open().
    [[nodiscard]] std::vector<Endpoint> endpoints() const;

  private:
    std::vector<std::unique_ptr<env::Listener>> listeners_;
};

}  // namespace bt::engine
