#pragma once

// network = "netns": every node has a network of its own, the kernel's TCP between them, and nobody needs to be root.
//
//   node 1            the lab's namespace             node 2
//   eth0 10.77.0.1 -- n1      10.77.0.254      n2 -- eth0 10.77.0.2
//
// Each node lives in a network namespace; a veth pair hangs it on the lab's, which routes between them and reaches no
// other network. The lab enters its namespace with the thread that calls make(), for good, so that commands which it
// starts see the swarm; without the right to do so it makes a user namespace first, in which its own ids stay what
// they are. Nothing has a name outside and nothing is written down: all of it ends with the last process in it.
//
// Rules
//  - Routed, not bridged: a full mesh over a bridge needs an ARP entry for each pair, and the kernel has room for 1024
//    in all namespaces together.
//  - Rates are the kernel's token buckets (tbf): up leaves the node, down leaves the lab's end. Delay, jitter and loss
//    are netem's, which not every kernel has; then make() fails and says so. They hold for each direction of the node's
//    traffic, so a round trip has both nodes' delays twice, as with relay.h; jitter may reorder.
//  - A cut pair loses every packet in both directions, without a word to the sender: TCP retransmits and backs off.
// Cost: a start of `ip` per node and one for all, some milliseconds each; the caller waits.

#include <sys/types.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/net/socket.h"
#include "lab/scenario.h"

namespace bt::lab {

struct NetworkNode {
    std::string address;  // in 10.77.0.0/24
    Link link;
};

class NodeNetworks {
  public:
    static constexpr std::string_view kSubnet = "10.77.0";

    // While there is one thread. Error: ConnectFailed (System), with what this machine does not allow or has not got.
    [[nodiscard]] static Result<std::unique_ptr<NodeNetworks>> make(std::vector<NetworkNode> nodes);
    NodeNetworks(const NodeNetworks&) = delete;
    NodeNetworks& operator=(const NodeNetworks&) = delete;

    // What this thread starts or opens while one lives belongs to the node's network. One at a time.
    class Inside {
      public:
        Inside(const NodeNetworks& networks, std::size_t node);
        ~Inside();
        Inside(const Inside&) = delete;
        Inside& operator=(const Inside&) = delete;

      private:
        const NodeNetworks& networks_;
    };

    [[nodiscard]] Status set_rates(std::size_t node, const RateLimits& rates);
    [[nodiscard]] Status set_cut(const std::vector<std::pair<std::size_t, std::size_t>>& pairs, bool cut);

  private:
    explicit NodeNetworks(std::vector<NetworkNode> nodes) : nodes_(std::move(nodes)) {}
    Status enter_hub();
    Status make_networks();
    Status connect_nodes();
    Status shape(std::size_t node);

    std::vector<NetworkNode> nodes_;
    net::Fd hub_;
    std::vector<net::Fd> networks_;
    std::vector<bool> shaped_;
    std::set<std::pair<std::size_t, std::size_t>> cut_;  // smaller number first
};

// For tc: what stands behind "qdisc replace dev DEVICE root". Empty: nothing is asked of the device.
[[nodiscard]] std::string discipline_of(const Link& link, std::optional<std::uint64_t> rate);

}  // namespace bt::lab
