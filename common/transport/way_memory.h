#pragma once

// How one peer has to be dialled, plain or encrypted, as learned by dialling it.
//
// Encrypted comes first under Prefer: that is what the word promises, many public peers take nothing else and never
// answer a plain handshake, and whoever watches the line has seen it once it was plain. A peer that speaks only plain
// (teaching peers, some small clients) costs one refused stream, once: what worked is remembered and is first from
// then on.
//
// on_refused  of a stream that was connected and ended before the peer's handshake: is the other way still to be tried
//             now? Both ways refused are one failed dial, and the next one starts as the policy says.
// on_accepted the peer's handshake came.
// Cost: 2 bytes a peer.

#include <cstdint>
#include <optional>

#include "common/transport/encryption_policy.h"

namespace bt::transport {

class WayMemory {
  public:
    [[nodiscard]] DialWay next(EncryptionPolicy policy) const {
        if (policy == EncryptionPolicy::Off) return DialWay::Plain;
        if (policy == EncryptionPolicy::Require) return DialWay::Encrypted;
        if (refused_ != Memory::Nothing) return refused_ == Memory::Plain ? DialWay::Encrypted : DialWay::Plain;
        return known_ == Memory::Plain ? DialWay::Plain : DialWay::Encrypted;
    }
    [[nodiscard]] bool on_refused(DialWay way, EncryptionPolicy policy) {
        if (policy != EncryptionPolicy::Prefer) return false;
        if (refused_ == Memory::Nothing) {
            refused_ = of(way);
            return true;
        }
        refused_ = Memory::Nothing;
        known_ = Memory::Nothing;
        return false;
    }
    void on_accepted(DialWay way) {
        known_ = of(way);
        refused_ = Memory::Nothing;
    }
    // The way that worked, if one has.
    [[nodiscard]] std::optional<DialWay> known() const {
        if (known_ == Memory::Nothing) return std::nullopt;
        return known_ == Memory::Plain ? DialWay::Plain : DialWay::Encrypted;
    }

  private:
    enum class Memory : std::uint8_t { Nothing, Plain, Encrypted };
    [[nodiscard]] static Memory of(DialWay way) { return way == DialWay::Plain ? Memory::Plain : Memory::Encrypted; }

    Memory known_ = Memory::Nothing;
    Memory refused_ = Memory::Nothing;  // in this round
};

}  // namespace bt::transport
