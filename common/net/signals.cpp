#include "common/net/signals.h"

#include <csignal>

#include "common/base/check.h"

namespace bt::net {

struct Signals::Handle {
    uv_signal_t signal{};
    std::shared_ptr<std::function<void(int)>> callback;
};

Signals::Signals(UvLoop& loop, std::function<void(int)> on_signal)
    : on_signal_(std::make_shared<std::function<void(int)>>(std::move(on_signal))) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    const auto watch = [&](int number) {
        auto* handle = new Handle{{}, on_signal_};
        handle->signal.data = handle;
        BT_CHECK(uv_signal_init(loop.raw(), &handle->signal) == 0);
        uv_signal_start(
            &handle->signal,
            [](uv_signal_t* signal, int caught) {
                const auto callback = static_cast<Handle*>(signal->data)->callback;
                (*callback)(caught);
            },
            number);
        return handle;
    };
    interrupt_ = watch(SIGINT);
    terminate_ = watch(SIGTERM);
}

Signals::~Signals() {
    for (Handle* handle : {interrupt_, terminate_}) {
        uv_close(reinterpret_cast<uv_handle_t*>(&handle->signal),
                 [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
    }
}

}  // namespace bt::net
