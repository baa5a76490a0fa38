#pragma once

// TLS around a stream of either world: an env::Stream over another env::Stream. Whoever speaks over it does not see
// the difference, but for what is said here.
//
//  - Client: on_connected comes when the handshake is finished and the certificate was verified, not before; until
//    then nothing is taken. Server: the stream counts as connected from the start; what send() leaves during the
//    handshake is followed by on_writable().
//  - on_closed: EndOfStream only after the peer's close_notify. A connection that ends without it is ConnectionReset,
//    since anybody on the way can cut it there; TlsFailed when a certificate or a record is refused.
//  - Destroying it says close_notify first, as far as the inner stream takes it at once.
//  - pause_reading(), and the bound of resume_reading(), which counts plaintext, take effect behind the bytes that have
//    arrived already (one receive buffer of the world).
//  - File ranges cannot be sent: the bytes must pass through us.
//  - No deadline of its own: a handshake that never ends is a connect that never ends to the owner.

#include <memory>
#include <string>

#include "common/crypto/tls.h"
#include "common/env/env.h"

namespace bt::env {

class SecureStream final : public Stream, private StreamHandler {
  public:
    // Client, to this host: `inner` is being connected.
    SecureStream(std::unique_ptr<Stream> inner, crypto::TlsClientContext& context, const std::string& host);
    // Server: `inner` was accepted.
    SecureStream(std::unique_ptr<Stream> inner, crypto::TlsServerContext& context);
    ~SecureStream() override;
    SecureStream(const SecureStream&) = delete;
    SecureStream& operator=(const SecureStream&) = delete;

    void set_handler(StreamHandler* handler) override { handler_ = handler; }
    void send(OutputQueue& queue, std::uint64_t max_bytes = UINT64_MAX) override;
    void take(OutputQueue& queue, std::uint64_t max_bytes, ByteBuffer& into) override;
    void pause_reading() override { inner_->pause_reading(); }
    void resume_reading(std::uint64_t max_bytes = UINT64_MAX) override;
    void reset_on_close() override {
        cut_ = true;
        inner_->reset_on_close();
    }
    [[nodiscard]] Endpoint local_endpoint() const override { return inner_->local_endpoint(); }
    [[nodiscard]] Endpoint remote_endpoint() const override { return inner_->remote_endpoint(); }

  private:
    void on_connected() override;
    void on_received(MutableByteView bytes) override;
    void on_writable() override;
    void on_closed(const Error& error) override;

    void flush() { inner_->send(session_.output()); }
    // Tells the handler what the session has found out; returns false when that destroyed us or the stream ended.
    [[nodiscard]] bool deliver_events();
    [[nodiscard]] bool deliver(const crypto::TlsEvent& event);
    void end_with(const Error& error);
    // Calls the handler; false when that destroyed us.
    template <class Call>
    [[nodiscard]] bool call(Call call_handler);

    std::unique_ptr<Stream> inner_;
    crypto::TlsSession session_;
    StreamHandler* handler_ = nullptr;
    bool is_client_;
    bool wants_room_ = false;  // the handler is owed an on_writable
    std::uint64_t may_read_ = UINT64_MAX;
    bool ended_ = false;         // the handler was told, or we are closing
    bool cut_ = false;           // no close_notify
    bool* destroyed_ = nullptr;  // set while the handler is being called
};

}  // namespace bt::env
