#include "common/env/secure_stream.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace bt::env {

SecureStream::SecureStream(std::unique_ptr<Stream> inner, crypto::TlsClientContext& context,
                           const std::string& host)
    : inner_(std::move(inner)), session_(context, host), is_client_(true) {
    inner_->set_handler(this);
}

SecureStream::SecureStream(std::unique_ptr<Stream> inner, crypto::TlsServerContext& context)
    : inner_(std::move(inner)), session_(context), is_client_(false) {
    inner_->set_handler(this);
}

SecureStream::~SecureStream() {
    if (destroyed_ != nullptr) *destroyed_ = true;
    if (ended_ || cut_ || !session_.is_ready()) return;
    session_.close();
    flush();
}

template <class Call>
bool SecureStream::call(Call call_handler) {
    BT_CHECK(handler_ != nullptr);
    bool destroyed = false;
    bool* const outer = std::exchange(destroyed_, &destroyed);
    call_handler(*handler_);
    if (destroyed) {
        if (outer != nullptr) *outer = true;
        return false;
    }
    destroyed_ = outer;
    return true;
}

void SecureStream::send(OutputQueue& queue, std::uint64_t max_bytes) {
    if (ended_) return;
    std::uint64_t allowed = max_bytes;
    while (session_.is_ready() && !queue.empty() && allowed > 0) {
        const OutputQueue::Segment segment = queue.segment(0);
        const auto* bytes = std::get_if<ByteView>(&segment);
        BT_CHECK(bytes != nullptr);  // a file range
        const std::size_t taken =
            session_.send(bytes->first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes->size(), allowed))));
        queue.mark_sent(taken);
        allowed -= taken;
        flush();
        if (taken == 0) break;
    }
    const bool waits_for_handshake = !session_.is_ready() && !is_client_;
    if (!queue.empty() && allowed > 0 && (session_.is_ready() || waits_for_handshake)) wants_room_ = true;
}

void SecureStream::take(OutputQueue& queue, std::uint64_t max_bytes, ByteBuffer& into) {
    if (ended_) return;
    inner_->take(queue, max_bytes, into);
    if (!queue.empty()) wants_room_ = true;  // it may wait for a file
}

void SecureStream::resume_reading(std::uint64_t max_bytes) {
    if (ended_) return;
    may_read_ = max_bytes;
    inner_->resume_reading(max_bytes == 0 ? 0 : UINT64_MAX);
}

void SecureStream::on_connected() { flush(); }

void SecureStream::on_received(MutableByteView bytes) {
    if (ended_) return;
    session_.receive(bytes);
    if (deliver_events()) flush();
}

void SecureStream::on_writable() {
    if (ended_) return;
    flush();
    const bool has_room = session_.is_ready() && session_.output().size() < crypto::kMaxTlsOutput;
    if (wants_room_ && has_room) {
        wants_room_ = false;
        (void)call([](StreamHandler& handler) { handler.on_writable(); });
    }
}

void SecureStream::on_closed(const Error& error) {
    if (ended_) return;
    if (error.code != ErrorCode::EndOfStream) return end_with(error);
    end_with(remote_error(ErrorCode::ConnectionReset, session_.is_ready()
                                                          ? "the connection ended without the end that TLS demands"
                                                          : "the connection ended during the TLS handshake"));
}

bool SecureStream::deliver_events() {
    while (const auto event = session_.poll_event()) {
        if (!deliver(*event)) return false;
    }
    return true;
}

bool SecureStream::deliver(const crypto::TlsEvent& event) {
    if (const auto* plaintext = std::get_if<crypto::PlaintextReceived>(&event)) {
        may_read_ -= std::min<std::uint64_t>(may_read_, plaintext->bytes.size());
        if (may_read_ == 0) inner_->pause_reading();
        return call([&](StreamHandler& handler) { handler.on_received(plaintext->bytes); });
    }
    flush();
    if (const auto* failed = std::get_if<crypto::TlsFailed>(&event)) {
        inner_->pause_reading();
        end_with(failed->error);
        return false;
    }
    if (std::holds_alternative<crypto::PeerClosed>(event)) {
        inner_->pause_reading();
        end_with(remote_error(ErrorCode::EndOfStream, "closed by the other side"));
        return false;
    }
    if (is_client_) return call([](StreamHandler& handler) { handler.on_connected(); });
    if (!std::exchange(wants_room_, false)) return true;
    return call([](StreamHandler& handler) { handler.on_writable(); });
}

void SecureStream::end_with(const Error& error) {
    ended_ = true;
    const Error copy = error;
    (void)call([&](StreamHandler& handler) { handler.on_closed(copy); });
}

}  // namespace bt::env
