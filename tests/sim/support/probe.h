#pragma once

// One end of a simulated stream under test: sends what it is told to, keeps what it hears.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/env/env.h"
#include "lab/sim/sim_env.h"

namespace bt::sim {

class Probe final : public env::StreamHandler {
  public:
    explicit Probe(SimEnv& env) : env_(&env) {}

    void attach(std::unique_ptr<env::Stream> stream) {
        stream_ = std::move(stream);
        stream_->set_handler(this);
    }
    void dial(const Endpoint& remote) { attach(env_->connect(remote, std::nullopt)); }
    void send(ByteView bytes) {
        queue_.append_bytes(bytes);
        if (stream_) stream_->send(queue_);
    }
    void send(FileRange range) {
        queue_.append_file(range);
        if (stream_) stream_->send(queue_);
    }
    void close() { stream_.reset(); }

    [[nodiscard]] env::Stream& stream() { return *stream_; }
    [[nodiscard]] OutputQueue& queue() { return queue_; }
    [[nodiscard]] const ByteBuffer& received() const { return received_; }
    [[nodiscard]] std::optional<TimePoint> connected_at() const { return connected_at_; }
    [[nodiscard]] std::optional<TimePoint> last_received_at() const { return last_received_at_; }
    [[nodiscard]] std::optional<TimePoint> closed_at() const { return closed_at_; }
    [[nodiscard]] const std::optional<Error>& closed_with() const { return closed_with_; }
    [[nodiscard]] int writable_calls() const { return writable_calls_; }

    void on_connected() override {
        connected_at_ = env_->now();
        stream_->send(queue_);
    }
    void on_received(MutableByteView bytes) override {
        append(received_, bytes);
        last_received_at_ = env_->now();
    }
    void on_writable() override {
        ++writable_calls_;
        stream_->send(queue_);
    }
    void on_closed(const Error& error) override {
        closed_with_ = error;
        closed_at_ = env_->now();
    }

  private:
    SimEnv* env_;
    std::unique_ptr<env::Stream> stream_;
    OutputQueue queue_;
    ByteBuffer received_;
    std::optional<TimePoint> connected_at_;
    std::optional<TimePoint> last_received_at_;
    std::optional<TimePoint> closed_at_;
    std::optional<Error> closed_with_;
    int writable_calls_ = 0;
};

// Accepts streams on a port and keeps a probe for each.
class Acceptor {
  public:
    Acceptor(SimEnv& env, std::uint16_t port) : Acceptor(env, Endpoint{env.address(), port}) {}
    Acceptor(SimEnv& env, const Endpoint& local) : env_(&env) {
        auto listening = env.listen(local, [this](std::unique_ptr<env::Stream> stream) {
            accepted_.push_back(std::make_unique<Probe>(*env_));
            accepted_.back()->attach(std::move(stream));
        });
        listener_ = std::move(listening).value();
    }
    [[nodiscard]] Endpoint endpoint() const { return listener_->local_endpoint(); }
    [[nodiscard]] std::size_t count() const { return accepted_.size(); }
    [[nodiscard]] Probe& probe(std::size_t i = 0) { return *accepted_.at(i); }
    void stop() { listener_.reset(); }

  private:
    SimEnv* env_;
    std::unique_ptr<env::Listener> listener_;
    std::vector<std::unique_ptr<Probe>> accepted_;
};

[[nodiscard]] inline Address test_address(Byte last) { return Address::v4({10, 0, 0, last}); }

[[nodiscard]] inline ByteBuffer test_bytes(std::size_t size, std::uint64_t rng_seed = 7) {
    ByteBuffer bytes(size);
    Rng(rng_seed).fill(bytes);
    return bytes;
}

}  // namespace bt::sim
