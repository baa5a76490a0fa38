#pragma once

// A world for one server: time is set by hand, streams are made by the test, which sees what was sent and decides how
// much room there is. Nothing runs by itself.

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/env/env.h"
#include "tests/support/catch.h"

namespace bt::test {

class FakeStream;

// The test's end of a connection; lives on when the node destroys its stream.
struct FakeLink {
    env::StreamHandler* handler = nullptr;
    FakeStream* stream = nullptr;  // null once the node has closed it
    std::string sent;
    std::uint64_t room = UINT64_MAX;  // what the reader still takes
    bool paused = false;
    bool wants_writable = false;
    bool reset = false;  // the node cut it off, or will when it closes it

    [[nodiscard]] bool is_open() const { return stream != nullptr; }
    void deliver(std::string_view text) {
        REQUIRE_FALSE(paused);
        ByteBuffer bytes = to_buffer(as_bytes(text));
        handler->on_received(bytes);
    }
    void give_room(std::uint64_t bytes) {
        room = bytes;
        if (!wants_writable) return;
        wants_writable = false;
        handler->on_writable();
    }
};

class FakeStream final : public env::Stream {
  public:
    FakeStream(FakeLink& link, Endpoint remote) : link_(link), remote_(remote) { link_.stream = this; }
    ~FakeStream() override {
        link_.stream = nullptr;
        link_.handler = nullptr;
    }
    void set_handler(env::StreamHandler* handler) override { link_.handler = handler; }
    void send(OutputQueue& queue, std::uint64_t) override {
        while (!queue.empty() && link_.room > 0) {
            const ByteView bytes = std::get<ByteView>(queue.segment(0));
            const std::uint64_t n = std::min<std::uint64_t>(bytes.size(), link_.room);
            link_.sent += as_text(bytes.first(static_cast<std::size_t>(n)));
            link_.room -= n;
            queue.mark_sent(n);
        }
        link_.wants_writable = !queue.empty();
    }
    void take(OutputQueue&, std::uint64_t, ByteBuffer&) override { BT_CHECK(false); }  // a tracker encrypts nothing
    void pause_reading() override { link_.paused = true; }
    void resume_reading(std::uint64_t) override { link_.paused = false; }
    void reset_on_close() override { link_.reset = true; }
    [[nodiscard]] Endpoint local_endpoint() const override { return {Address::v4({127, 0, 0, 1}), 6969}; }
    [[nodiscard]] Endpoint remote_endpoint() const override { return remote_; }

  private:
    FakeLink& link_;
    Endpoint remote_;
};

class FakeEnv final : public env::Env {
  public:
    [[nodiscard]] TimePoint now() const override { return now_; }

    [[nodiscard]] std::unique_ptr<env::Timer> make_timer(std::function<void()> on_deadline) override {
        return std::make_unique<FakeTimer>(*this, std::move(on_deadline));
    }
    [[nodiscard]] Result<std::unique_ptr<env::Listener>> listen(const Endpoint& local,
                                                                env::AcceptCallback on_accept) override {
        if (local.port == 1) return fail(system_error(EADDRINUSE, local.to_string()));
        on_accept_ = std::move(on_accept);
        return std::make_unique<FakeListener>(*this, local, next_port++);
    }
    [[nodiscard]] std::unique_ptr<env::Stream> connect(const Endpoint&, std::optional<Endpoint>) override {
        FAIL("a tracker does not dial");
        return nullptr;
    }
    [[nodiscard]] Result<std::unique_ptr<env::Datagram>> open_datagram(const Endpoint& local,
                                                                       env::DatagramHandler& handler) override {
        if (taken_udp_ports.contains(local.port)) return fail(system_error(EADDRINUSE, local.to_string()));
        return std::make_unique<FakeDatagram>(*this, local, handler);
    }
    [[nodiscard]] std::unique_ptr<env::Lookup> resolve(const std::string&, std::uint16_t,
                                                       env::LookupCallback) override {
        FAIL("a tracker looks up no names");
        return nullptr;
    }
    [[nodiscard]] env::Disk& disk() override {
        FAIL("a tracker has no disk");
        std::abort();
    }

    // A connection from 127.0.0.<last>.
    FakeLink& dial(Byte last = 1) {
        FakeLink& link = links_.emplace_back();
        const Endpoint remote{Address::v4({127, 0, 0, last}), 40000};
        on_accept_(std::make_unique<FakeStream>(link, remote));
        return link;
    }
    // A datagram from 127.0.0.<last> to the socket that was opened last; what was sent is in `datagrams`.
    void send_datagram(ByteView bytes, Byte last = 1) {
        REQUIRE(datagram_ != nullptr);
        ByteBuffer copy = to_buffer(bytes);
        datagram_->handler.on_datagram(copy, {Address::v4({127, 0, 0, last}), 40000});
    }
    std::vector<ByteBuffer> datagrams;
    std::set<std::uint16_t> taken_udp_ports;
    std::uint16_t next_port = 40404;
    [[nodiscard]] bool has_datagram() const { return datagram_ != nullptr; }
    [[nodiscard]] bool is_listening() const { return static_cast<bool>(on_accept_); }

    // Time goes on; timers fire when they are due, those due at once in the order in which they were made.
    void advance(Duration step) {
        const TimePoint end = now_ + step;
        for (FakeTimer* timer = next_timer(); timer != nullptr && timer->deadline <= end; timer = next_timer()) {
            now_ = std::max(now_, timer->deadline);
            timer->deadline = kNever;
            timer->fire();
        }
        now_ = end;
    }

  private:
    struct FakeTimer final : env::Timer {
        FakeTimer(FakeEnv& e, std::function<void()> f) : env(e), fire(std::move(f)) { env.timers_.push_back(this); }
        ~FakeTimer() override { std::erase(env.timers_, this); }
        void arm(TimePoint when) override { deadline = when; }
        void cancel() override { deadline = kNever; }
        FakeEnv& env;
        std::function<void()> fire;
        TimePoint deadline = kNever;
    };
    struct FakeListener final : env::Listener {
        FakeListener(FakeEnv& e, Endpoint l, std::uint16_t port) : env(e), local(l) {
            if (local.port == 0) local.port = port;
        }
        ~FakeListener() override { env.on_accept_ = nullptr; }
        [[nodiscard]] Endpoint local_endpoint() const override { return local; }
        FakeEnv& env;
        Endpoint local;
    };

    struct FakeDatagram final : env::Datagram {
        FakeDatagram(FakeEnv& e, Endpoint l, env::DatagramHandler& h) : env(e), local(l), handler(h) {
            env.datagram_ = this;
        }
        ~FakeDatagram() override { env.datagram_ = nullptr; }
        [[nodiscard]] Status send_to(ByteView bytes, const Endpoint&) override {
            env.datagrams.push_back(to_buffer(bytes));
            return {};
        }
        [[nodiscard]] Endpoint local_endpoint() const override { return local; }
        FakeEnv& env;
        Endpoint local;
        env::DatagramHandler& handler;
    };

    [[nodiscard]] FakeTimer* next_timer() const {
        const auto next = std::ranges::min_element(timers_, {}, [](const FakeTimer* timer) { return timer->deadline; });
        return next == timers_.end() ? nullptr : *next;
    }

    TimePoint now_;
    std::vector<FakeTimer*> timers_;
    env::AcceptCallback on_accept_;
    FakeDatagram* datagram_ = nullptr;
    std::deque<FakeLink> links_;
};

}  // namespace bt::test
