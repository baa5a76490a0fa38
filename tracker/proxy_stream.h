#pragma once

// A connection from a proxy that says first whose it is (PROXY protocol): an env::Stream over another, without that
// header, which comes from where the header says.
//
// Rules
//  - Until the header is whole nothing is delivered, and remote_endpoint() is the proxy.
//  - A connection that begins otherwise ends: on_closed with InvalidHttp (remote).
//  - No deadline of its own: who waits for a request waits for the header too.

#include <memory>

#include "common/env/env.h"

namespace bt::tracker {

class ProxyStream final : public env::Stream, private env::StreamHandler {
  public:
    explicit ProxyStream(std::unique_ptr<env::Stream> inner);

    void set_handler(env::StreamHandler* handler) override { handler_ = handler; }
    void send(OutputQueue& queue, std::uint64_t max_bytes = UINT64_MAX) override { inner_->send(queue, max_bytes); }
    void take(OutputQueue& queue, std::uint64_t max_bytes, ByteBuffer& into) override {
        inner_->take(queue, max_bytes, into);
    }
    void pause_reading() override { inner_->pause_reading(); }
    void resume_reading(std::uint64_t max_bytes = UINT64_MAX) override { inner_->resume_reading(max_bytes); }
    void reset_on_close() override { inner_->reset_on_close(); }
    void closes_behind_queue() override { inner_->closes_behind_queue(); }
    [[nodiscard]] Endpoint local_endpoint() const override { return inner_->local_endpoint(); }
    [[nodiscard]] Endpoint remote_endpoint() const override { return source_; }

  private:
    void on_connected() override {}
    void on_received(MutableByteView bytes) override;
    void on_writable() override { handler_->on_writable(); }
    void on_closed(const Error& error) override { handler_->on_closed(error); }

    std::unique_ptr<env::Stream> inner_;
    env::StreamHandler* handler_ = nullptr;
    Endpoint source_;
    ByteBuffer header_;  // as far as it has come
    bool is_open_ = false;
    bool has_failed_ = false;
};

}  // namespace bt::tracker
