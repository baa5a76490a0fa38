#pragma once

// EncryptionPolicy: what a node does about Message Stream Encryption, in both directions.
//   Prefer   incoming: plain and encrypted alike are welcome. Outgoing: the way that this peer is known to need,
//            otherwise encrypted first; a peer that closes on one way before its handshake is tried the other way.
//   Require  incoming: a plain handshake is refused. Outgoing: encrypted only. The stream behind the handshake is RC4
//            too, never plaintext.
//   Off      incoming: an encrypted handshake is refused. Outgoing: plain only.

#include <cstdint>

namespace bt::transport {

enum class EncryptionPolicy : std::uint8_t { Prefer, Require, Off };

}  // namespace bt::transport
