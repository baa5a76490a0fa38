#include "common/net/signals.h"

#include <csignal>

#include "common/base/check.h"

namespace bt::net {

struct Signals::Handle {
    uv_signal_t signal{};
    std::shared_ptr<std::function<void(int)>> callback;
};

Signals::Signals(UvLoop& loop, std::function<void(int)> on_signal, std::function<void()> on_hangup) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    const auto watch = [&](int number, std::shared_ptr<std::function<void(int)>> callback) {
        auto* handle = new Handle{{}, std::move(callback)};
        handle->signal.data = handle;
        BT_CHECK(uv_signal_init(loop.raw(), &handle->signal) == 0);
        uv_signal_start(
            &handle->signal,
            [](uv_signal_t* signal, int caught) {
                const auto kept = static_cast<Handle*>(signal->data)->callback;
                (*kept)(caught);
            },
            number);
        handles_.push_back(handle);
    };
    const auto end = std::make_shared<std::function<void(int)>>(std::move(on_signal));
    watch(SIGINT, end);
    watch(SIGTERM, end);
    if (on_hangup) {
        watch(SIGHUP, std::make_shared<std::function<void(int)>>([hangup = std::move(on_hangup)](int) { hangup(); }));
    }
    sigset_t ours;
    sigemptyset(&ours);
    for (const int number : kHeldSignals) sigaddset(&ours, number);
    pthread_sigmask(SIG_UNBLOCK, &ours, &blocked_before_);
}

Signals::~Signals() {
    pthread_sigmask(SIG_SETMASK, &blocked_before_, nullptr);  // before their handlers go
    for (Handle* handle : handles_) {
        uv_close(reinterpret_cast<uv_handle_t*>(&handle->signal),
                 [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
    }
}

}  // namespace bt::net
