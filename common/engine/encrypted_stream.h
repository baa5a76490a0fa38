#pragma once

// Message Stream Encryption between a peer's stream and its link: an env::Stream over another env::Stream. Whoever
// speaks over it says and hears the peer wire protocol and does not see which of the three it is: no encryption, an
// encrypted handshake with plaintext behind it, or RC4.
//
// Modes: Plain | Sniffing -> Plain or Negotiating | Negotiating -> Sealed or Plain | Ended.
//  - Outgoing, DialWay::Plain, and incoming under Off: Plain from the start.
//  - Outgoing, DialWay::Encrypted: on_connected comes when the inner stream is connected, as always. What is sent at
//    once (the handshake) travels inside the encrypted handshake; what is sent later waits for its end.
//  - Incoming: up to 20 bytes are looked at (transport/mse.h); a plain handshake under Require ends the stream.
//  - Sealed: file ranges are read through Stream::take and encrypted; at most 64 KiB of that waits for room. Received
//    bytes are decrypted in place.
//  - Plain and plaintext: send() and on_received() are handed on as they are, one call more and nothing else.
//  - Any breach ends the stream: on_closed with an error of the peer's fault.
//  - The deadlines of the handshake are the link's, but for one: under Prefer a dialled peer that says nothing at all
//    for 4 s does not understand us, and is better tried in plain (deadline()).
// Memory: the handshake while it lasts; then two RC4 states where there is RC4.

#include <functional>
#include <memory>
#include <optional>

#include "common/base/rng.h"
#include "common/base/types.h"
#include "common/env/env.h"
#include "common/transport/encryption_policy.h"
#include "common/transport/mse.h"

namespace bt::engine {

inline constexpr Duration kFirstAnswerTimeout = seconds(4);
inline constexpr std::uint64_t kSealedAtOnce = 64 * 1024;

// What a node decides for one stream.
struct StreamEncryption {
    transport::EncryptionPolicy policy = transport::EncryptionPolicy::Off;
    transport::DialWay way = transport::DialWay::Plain;  // outgoing
    Rng rng{0};                                          // for keys and padding
};

[[nodiscard]] inline StreamEncryption make_stream_encryption(transport::EncryptionPolicy policy, transport::DialWay way,
                                                             Rng& rng) {
    return {policy, way, policy == transport::EncryptionPolicy::Off ? Rng(0) : rng.fork(0)};
}

class EncryptedStream final : public env::Stream, private env::StreamHandler {
  public:
    // Outgoing: `inner` is being connected to a peer of the torrent `skey`.
    EncryptedStream(env::Env& env, std::unique_ptr<env::Stream> inner, StreamEncryption encryption,
                    const InfoHash& skey);
    // Incoming; lookup: which of our torrents is meant.
    EncryptedStream(env::Env& env, std::unique_ptr<env::Stream> inner, StreamEncryption encryption,
                    transport::SkeyLookup lookup);
    ~EncryptedStream() override;
    EncryptedStream(const EncryptedStream&) = delete;
    EncryptedStream& operator=(const EncryptedStream&) = delete;

    // What it has become; None also while it is not known yet.
    [[nodiscard]] transport::StreamCrypto crypto() const;
    [[nodiscard]] transport::DialWay way() const { return encryption_.way; }
    // The torrent that an encrypted handshake was about.
    [[nodiscard]] const std::optional<InfoHash>& skey() const { return skey_; }
    [[nodiscard]] TimePoint deadline() const { return answer_due_; }

    void set_handler(env::StreamHandler* handler) override { handler_ = handler; }
    void send(OutputQueue& queue, std::uint64_t max_bytes = UINT64_MAX) override;
    void take(OutputQueue& queue, std::uint64_t max_bytes, ByteBuffer& into) override {
        inner_->take(queue, max_bytes, into);
    }
    void pause_reading() override { inner_->pause_reading(); }
    void resume_reading(std::uint64_t max_bytes = UINT64_MAX) override { inner_->resume_reading(max_bytes); }
    void reset_on_close() override { inner_->reset_on_close(); }
    [[nodiscard]] Endpoint local_endpoint() const override { return inner_->local_endpoint(); }
    [[nodiscard]] Endpoint remote_endpoint() const override { return inner_->remote_endpoint(); }

  private:
    enum class Mode : std::uint8_t { Plain, Sniffing, Negotiating, Sealed, Ended };

    void on_connected() override;
    void on_received(MutableByteView bytes) override;
    void on_writable() override;
    void on_closed(const Error& error) override;

    [[nodiscard]] transport::MseMethods methods() const;
    void sniff(MutableByteView bytes);
    void negotiate(MutableByteView bytes);
    void agree(transport::MseAgreed agreed, MutableByteView stream);
    void deliver(MutableByteView bytes);
    // Sends our own bytes first; whether none are left.
    [[nodiscard]] bool flush_own();
    void send_sealed(OutputQueue& queue, std::uint64_t max_bytes);
    void offer_payload(OutputQueue& queue, std::uint64_t max_bytes);
    void end_with(const Error& error);

    env::Env* env_;
    std::unique_ptr<env::Stream> inner_;
    env::StreamHandler* handler_ = nullptr;
    StreamEncryption encryption_;
    transport::SkeyLookup lookup_;
    std::optional<InfoHash> skey_;
    Mode mode_;
    TimePoint answer_due_ = kNever;
    ByteBuffer greeting_;  // sniffed
    std::unique_ptr<transport::MseHandshake> handshake_;
    std::unique_ptr<transport::MseCipher> cipher_;  // also with plaintext, for the initial payload
    OutputQueue own_output_;                        // handshake and sealed bytes
    bool wants_room_ = false;                       // the handler is owed an on_writable
    bool* destroyed_ = nullptr;                     // while the handler is being called in between
};

}  // namespace bt::engine
