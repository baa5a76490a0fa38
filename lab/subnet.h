#pragma once

// A /24 of 127.0.0.0/8 that belongs to one run for as long as the object lives, so that labs side by side never meet.
//
// The claim is a socket bound to .254 of the range on one fixed port: another lab's bind fails there, and the kernel
// releases it with the process, however that ends. Ranges are tried in an order given by the generator, from
// 127.16.0 to 127.250.255: away from 127.0.x and 127.1.x, where other software listens.

#include <string>

#include "common/base/result.h"
#include "common/base/rng.h"
#include "common/net/socket.h"

namespace bt::lab {

class Subnet {
  public:
    static constexpr std::uint16_t kClaimPort = 47'254;
    static constexpr int kAttempts = 64;

    // Error: ConnectFailed (System) where loopback addresses cannot be bound at all, else AddressInUse.
    [[nodiscard]] static Result<Subnet> claim(Rng& rng);

    [[nodiscard]] const std::string& prefix() const { return prefix_; }  // "127.33.7"

  private:
    Subnet(std::string prefix, net::Fd claim) : prefix_(std::move(prefix)), claim_(std::move(claim)) {}

    std::string prefix_;
    net::Fd claim_;
};

}  // namespace bt::lab
