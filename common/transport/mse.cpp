#include "common/transport/mse.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/base/byte_cursor.h"
#include "common/base/check.h"
#include "common/crypto/hash.h"

namespace bt::transport {
namespace {

constexpr std::string_view kPlainGreeting =
    "\x13"
    "BitTorrent protocol";
static_assert(kPlainGreeting.size() == kGreetingSize);

constexpr std::array<Byte, 8> kVc{};
constexpr std::size_t kMethodsSize = 4 + 2;  // crypto_provide or crypto_select, length of the pad
constexpr std::size_t kLengthSize = 2;
constexpr std::size_t kDroppedKeyStream = 1024;
constexpr std::uint32_t kPlaintextBit = 1;
constexpr std::uint32_t kRc4Bit = 2;

Sha1Digest hash_of(std::string_view word, ByteView first, ByteView second = {}) {
    ByteBuffer message;
    append(message, word);
    append(message, first);
    append(message, second);
    return crypto::sha1(message);
}

Sha1Digest exclusive_or(const Sha1Digest& a, ByteView b) {
    Sha1Digest out{};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<Byte>(a[i] ^ b[i]);
    return out;
}

crypto::Rc4 make_cipher(std::string_view word, ByteView secret, const InfoHash& skey) {
    crypto::Rc4 cipher(hash_of(word, secret, skey));
    cipher.discard(kDroppedKeyStream);
    return cipher;
}

std::uint32_t bits_of(MseMethods methods) {
    return (methods.plaintext ? kPlaintextBit : 0) | (methods.rc4 ? kRc4Bit : 0);
}

Error breach(std::string what) { return remote_error(ErrorCode::ProtocolViolation, "encryption: " + std::move(what)); }

}  // namespace

Greeting classify_greeting(ByteView first_bytes) {
    const ByteView seen = first_bytes.first(std::min(first_bytes.size(), kGreetingSize));
    const ByteView plain = as_bytes(kPlainGreeting).first(seen.size());
    const std::size_t certain = std::min(seen.size(), kGreetingCertain);
    if (!equal_bytes(seen.first(certain), plain.first(certain))) return Greeting::Encrypted;
    return seen.size() == kGreetingSize || !equal_bytes(seen, plain) ? Greeting::Plain : Greeting::Unknown;
}

Sha1Digest mse_skey_hash(const InfoHash& info_hash) { return hash_of("req2", info_hash); }

void MseCipher::decrypt(MutableByteView received) {
    if (method_ == StreamCrypto::Rc4) {
        incoming_.apply(received);
        return;
    }
    const std::size_t of_payload = std::min(initial_payload_, received.size());
    incoming_.apply(received.first(of_payload));
    initial_payload_ -= of_payload;
}

void MseCipher::encrypt(MutableByteView to_send) {
    if (method_ == StreamCrypto::Rc4) outgoing_.apply(to_send);
}

MseHandshake::MseHandshake(MseMethods methods, Rng rng, TimePoint now)
    : methods_(methods), rng_(rng), dh_(rng_), deadline_(now + kMseTimeout) {
    BT_CHECK(methods.plaintext || methods.rc4);
}

MseHandshake::MseHandshake(const InfoHash& skey, MseMethods methods, Rng rng, TimePoint now)
    : MseHandshake(methods, rng, now) {
    initiating_ = true;
    skey_ = skey;
    send_key();
    expect(State::Greeting, kGreetingSize);
}

MseHandshake::MseHandshake(SkeyLookup lookup, MseMethods methods, Rng rng, TimePoint now)
    : MseHandshake(methods, rng, now) {
    lookup_ = std::move(lookup);
    expect(State::Key, crypto::kDh768KeySize);
}

void MseHandshake::send_key() {
    output_.append_bytes(dh_.public_key());
    ByteBuffer padding(rng_.below(kMaxMsePadding + 1));
    rng_.fill(padding);
    output_.append_bytes(padding);
}

std::size_t MseHandshake::add_payload(ByteView bytes) {
    if (!initiating_ || (state_ != State::Greeting && state_ != State::Key)) return 0;
    const std::size_t taken = std::min(bytes.size(), kMaxInitialPayload - payload_.size());
    append(payload_, bytes.first(taken));
    return taken;
}

Result<std::size_t> MseHandshake::receive(ByteView bytes, TimePoint now) {
    BT_TRY(on_deadline(now));
    std::size_t taken = 0;
    while (state_ != State::Done) {
        const std::size_t step = std::min(wanted_ - buffer_.size(), bytes.size() - taken);
        append(buffer_, bytes.subspan(taken, step));
        taken += step;
        if (buffer_.size() < wanted_) break;
        if (Status status = advance(); !status) {
            error_ = status.error();
            return fail(*error_);
        }
    }
    return taken;
}

Status MseHandshake::on_deadline(TimePoint now) {
    if (!is_over() && now >= deadline_) {
        error_ = remote_error(ErrorCode::TimedOut, "encryption: the handshake was not done within 10 s");
    }
    if (error_) return fail(*error_);
    return {};
}

std::optional<MseAgreed> MseHandshake::poll_event() { return std::exchange(agreed_, std::nullopt); }

void MseHandshake::expect(State state, std::size_t bytes) {
    state_ = state;
    wanted_ = bytes;
}

// buffer_ holds the bytes that the state waited for.
Status MseHandshake::advance() {
    switch (state_) {
        case State::Greeting:
            if (classify_greeting(buffer_) == Greeting::Plain) {
                return fail(remote_error(ErrorCode::HandshakeRefused, "the peer answered with a plain handshake"));
            }
            expect(State::Key, crypto::kDh768KeySize);
            return {};
        case State::Key:
            return on_key();
        case State::Sync:
            return on_sync();
        case State::Skey:
            return on_skey();
        case State::Offer:
            return on_offer();
        case State::PadC:
            return on_pad_c();
        case State::Select:
            return on_select();
        case State::PadD:
            incoming_->discard(buffer_.size());
            finish(selected_, 0);
            return {};
        case State::Done:
            break;
    }
    return {};
}

Status MseHandshake::on_key() {
    crypto::Dh768Key remote{};
    std::copy(buffer_.begin(), buffer_.end(), remote.begin());
    buffer_.clear();
    BT_TRY_ASSIGN(secret_, dh_.shared_secret(remote));
    if (initiating_) {
        send_offer();
    } else {
        send_key();
        const Sha1Digest announced = hash_of("req1", secret_);
        needle_.assign(announced.begin(), announced.end());
    }
    expect(State::Sync, needle_.size());
    return {};
}

void MseHandshake::derive_ciphers(const InfoHash& skey) {
    outgoing_ = make_cipher(initiating_ ? "keyA" : "keyB", secret_, skey);
    incoming_ = make_cipher(initiating_ ? "keyB" : "keyA", secret_, skey);
}

void MseHandshake::send_offer() {
    output_.append_bytes(hash_of("req1", secret_));
    output_.append_bytes(exclusive_or(mse_skey_hash(skey_), hash_of("req3", secret_)));
    derive_ciphers(skey_);
    ByteBuffer sealed;
    append(sealed, kVc);
    append_u32(sealed, bits_of(methods_));
    append_u16(sealed, 0);  // PadC
    append_u16(sealed, static_cast<std::uint16_t>(payload_.size()));
    append(sealed, payload_);
    outgoing_->apply(sealed);
    output_.append_bytes(sealed);
    // The other side's VC as it will look, which also puts the incoming cipher behind it.
    needle_.assign(kVc.begin(), kVc.end());
    incoming_->apply(needle_);
}

Status MseHandshake::on_sync() {
    if (equal_bytes(buffer_, needle_)) {
        buffer_.clear();
        if (initiating_) {
            expect(State::Select, kMethodsSize);
        } else {
            expect(State::Skey, sizeof(Sha1Digest));
        }
        return {};
    }
    if (++skipped_ > kMaxMsePadding) return fail(breach("no end of the padding within 512 bytes"));
    buffer_.erase(buffer_.begin());
    return {};
}

Status MseHandshake::on_skey() {
    const Sha1Digest skey_hash = exclusive_or(hash_of("req3", secret_), buffer_);
    buffer_.clear();
    const auto skey = lookup_(skey_hash);
    if (!skey) return fail(remote_error(ErrorCode::HandshakeRefused, "unknown info_hash"));
    skey_ = *skey;
    derive_ciphers(skey_);
    expect(State::Offer, kVc.size() + kMethodsSize);
    return {};
}

Status MseHandshake::on_offer() {
    incoming_->apply(buffer_);
    ByteReader reader(buffer_);
    if (!equal_bytes(*reader.take(kVc.size()), kVc)) return fail(breach("wrong verification constant"));
    offered_ = *reader.u32();
    const std::size_t padding = *reader.u16();
    buffer_.clear();
    if (padding > kMaxMsePadding) return fail(breach("PadC is longer than 512 bytes"));
    expect(State::PadC, padding + kLengthSize);
    return {};
}

Status MseHandshake::on_pad_c() {
    incoming_->apply(buffer_);
    const std::size_t initial_payload = load_u16(buffer_.data() + buffer_.size() - kLengthSize);
    const std::uint32_t common = offered_ & bits_of(methods_);
    if (common == 0) return fail(remote_error(ErrorCode::HandshakeRefused, "encryption: no method in common"));
    const bool plaintext = (common & kPlaintextBit) != 0;
    ByteBuffer sealed;
    append(sealed, kVc);
    append_u32(sealed, plaintext ? kPlaintextBit : kRc4Bit);
    append_u16(sealed, 0);  // PadD
    outgoing_->apply(sealed);
    output_.append_bytes(sealed);
    finish(plaintext ? StreamCrypto::Plaintext : StreamCrypto::Rc4, initial_payload);
    return {};
}

Status MseHandshake::on_select() {
    incoming_->apply(buffer_);
    const std::uint32_t selected = load_u32(buffer_.data());
    const std::size_t padding = load_u16(buffer_.data() + 4);
    buffer_.clear();
    if ((selected != kPlaintextBit && selected != kRc4Bit) || (selected & bits_of(methods_)) == 0) {
        return fail(breach("a method was selected that was not offered"));
    }
    if (padding > kMaxMsePadding) return fail(breach("PadD is longer than 512 bytes"));
    selected_ = selected == kRc4Bit ? StreamCrypto::Rc4 : StreamCrypto::Plaintext;
    expect(State::PadD, padding);
    return {};
}

void MseHandshake::finish(StreamCrypto method, std::size_t initial_payload) {
    state_ = State::Done;
    buffer_.clear();
    agreed_.emplace(MseAgreed{skey_, MseCipher(method, *incoming_, *outgoing_, initial_payload)});
}

}  // namespace bt::transport
