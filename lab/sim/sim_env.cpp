#include "lab/sim/sim_env.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace bt::sim {

class SimTimer final : public env::Timer {
  public:
    SimTimer(SimEnv& env, std::function<void()> on_deadline)
        : env_(env), on_deadline_(std::make_shared<std::function<void()>>(std::move(on_deadline))) {}
    ~SimTimer() override { cancel(); }

    void arm(TimePoint deadline) override {
        cancel();
        if (deadline == kNever) return;
        // The event holds the callback: it may destroy this timer.
        event_ = env_.schedule(deadline, [callback = on_deadline_] { (*callback)(); });
    }
    void cancel() override { env_.simulator_.cancel(std::exchange(event_, {})); }

  private:
    SimEnv& env_;
    std::shared_ptr<std::function<void()>> on_deadline_;
    EventId event_;
};

class SimLookup final : public env::Lookup {
  public:
    SimLookup(SimEnv& env, Result<std::vector<Endpoint>> answer, env::LookupCallback done) : env_(env) {
        event_ = env.schedule(env.now(), [found = std::move(answer), callback = std::move(done)] { callback(found); });
    }
    ~SimLookup() override { env_.simulator_.cancel(event_); }

  private:
    SimEnv& env_;
    EventId event_;
};

SimEnv::SimEnv(Simulator& simulator, Network& network, const NameTable& names, HostId host, DiskSettings disk)
    : simulator_(simulator),
      network_(network),
      names_(names),
      host_(host),
      disk_(simulator, host, disk),
      node_lives_(std::make_shared<bool>(true)) {
    network_.set_file_source(host_, &disk_);
}

SimEnv::~SimEnv() {
    *node_lives_ = false;
    network_.set_file_source(host_, nullptr);
}

EventId SimEnv::schedule(TimePoint time, std::function<void()> action) {
    return simulator_.schedule(time, host_, [lives = node_lives_, run = std::move(action)] {
        if (*lives) run();
    });
}

std::unique_ptr<env::Timer> SimEnv::make_timer(std::function<void()> on_deadline) {
    return std::make_unique<SimTimer>(*this, std::move(on_deadline));
}

std::unique_ptr<env::Stream> SimEnv::connect(const Endpoint& remote, std::optional<Endpoint> source) {
    return network_.connect(host_, remote, source);
}

Result<std::unique_ptr<env::Listener>> SimEnv::listen(const Endpoint& local, env::AcceptCallback on_accept) {
    return network_.listen(host_, local, std::move(on_accept));
}

Result<std::unique_ptr<env::Datagram>> SimEnv::open_datagram(const Endpoint& local, env::DatagramHandler& handler) {
    return network_.open_datagram(host_, local, handler);
}

std::unique_ptr<env::Lookup> SimEnv::resolve(const std::string& name, std::uint16_t port, env::LookupCallback done) {
    std::vector<Address> addresses;
    if (const auto address = Address::parse(name)) {
        addresses.push_back(*address);
    } else if (const auto found = names_.find(name); found != names_.end()) {
        addresses = found->second;
        std::stable_partition(addresses.begin(), addresses.end(), [](const Address& a) { return a.is_v4(); });
    } else {
        Error unknown{ErrorCode::NotFound, Fault::System, "no address for host " + name, std::nullopt};
        return std::make_unique<SimLookup>(*this, fail(std::move(unknown)), std::move(done));
    }
    std::vector<Endpoint> endpoints;
    for (const Address& address : addresses) endpoints.push_back({address, port});
    return std::make_unique<SimLookup>(*this, std::move(endpoints), std::move(done));
}

void SimEnv::kill() {
    *node_lives_ = false;
    node_lives_ = std::make_shared<bool>(true);
    disk_.drop_jobs();
    network_.kill(host_);
}

void SimEnv::revive() { network_.revive(host_); }

SimEnv& World::add_host(const std::string& name, const Address& address, LinkSettings links, DiskSettings disk) {
    const HostId host = network_.add_host(address, links);
    add_name(name, address);
    envs_.push_back(std::make_unique<SimEnv>(simulator_, network_, names_, host, disk));
    return *envs_.back();
}

}  // namespace bt::sim
