#include "common/net/uv_loop.h"

#include <algorithm>

#include "common/base/check.h"

namespace bt::net {

namespace {
constexpr std::size_t kSharedBufferSize = 256u << 10;
}

UvLoop::UvLoop() : receive_buffer_(kSharedBufferSize), send_buffer_(kSharedBufferSize) {
    BT_CHECK(uv_loop_init(&loop_) == 0);
    BT_CHECK(uv_idle_init(&loop_, &idle_) == 0);
    idle_.data = this;
    start_ns_ = uv_hrtime();
}

UvLoop::UvLoop(SameClockAs other) : UvLoop() { start_ns_ = other.loop.start_ns_; }

UvLoop::~UvLoop() {
    uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr);
    // A stop() outside of a turn makes the next uv_run() return at once.
    while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) {
    }
    // Not zero: somebody who lives on the loop was not destroyed before it.
    BT_CHECK(uv_loop_close(&loop_) == 0);
}

void UvLoop::run() {
    stopped_ = false;
    while (!stopped_) uv_run(&loop_, UV_RUN_ONCE);
}

// Timers are called before the turn waits for the sockets: without uv_stop() it would still wait then, for ever where
// nothing is to come.
void UvLoop::stop() {
    stopped_ = true;
    uv_stop(&loop_);
}

void UvLoop::run_turn() { uv_run(&loop_, UV_RUN_ONCE); }

void UvLoop::run_ready_turn() { uv_run(&loop_, UV_RUN_NOWAIT); }

TimePoint UvLoop::now() const { return TimePoint(Duration(uv_hrtime() - start_ns_)); }

std::uint64_t UvLoop::loop_milliseconds(TimePoint time) const {
    constexpr std::uint64_t kNanosPerMilli = 1'000'000;
    const auto since_start = static_cast<std::uint64_t>(std::max(time.time_since_epoch().count(), Duration::rep{0}));
    return (start_ns_ + since_start + kNanosPerMilli - 1) / kNanosPerMilli;
}

void UvLoop::schedule(Deferred& item) {
    item.list_ = &first_;
    item.next_ = nullptr;
    item.previous_ = last_;
    (last_ ? last_->next_ : first_) = &item;
    last_ = &item;
    uv_idle_start(&idle_, [](uv_idle_t* idle) { static_cast<UvLoop*>(idle->data)->run_deferred(); });
}

void UvLoop::run_deferred() {
    running_ = first_;
    first_ = last_ = nullptr;
    for (Deferred* item = running_; item; item = item->next_) item->list_ = &running_;
    while (running_) {
        Deferred* item = running_;
        item->cancel();
        const auto callback = item->callback_;  // the callback may destroy its item
        callback();
    }
    if (!first_) uv_idle_stop(&idle_);
}

void Deferred::schedule() {
    if (!is_scheduled()) loop_.schedule(*this);
}

void Deferred::cancel() {
    if (!is_scheduled()) return;
    (previous_ ? previous_->next_ : *list_) = next_;
    if (next_) next_->previous_ = previous_;
    if (loop_.last_ == this) loop_.last_ = previous_;
    list_ = nullptr;
    previous_ = next_ = nullptr;
}

struct Wakeup::Handle {
    uv_async_t async{};
    std::function<void()> callback;
    bool closing = false;
};

Wakeup::Wakeup(UvLoop& loop, std::function<void()> callback) : handle_(new Handle) {
    handle_->callback = std::move(callback);
    handle_->async.data = handle_;
    BT_CHECK(uv_async_init(loop.raw(), &handle_->async, [](uv_async_t* async) {
                 auto* handle = static_cast<Handle*>(async->data);
                 if (!handle->closing) handle->callback();
             }) == 0);
}

Wakeup::~Wakeup() {
    handle_->closing = true;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_->async),
             [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
}

void Wakeup::signal() { uv_async_send(&handle_->async); }

struct Poller::Handle {
    uv_poll_t poll{};
    void* owner = nullptr;
    Callback callback = nullptr;
};

Poller::Poller(UvLoop& loop, int fd, void* owner, Callback callback) : handle_(new Handle) {
    handle_->owner = owner;
    handle_->callback = callback;
    handle_->poll.data = handle_;
    error_ = -uv_poll_init(loop.raw(), &handle_->poll, fd);
    if (error_ == 0) return;
    delete handle_;
    handle_ = nullptr;
}

Poller::~Poller() {
    if (!handle_) return;
    uv_poll_stop(&handle_->poll);
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll),
             [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
}

void Poller::watch(int events) {
    if (!handle_ || events == events_) return;
    events_ = events;
    if (events == 0) {
        uv_poll_stop(&handle_->poll);
        return;
    }
    uv_poll_start(&handle_->poll, events, [](uv_poll_t* poll, int status, int ready) {
        auto* handle = static_cast<Handle*>(poll->data);
        handle->callback(handle->owner, status, ready);
    });
}

}  // namespace bt::net
