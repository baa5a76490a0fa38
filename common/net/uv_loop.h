#pragma once

// Owner of one libuv loop and of what all its users share.
//
//  - One thread: the one that calls run() or run_turn(). Only Wakeup::signal() may be called from elsewhere.
//  - Whatever lives on the loop (streams, timers, the disk, …) is destroyed before the loop. Memory of libuv handles
//    is freed in their close callbacks; the destructor of the loop waits for those.
//  - libuv runs callbacks inside its own C frames, so nothing that is called from here may throw.

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/time.h"
#include "common/net/datagram_batch.h"

namespace bt::net {

class Deferred;

class UvLoop {
  public:
    UvLoop();
    // For a thread of its own, with the clock of another loop: the now() of both are the same.
    struct SameClockAs {
        const UvLoop& loop;
    };
    explicit UvLoop(SameClockAs other);
    ~UvLoop();
    UvLoop(const UvLoop&) = delete;
    UvLoop& operator=(const UvLoop&) = delete;

    // Turns until stop() is called.
    void run();
    // The turn that is running is the last one; from inside a callback.
    void stop();
    // One turn; waits for something to happen.
    void run_turn();
    // One turn of what is ready now.
    void run_ready_turn();

    // Time since the loop was made.
    [[nodiscard]] TimePoint now() const;
    // The same instant on the clock of uv_now(), in whole milliseconds, rounded up.
    [[nodiscard]] std::uint64_t loop_milliseconds(TimePoint time) const;

    [[nodiscard]] uv_loop_t* raw() { return &loop_; }

    // 256 KiB each, for the length of one callback: what a socket received, and file content on its way to a socket.
    [[nodiscard]] MutableByteView receive_buffer() { return receive_buffer_; }
    [[nodiscard]] MutableByteView send_buffer() { return send_buffer_; }
    // Datagrams that came, for the length of one callback.
    [[nodiscard]] ReceiveBatch& receive_batch() { return receive_batch_; }

  private:
    friend class Deferred;
    void schedule(Deferred& item);
    void run_deferred();

    uv_loop_t loop_{};
    uv_idle_t idle_{};
    std::uint64_t start_ns_ = 0;
    bool stopped_ = false;
    ByteBuffer receive_buffer_;
    ByteBuffer send_buffer_;
    ReceiveBatch receive_batch_;
    Deferred* first_ = nullptr;  // scheduled, in order
    Deferred* last_ = nullptr;
    Deferred* running_ = nullptr;  // rest of the batch that is being run
};

// A callback at the next turn of the loop: how a call answers "later" when it knows the answer now. At most once per
// schedule(); cancelled by destruction, which may happen inside the callback.
class Deferred {
  public:
    Deferred(UvLoop& loop, std::function<void()> callback) : loop_(loop), callback_(std::move(callback)) {}
    ~Deferred() { cancel(); }
    Deferred(const Deferred&) = delete;
    Deferred& operator=(const Deferred&) = delete;

    void schedule();
    void cancel();
    [[nodiscard]] bool is_scheduled() const { return list_ != nullptr; }

  private:
    friend class UvLoop;
    UvLoop& loop_;
    std::function<void()> callback_;
    Deferred** list_ = nullptr;  // head of the list that it stands in
    Deferred* previous_ = nullptr;
    Deferred* next_ = nullptr;
};

// Calls back on the loop thread after signal() from any thread; several signals may become one call.
class Wakeup {
  public:
    Wakeup(UvLoop& loop, std::function<void()> callback);
    ~Wakeup();
    Wakeup(const Wakeup&) = delete;
    Wakeup& operator=(const Wakeup&) = delete;

    void signal();

  private:
    struct Handle;
    Handle* handle_;
};

// Watches a descriptor with uv_poll_t. Does not own the descriptor, which may be closed right after the destruction.
// The callback may destroy the poller.
class Poller {
  public:
    using Callback = void (*)(void* owner, int status, int events);

    Poller(UvLoop& loop, int fd, void* owner, Callback callback);
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // errno value where the descriptor cannot be watched, else 0.
    [[nodiscard]] int error() const { return error_; }
    // UV_READABLE | UV_WRITABLE | UV_DISCONNECT; 0 stops. No system call when nothing changes.
    void watch(int events);
    [[nodiscard]] int watched() const { return events_; }

  private:
    struct Handle;
    Handle* handle_;
    int error_ = 0;
    int events_ = 0;
};

}  // namespace bt::net
