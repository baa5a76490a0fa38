#pragma once

// The 68-byte handshake (BEP 3): 19, "BitTorrent protocol", 8 reserved bytes, info_hash, peer_id.

#include <array>
#include <cstdint>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/base/types.h"

namespace bt::wire {

inline constexpr std::size_t kHandshakeSize = 68;

struct Handshake {
    std::array<Byte, 8> reserved{};
    InfoHash info_hash{};
    PeerId peer_id{};

    [[nodiscard]] bool has_extensions() const { return (reserved[5] & 0x10) != 0; }  // BEP 10
    [[nodiscard]] bool has_fast() const { return (reserved[7] & 0x04) != 0; }        // BEP 6
    void set_extensions() { reserved[5] |= 0x10; }
    void set_fast() { reserved[7] |= 0x04; }

    [[nodiscard]] std::array<Byte, kHandshakeSize> encode() const;
};

// Reads a handshake that arrives in any cuts; wrong bytes are refused as soon as they are seen, not after 68.
// The info_hash is known 20 bytes before the peer_id: an accepting side may answer then.
class HandshakeReader {
  public:
    // Takes at most what is missing from the front of `bytes` and answers how many it took.
    // Error: HandshakeRefused (remote), with the offset within the handshake; it is the answer from then on.
    [[nodiscard]] Result<std::size_t> receive(ByteView bytes);
    [[nodiscard]] std::optional<InfoHash> info_hash() const;   // once 48 bytes are in
    [[nodiscard]] std::optional<Handshake> handshake() const;  // once 68 bytes are in

  private:
    std::array<Byte, kHandshakeSize> bytes_{};
    std::size_t size_ = 0;
    bool wrong_ = false;  // the byte behind size_ was refused
};

}  // namespace bt::wire
