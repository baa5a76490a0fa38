#include "common/engine/encrypted_stream.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace bt::engine {

using transport::DialWay;
using transport::EncryptionPolicy;
using transport::Greeting;
using transport::MseHandshake;
using transport::StreamCrypto;

EncryptedStream::EncryptedStream(env::Env& env, std::unique_ptr<env::Stream> inner, StreamEncryption encryption,
                                 const InfoHash& skey)
    : env_(&env),
      inner_(std::move(inner)),
      encryption_(encryption),
      skey_(skey),
      mode_(encryption.way == DialWay::Plain ? Mode::Plain : Mode::Negotiating) {
    inner_->set_handler(this);
}

EncryptedStream::EncryptedStream(env::Env& env, std::unique_ptr<env::Stream> inner, StreamEncryption encryption,
                                 transport::SkeyLookup lookup)
    : env_(&env),
      inner_(std::move(inner)),
      encryption_(encryption),
      lookup_(std::move(lookup)),
      mode_(encryption.policy == EncryptionPolicy::Off ? Mode::Plain : Mode::Sniffing) {
    inner_->set_handler(this);
}

EncryptedStream::~EncryptedStream() {
    if (destroyed_ != nullptr) *destroyed_ = true;
}

StreamCrypto EncryptedStream::crypto() const { return cipher_ ? cipher_->method() : StreamCrypto::None; }

transport::MseMethods EncryptedStream::methods() const {
    return {.plaintext = encryption_.policy != EncryptionPolicy::Require, .rc4 = true};
}

void EncryptedStream::on_connected() {
    if (mode_ == Mode::Negotiating) {
        if (encryption_.policy == EncryptionPolicy::Prefer) answer_due_ = env_->now() + kFirstAnswerTimeout;
        handshake_ = std::make_unique<MseHandshake>(*skey_, methods(), encryption_.rng, env_->now());
        static_cast<void>(flush_own());
    }
    handler_->on_connected();
}

void EncryptedStream::on_received(MutableByteView bytes) {
    switch (mode_) {
        case Mode::Plain:
            return deliver(bytes);
        case Mode::Sniffing:
            return sniff(bytes);
        case Mode::Negotiating:
            return negotiate(bytes);
        case Mode::Sealed:
            return deliver(bytes);
        case Mode::Ended:
            return;
    }
}

void EncryptedStream::sniff(MutableByteView bytes) {
    ByteBuffer joined;
    if (!greeting_.empty()) {
        joined = std::exchange(greeting_, {});
        append(joined, bytes);
        bytes = joined;
    }
    switch (transport::classify_greeting(bytes)) {
        case Greeting::Unknown:
            greeting_.assign(bytes.begin(), bytes.end());
            return;
        case Greeting::Plain:
            if (encryption_.policy == EncryptionPolicy::Require) {
                return end_with(
                    remote_error(ErrorCode::HandshakeRefused, "a plain handshake, and we require encryption"));
            }
            mode_ = Mode::Plain;
            return deliver(bytes);
        case Greeting::Encrypted:
            mode_ = Mode::Negotiating;
            handshake_ = std::make_unique<MseHandshake>(std::move(lookup_), methods(), encryption_.rng, env_->now());
            return negotiate(bytes);
    }
}

void EncryptedStream::negotiate(MutableByteView bytes) {
    BT_CHECK(handshake_ != nullptr);
    answer_due_ = kNever;
    const auto taken = handshake_->receive(bytes, env_->now());
    if (!taken) return end_with(taken.error());
    static_cast<void>(flush_own());
    if (auto agreed = handshake_->poll_event()) agree(std::move(*agreed), bytes.subspan(*taken));
}

void EncryptedStream::agree(transport::MseAgreed agreed, MutableByteView stream) {
    skey_ = agreed.skey;
    cipher_ = std::make_unique<transport::MseCipher>(agreed.cipher);
    handshake_.reset();
    mode_ = cipher_->method() == StreamCrypto::Rc4 ? Mode::Sealed : Mode::Plain;
    if (std::exchange(wants_room_, false)) {
        bool destroyed = false;
        destroyed_ = &destroyed;
        handler_->on_writable();
        if (destroyed) return;
        destroyed_ = nullptr;
    }
    if (!stream.empty()) deliver(stream);
}

// The last thing a caller does: the handler may destroy us.
void EncryptedStream::deliver(MutableByteView bytes) {
    if (cipher_ && cipher_->must_decrypt()) cipher_->decrypt(bytes);
    handler_->on_received(bytes);
}

void EncryptedStream::on_writable() {
    if (mode_ == Mode::Ended || !flush_own()) return;
    const bool owed = std::exchange(wants_room_, false);
    if (owed || mode_ == Mode::Plain) handler_->on_writable();
}

void EncryptedStream::on_closed(const Error& error) {
    if (std::exchange(mode_, Mode::Ended) != Mode::Ended) handler_->on_closed(error);
}

void EncryptedStream::end_with(const Error& error) {
    mode_ = Mode::Ended;
    answer_due_ = kNever;
    const Error copy = error;  // may be one of ours, and the handler may destroy us
    handler_->on_closed(copy);
}

bool EncryptedStream::flush_own() {
    while (handshake_ && !handshake_->pending_output().empty()) {
        const auto bytes = std::get<ByteView>(handshake_->pending_output().segment(0));
        own_output_.append_bytes(bytes);
        handshake_->mark_sent(bytes.size());
    }
    if (!own_output_.empty()) inner_->send(own_output_);
    return own_output_.empty();
}

void EncryptedStream::send(OutputQueue& queue, std::uint64_t max_bytes) {
    switch (mode_) {
        case Mode::Plain:
            if (own_output_.empty() || flush_own()) {
                inner_->send(queue, max_bytes);
            } else {
                wants_room_ = true;
            }
            return;
        case Mode::Sealed:
            return send_sealed(queue, max_bytes);
        case Mode::Negotiating:
            offer_payload(queue, max_bytes);
            return;
        case Mode::Sniffing:
            wants_room_ = wants_room_ || !queue.empty();
            return;
        case Mode::Ended:
            return;
    }
}

void EncryptedStream::offer_payload(OutputQueue& queue, std::uint64_t max_bytes) {
    while (handshake_ && !queue.empty() && max_bytes > 0) {
        const OutputQueue::Segment front = queue.segment(0);
        const auto* bytes = std::get_if<ByteView>(&front);
        if (bytes == nullptr) break;
        const std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(bytes->size(), max_bytes));
        const std::size_t taken = handshake_->add_payload(bytes->first(room));
        if (taken == 0) break;
        queue.mark_sent(taken);
        max_bytes -= taken;
    }
    wants_room_ = wants_room_ || (!queue.empty() && max_bytes > 0);
}

void EncryptedStream::send_sealed(OutputQueue& queue, std::uint64_t max_bytes) {
    ByteBuffer bytes;
    while (flush_own() && !queue.empty() && max_bytes > 0) {
        bytes.clear();
        inner_->take(queue, std::min(max_bytes, kSealedAtOnce), bytes);
        if (bytes.empty()) break;  // file content that is not there yet, or the stream's end
        max_bytes -= bytes.size();
        cipher_->encrypt(bytes);
        own_output_.append_bytes(bytes);
    }
    wants_room_ = !queue.empty() && max_bytes > 0;
}

}  // namespace bt::engine
