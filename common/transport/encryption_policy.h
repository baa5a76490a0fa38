#pragma once

// The words of stream encryption (Message Stream Encryption, MSE) for everybody above it.
//
// EncryptionPolicy: what a node does about it, in both directions.
//   Prefer   incoming: plain and encrypted alike are welcome. Outgoing: the way that this peer is known to need,
//            otherwise encrypted first; a peer that closes on one way before its handshake is tried the other way.
//   Require  incoming: a plain handshake is refused. Outgoing: encrypted only. The stream behind the handshake is RC4
//            too, never plaintext.
//   Off      incoming: an encrypted handshake is refused. Outgoing: plain only.

#include <cstdint>

namespace bt::transport {

enum class EncryptionPolicy : std::uint8_t { Prefer, Require, Off };

// What became of one stream: no MSE at all, an MSE handshake with plaintext behind it, or RC4 throughout. Users know
// the last as the flag E, the one before as e.
enum class StreamCrypto : std::uint8_t { None, Plaintext, Rc4 };
[[nodiscard]] constexpr const char* stream_crypto_name(StreamCrypto crypto) {
    switch (crypto) {
        case StreamCrypto::None:
            return "none";
        case StreamCrypto::Plaintext:
            return "plaintext";
        case StreamCrypto::Rc4:
            return "rc4";
    }
    return "none";
}

// How a peer is dialled.
enum class DialWay : std::uint8_t { Plain, Encrypted };

}  // namespace bt::transport
