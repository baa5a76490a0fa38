#pragma once

// Message Stream Encryption (the Azureus/Vuze specification, also called PE): the handshake, for either side.
//
//   A -> B  Ya, PadA
//   B -> A  Yb, PadB
//   A -> B  SHA1("req1" S), SHA1("req2" SKEY) xor SHA1("req3" S),
//           RC4(VC, crypto_provide, len PadC, PadC, len IA, IA)
//   B -> A  RC4(VC, crypto_select, len PadD, PadD), then the stream
// Ya, Yb: Diffie-Hellman keys (crypto/dh768.h), S what they agree on, SKEY the info_hash. RC4 keys are
// SHA1("keyA" S SKEY) for what A sends and SHA1("keyB" S SKEY) for what B sends, 1024 bytes thrown away. VC is 8 zeros.
//
// States: Key -> Sync -> (accepting: Skey -> Offer -> PadC) or (initiating: Select -> PadD) -> Done, or failed, which
// it stays. Rules:
//  - PadA and PadB are of unknown length: the other side's next words are searched for, over 512 bytes at most, so
//    endless padding ends. We send 0 to 512 random bytes. PadC and PadD are read up to 512 and sent empty.
//  - What the initiator is given by add_payload before the other side's key comes travels as IA, saving a round trip
//    (the peer wire handshake fits). IA is not collected by the accepting side: it is the start of the stream.
//  - plaintext is selected where the other side offers it and we may, otherwise RC4: the cipher costs more than all the
//    rest of an upload (crypto/rc4.h) and adds nothing against who reads the stream on purpose.
//  - Breaches are ProtocolViolation: a degenerate public key, wrong VC, pads over 512, nothing found in the padding, a
//    selection that was not offered. HandshakeRefused: an unknown SKEY, no common method, a peer that answers with
//    the plain handshake. TimedOut: not done 10 s after the start. All remote.
// Memory: under 1 KiB, freed with the handshake; nothing is allocated on the other side's word.
// Cost: two modular exponentiations, 3 to 5 SHA-1 and 2 RC4 key schedules; 70 us of CPU time a side (measured).

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/output_queue.h"
#include "common/base/result.h"
#include "common/base/rng.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "common/crypto/dh768.h"
#include "common/crypto/rc4.h"
#include "common/transport/encryption_policy.h"

namespace bt::transport {

inline constexpr std::size_t kMaxMsePadding = 512;
inline constexpr std::size_t kMaxInitialPayload = 65535;
inline constexpr Duration kMseTimeout = seconds(10);

// What the first bytes of an accepted stream are; Unknown until a byte differs from the plain handshake's 20 or all are
// there. Who begins as the plain handshake does for kGreetingCertain bytes is no random key that happens to do so: a
// broken plain handshake, which whoever reads handshakes refuses with its reason.
enum class Greeting : std::uint8_t { Unknown, Plain, Encrypted };
inline constexpr std::size_t kGreetingSize = 20;
inline constexpr std::size_t kGreetingCertain = 8;
[[nodiscard]] Greeting classify_greeting(ByteView first_bytes);

struct MseMethods {
    bool plaintext = true;
    bool rc4 = true;
};

// The info_hash whose mse_skey_hash() this is, if it is one of ours.
using SkeyLookup = std::function<std::optional<InfoHash>(const Sha1Digest& skey_hash)>;
[[nodiscard]] Sha1Digest mse_skey_hash(const InfoHash& info_hash);

// Both directions of the stream behind the handshake. Bytes in their order, each exactly once.
class MseCipher {
  public:
    MseCipher(StreamCrypto method, crypto::Rc4 incoming, crypto::Rc4 outgoing, std::size_t initial_payload)
        : method_(method), incoming_(incoming), outgoing_(outgoing), initial_payload_(initial_payload) {}

    void decrypt(MutableByteView received);
    void encrypt(MutableByteView to_send);  // nothing with Plaintext
    [[nodiscard]] StreamCrypto method() const { return method_; }
    // False: from here on decrypt() changes nothing any more.
    [[nodiscard]] bool must_decrypt() const { return method_ == StreamCrypto::Rc4 || initial_payload_ > 0; }

  private:
    StreamCrypto method_;
    crypto::Rc4 incoming_;
    crypto::Rc4 outgoing_;
    std::size_t initial_payload_;  // bytes of IA still to come; RC4 whatever was selected
};

struct MseAgreed {
    InfoHash skey{};
    MseCipher cipher;
};

class MseHandshake {
  public:
    // Initiating; at least one method.
    MseHandshake(const InfoHash& skey, MseMethods methods, Rng rng, TimePoint now);
    // Accepting.
    MseHandshake(SkeyLookup lookup, MseMethods methods, Rng rng, TimePoint now);

    // Takes what belongs to the handshake and answers how much that was; what is left is the stream.
    [[nodiscard]] Result<std::size_t> receive(ByteView bytes, TimePoint now);
    // Once, when it is done.
    [[nodiscard]] std::optional<MseAgreed> poll_event();
    [[nodiscard]] const OutputQueue& pending_output() const { return output_; }
    void mark_sent(std::uint64_t n) { output_.mark_sent(n); }
    // kNever once done or failed.
    [[nodiscard]] TimePoint next_deadline() const { return is_over() ? kNever : deadline_; }
    [[nodiscard]] Status on_deadline(TimePoint now);

    // Initiating, before the other side's key: goes out as IA. Answers how many bytes were taken (0 later on).
    [[nodiscard]] std::size_t add_payload(ByteView bytes);

    [[nodiscard]] bool is_done() const { return state_ == State::Done; }

  private:
    enum class State : std::uint8_t { Greeting, Key, Sync, Skey, Offer, PadC, Select, PadD, Done };

    MseHandshake(MseMethods methods, Rng rng, TimePoint now);
    void send_key();
    [[nodiscard]] Status advance();
    [[nodiscard]] Status on_key();
    [[nodiscard]] Status on_sync();
    [[nodiscard]] Status on_skey();
    [[nodiscard]] Status on_offer();
    [[nodiscard]] Status on_pad_c();
    [[nodiscard]] Status on_select();
    void send_offer();
    void derive_ciphers(const InfoHash& skey);
    void expect(State state, std::size_t bytes);
    void finish(StreamCrypto method, std::size_t initial_payload);
    [[nodiscard]] bool is_over() const { return state_ == State::Done || error_.has_value(); }

    bool initiating_ = false;
    SkeyLookup lookup_;
    MseMethods methods_;
    Rng rng_;
    crypto::Dh768 dh_;
    TimePoint deadline_;
    State state_ = State::Key;
    std::size_t wanted_ = 0;  // bytes in buffer_ that the state waits for
    ByteBuffer buffer_;
    OutputQueue output_;
    ByteBuffer payload_;  // IA
    crypto::Dh768Key secret_{};
    ByteBuffer needle_;          // what ends the padding
    std::size_t skipped_ = 0;    // bytes of padding
    std::uint32_t offered_ = 0;  // by the other side
    StreamCrypto selected_ = StreamCrypto::None;
    InfoHash skey_{};
    std::optional<crypto::Rc4> incoming_;
    std::optional<crypto::Rc4> outgoing_;
    std::optional<MseAgreed> agreed_;
    std::optional<Error> error_;
};

}  // namespace bt::transport
