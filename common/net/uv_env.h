#pragma once

// The real world: Env over one UvLoop. Destroyed before the loop, after everything it gave out, and not inside a
// callback.

#include "common/env/env.h"
#include "common/net/uv_disk.h"
#include "common/net/uv_loop.h"
#include "common/net/uv_resolver.h"
#include "common/net/uv_timer.h"

namespace bt::net {

class UvEnv final : public env::Env {
  public:
    // disk_threads: see WorkPool.
    explicit UvEnv(UvLoop& loop, unsigned disk_threads = 0)
        : loop_(loop), timers_(loop), disk_(loop, disk_threads), resolver_(loop) {}

    // From now on its listeners and datagram sockets let those of other loops have the same port (SO_REUSEPORT).
    void share_ports() { shares_ports_ = true; }

    [[nodiscard]] TimePoint now() const override { return loop_.now(); }
    [[nodiscard]] std::unique_ptr<env::Timer> make_timer(std::function<void()> on_deadline) override;
    [[nodiscard]] std::unique_ptr<env::Stream> connect(const Endpoint& remote, std::optional<Endpoint> source) override;
    [[nodiscard]] Result<std::unique_ptr<env::Listener>> listen(const Endpoint& local,
                                                                env::AcceptCallback on_accept) override;
    [[nodiscard]] Result<std::unique_ptr<env::Datagram>> open_datagram(const Endpoint& local,
                                                                       env::DatagramHandler& handler) override;
    [[nodiscard]] std::unique_ptr<env::Lookup> resolve(const std::string& host, std::uint16_t port,
                                                       env::LookupCallback done) override;
    [[nodiscard]] UvDisk& disk() override { return disk_; }
    [[nodiscard]] UvLoop& loop() { return loop_; }

  private:
    UvLoop& loop_;
    bool shares_ports_ = false;
    TimerQueue timers_;
    UvDisk disk_;
    UvResolver resolver_;
};

}  // namespace bt::net
