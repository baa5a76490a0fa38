#pragma once

// Connection ids of BEP 15 that need no memory: the second they were made, and a keyed MAC over that and the address
// they were sent to. Pure; the key is handed in and never leaves.
//
// Rules
//  - An id is good from the second it was made for kIdLifetime and `grace` (BEP 15: a tracker accepts it for two
//    minutes). With `lenient` it stays good as long as the tracker runs: some clients keep one for hours.
//  - Bound to the address, not to the port: a client may ask from several sockets, and address translation changes the
//    port under it. Another address never passes, in either mode, nor does an id from the future.
//  - 32 bits of MAC are checked in a time that does not depend on them.
// Cost: one SipHash of 20 bytes, no allocation.

#include <cstdint>

#include "common/base/endpoint.h"
#include "common/base/time.h"
#include "common/crypto/siphash.h"

namespace bt::tracker {

inline constexpr Duration kIdLifetime = seconds(120);

struct ConnectionIdSettings {
    Duration grace = Duration::zero();
    bool lenient = false;
};

class ConnectionIds {
  public:
    ConnectionIds(const crypto::SipKey& key, ConnectionIdSettings settings) : key_(key), settings_(settings) {}

    [[nodiscard]] std::uint64_t make(const Address& address, TimePoint now) const;
    [[nodiscard]] bool is_good(std::uint64_t id, const Address& address, TimePoint now) const;
    // As the configuration is read again.
    void set(ConnectionIdSettings settings) { settings_ = settings; }

  private:
    [[nodiscard]] std::uint32_t mac(std::uint32_t second, const Address& address) const;

    crypto::SipKey key_;
    ConnectionIdSettings settings_;
};

}  // namespace bt::tracker
