#pragma once

// A simulated world: one Simulator, one Network, and an env::Env for each node (host) in it.
//
// Order of life: a World outlives the nodes that run in it. Each node's randomness should come from
// world.fork_rng(salt), so that the world's rng_seed decides everything.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/env/env.h"
#include "lab/sim/network.h"
#include "lab/sim/sim_disk.h"
#include "lab/sim/simulator.h"

namespace bt::sim {

using NameTable = std::map<std::string, std::vector<Address>>;

class SimEnv final : public env::Env {
  public:
    SimEnv(Simulator& simulator, Network& network, const NameTable& names, HostId host, DiskSettings disk);
    ~SimEnv() override;

    [[nodiscard]] TimePoint now() const override { return simulator_.now(); }
    [[nodiscard]] std::unique_ptr<env::Timer> make_timer(std::function<void()> on_deadline) override;
    [[nodiscard]] std::unique_ptr<env::Stream> connect(const Endpoint& remote, std::optional<Endpoint> source) override;
    [[nodiscard]] Result<std::unique_ptr<env::Listener>> listen(const Endpoint& local,
                                                                env::AcceptCallback on_accept) override;
    [[nodiscard]] Result<std::unique_ptr<env::Datagram>> open_datagram(const Endpoint& local,
                                                                       env::DatagramHandler& handler) override;
    // An address as text and a name in the world's table are answered in the next event.
    [[nodiscard]] std::unique_ptr<env::Lookup> resolve(const std::string& host, std::uint16_t port,
                                                       env::LookupCallback done) override;
    [[nodiscard]] env::Disk& disk() override { return disk_; }

    [[nodiscard]] HostId host() const { return host_; }
    [[nodiscard]] const Address& address() const { return network_.address(host_); }
    [[nodiscard]] SimDisk& sim_disk() { return disk_; }
    [[nodiscard]] SimFiles& files() { return disk_.files(); }

    // kill -9: no timer, disk job or stream of the node calls it any more; destroy the node afterwards. Its files
    // stay. Not from inside a callback of this very node.
    void kill();
    // For the next node on this host.
    void revive();

  private:
    friend class SimTimer;
    friend class SimLookup;

    // Runs action as this host unless the node was killed in between.
    EventId schedule(TimePoint time, std::function<void()> action);

    Simulator& simulator_;
    Network& network_;
    const NameTable& names_;
    HostId host_;
    SimDisk disk_;
    std::shared_ptr<bool> node_lives_;  // replaced by kill
};

struct WorldSettings {
    std::uint64_t rng_seed = 1;
    NetworkSettings network = {};
};

class World {
  public:
    explicit World(WorldSettings settings) : simulator_(settings.rng_seed), network_(simulator_, settings.network) {}

    // The name can be resolved from everywhere.
    SimEnv& add_host(const std::string& name, const Address& address, LinkSettings links = {}, DiskSettings disk = {});
    void add_name(const std::string& name, const Address& address) { names_[name].push_back(address); }

    [[nodiscard]] Simulator& simulator() { return simulator_; }
    [[nodiscard]] Network& network() { return network_; }
    [[nodiscard]] SimEnv& env(HostId host) { return *envs_[host.value()]; }
    [[nodiscard]] TimePoint now() const { return simulator_.now(); }
    [[nodiscard]] Rng fork_rng(std::uint64_t salt) { return simulator_.rng().fork(salt); }

  private:
    Simulator simulator_;
    Network network_;
    NameTable names_;
    std::vector<std::unique_ptr<SimEnv>> envs_;
};

}  // namespace bt::sim
