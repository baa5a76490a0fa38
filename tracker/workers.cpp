#include "tracker/workers.h"

#include <future>
#include <thread>

#include "common/net/uv_env.h"

namespace bt::tracker {

struct Workers::Worker {
    std::thread thread;
    net::Wakeup* stop = nullptr;  // of the thread's loop, once it runs
};

namespace {

struct Started {
    Status status;
    net::Wakeup* stop = nullptr;
};

void run_worker(const net::UvLoop& clock, const NodeSettings& settings, Rng rng, const Doors& doors,
                std::promise<Started>& started) {
    net::UvLoop loop(net::UvLoop::SameClockAs{clock});
    net::UvEnv env(loop);
    env.share_ports();
    net::Wakeup stop(loop, [&loop] { loop.stop(); });
    TrackerNode node(env, settings, rng, telemetry::Telemetry());
    Status status = node.start(doors);
    const bool runs = status.has_value();
    started.set_value({std::move(status), runs ? &stop : nullptr});
    if (!runs) return;
    loop.run();
    node.stop();
}

}  // namespace

Workers::Workers() = default;

Result<std::unique_ptr<Workers>> Workers::start(const net::UvLoop& clock, const NodeSettings& settings, Rng rng,
                                                const Doors& doors, std::size_t threads) {
    std::unique_ptr<Workers> workers(new Workers());
    for (std::size_t number = 1; number < threads; ++number) {
        std::promise<Started> promise;
        std::future<Started> started = promise.get_future();
        Worker& worker = *workers->workers_.emplace_back(std::make_unique<Worker>());
        NodeSettings own = settings;
        own.worker = number;
        worker.thread =
            std::thread([&clock, own = std::move(own), rng = rng.fork(number), doors,
                         promise = std::move(promise)]() mutable { run_worker(clock, own, rng, doors, promise); });
        const Started outcome = started.get();
        worker.stop = outcome.stop;
        if (!outcome.status) return fail(outcome.status.error());
    }
    return workers;
}

Workers::~Workers() {
    for (const auto& worker : workers_) {
        if (worker->stop != nullptr) worker->stop->signal();
        worker->thread.join();
    }
}

}  // namespace bt::tracker
