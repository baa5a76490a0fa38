#include "lab/node_networks.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "common/base/check.h"
#include "common/net/child_launch.h"
#include "lab/loss.h"

namespace bt::lab {
namespace {

constexpr int kHubDescriptor = 3;
constexpr std::uint64_t kLeastBurst = 16 * 1024;
constexpr std::uint64_t kBurstsPerSecond = 50;
constexpr std::string_view kQueueTime = "100ms";  // of tbf: what waits longer is dropped
constexpr std::string_view kQueuePackets = "10000";

Error refused(const std::string& detail) {
    return {ErrorCode::ConnectFailed, Fault::System, "network = \"netns\": " + detail, std::nullopt};
}

Error refused(int error, const std::string& what) { return refused(system_error(error, what).detail); }

// Programs that we start keep the right to change networks over exec, also where we are not root.
class NetworkRights {
  public:
    NetworkRights() {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        std::array<__user_cap_data_struct, 2> data{};
        if (syscall(SYS_capget, &header, data.data()) != 0) return;
        data[0].inheritable |= 1u << CAP_NET_ADMIN;
        if (syscall(SYS_capset, &header, data.data()) != 0) return;
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0);
    }
    ~NetworkRights() { prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); }
    NetworkRights(const NetworkRights&) = delete;
    NetworkRights& operator=(const NetworkRights&) = delete;
};

std::string all_of(int fd) {
    std::string text;
    char buffer[4096];
    ssize_t n = 0;
    while ((n = pread(fd, buffer, sizeof buffer, static_cast<off_t>(text.size()))) > 0) {
        text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
}

// Ordinary users have no /sbin in their PATH.
std::string place_of(const std::string& tool) {
    for (const char* folder : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"}) {
        if (access((folder + tool).c_str(), X_OK) == 0) return folder + tool;
    }
    return tool;
}

// `ip` or `tc` with these lines, in the network we are in. `hub`: it has it as kHubDescriptor.
Status run_tool(const std::string& tool, const std::string& lines, int hub = -1) {
    if (lines.empty()) return {};
    const net::Fd input(memfd_create("input", MFD_CLOEXEC));
    const net::Fd output(memfd_create("output", MFD_CLOEXEC));
    if (write(input.get(), lines.data(), lines.size()) != static_cast<ssize_t>(lines.size()) ||
        lseek(input.get(), 0, SEEK_SET) != 0) {
        return fail(refused(errno, "write for " + tool));
    }
    net::LaunchPlan plan;
    plan.argv = {place_of(tool), "-batch", "-"};
    plan.environment = net::environment_with({{"LC_ALL", "C"}});
    plan.descriptors = {{input.get(), 0}, {output.get(), 1}, {output.get(), 2}};
    if (hub >= 0) plan.descriptors.push_back({hub, kHubDescriptor});
    const NetworkRights rights;
    const Result<pid_t> pid = net::launch(plan);
    if (!pid) return fail(refused(pid.error().detail + " (Debian: iproute2)"));
    int status = 0;
    while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    std::string said = all_of(output.get());
    std::ranges::replace(said, '\n', ' ');
    const bool no_netem =
        lines.find("netem") != std::string::npos && said.find("qdisc kind is unknown") != std::string::npos;
    return fail(refused(no_netem ? "this kernel has no netem, which delay, jitter and loss need: "
                                   "network = \"loopback\" has them without"
                                 : tool + " said: " + said));
}

net::Fd open_own_network() { return net::Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)); }

Status tell_kernel(const std::string& path, const std::string& text) {
    const net::Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (write(file.get(), text.data(), text.size()) < 0) return fail(refused(errno, "write " + path));
    return {};
}

// Our ids mean in the new user namespace what they meant before; the kernel takes one line each from us.
Status keep_ids(uid_t user, gid_t group) {
    const auto same = [](auto id) { return std::to_string(id) + ' ' + std::to_string(id) + " 1"; };
    BT_TRY(tell_kernel("/proc/self/setgroups", "deny"));
    BT_TRY(tell_kernel("/proc/self/uid_map", same(user)));
    return tell_kernel("/proc/self/gid_map", same(group));
}

std::string microseconds_of(Duration duration) {
    return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(duration).count()) + "us";
}

std::string percent_of(std::uint32_t loss) {
    char text[16];
    std::snprintf(text, sizeof text, "%.4f%%", 100.0 * loss / kLossWhole);
    return text;
}

std::string device_of(std::size_t node) { return "n" + std::to_string(node + 1); }

std::string shaping_line(const std::string& device, const Link& link, std::optional<std::uint64_t> rate, bool shaped) {
    std::string discipline = discipline_of(link, rate);
    if (discipline.empty() && shaped) discipline = "pfifo limit " + std::string(kQueuePackets);
    if (discipline.empty()) return {};
    return "qdisc replace dev " + device + " root " + discipline + "\n";
}

}  // namespace

std::string discipline_of(const Link& link, std::optional<std::uint64_t> rate) {
    const std::uint64_t bytes = rate.value_or(0);
    const std::string bits = std::to_string(bytes * 8) + "bit";
    if (link.delay > Duration::zero() || link.jitter > Duration::zero() || link.loss > 0) {
        std::string text = "netem limit " + std::string(kQueuePackets) + " delay " + microseconds_of(link.delay);
        if (link.jitter > Duration::zero()) text += ' ' + microseconds_of(link.jitter);
        if (link.loss > 0) text += " loss " + percent_of(link.loss);
        return bytes > 0 ? text + " rate " + bits : text;
    }
    if (bytes == 0) return {};
    return "tbf rate " + bits + " burst " + std::to_string(std::max(kLeastBurst, bytes / kBurstsPerSecond)) +
           " latency " + std::string(kQueueTime);
}

Result<std::unique_ptr<NodeNetworks>> NodeNetworks::make(std::vector<NetworkNode> nodes) {
    std::unique_ptr<NodeNetworks> made(new NodeNetworks(std::move(nodes)));
    BT_TRY(made->enter_hub());
    BT_TRY(made->make_networks());
    BT_TRY(made->connect_nodes());
    for (std::size_t i = 0; i < made->nodes_.size(); ++i) BT_TRY(made->shape(i));
    return made;
}

Status NodeNetworks::enter_hub() {
    const uid_t user = geteuid();
    const gid_t group = getegid();
    if (unshare(CLONE_NEWNET) != 0) {
        if (errno != EPERM) return fail(refused(errno, "make a network namespace"));
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return fail(refused(errno, "make a user namespace"));
        BT_TRY(keep_ids(user, group));
    }
    hub_ = open_own_network();
    if (!hub_.is_open()) return fail(refused(errno, "/proc/thread-self/ns/net"));
    BT_TRY(tell_kernel("/proc/sys/net/ipv4/ip_forward", "1"));
    return run_tool("ip", "link set lo up\naddr add " + std::string(kSubnet) + ".254/32 dev lo\n");
}

Status NodeNetworks::make_networks() {
    int error = 0;
    for (std::size_t i = 0; i < nodes_.size() && error == 0; ++i) {
        if (unshare(CLONE_NEWNET) != 0) error = errno;
        networks_.push_back(open_own_network());
        if (!networks_.back().is_open()) error = errno;
    }
    if (setns(hub_.get(), CLONE_NEWNET) != 0) error = errno;
    shaped_.resize(nodes_.size());
    return error == 0 ? Status{} : fail(refused(error, "make a network namespace per node"));
}

Status NodeNetworks::connect_nodes() {
    const std::string hub = std::string(kSubnet) + ".254/32";
    const std::string other_end = " netns /proc/self/fd/" + std::to_string(kHubDescriptor);
    std::string lines;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const std::string device = device_of(i);
        lines += "link set " + device + " up\nroute add " + nodes_[i].address + "/32 dev " + device + "\n";
        const Inside inside(*this, i);
        BT_TRY(run_tool("ip",
                        "link add eth0 type veth peer name " + device + other_end +
                            "\nlink set lo up\nlink set eth0 up\naddr add " + nodes_[i].address +
                            "/32 dev eth0\nroute add " + hub + " dev eth0\nroute add default via " +
                            std::string(kSubnet) + ".254\n",
                        hub_.get()));
    }
    return run_tool("ip", lines);
}

Status NodeNetworks::shape(std::size_t node) {
    const Link& link = nodes_[node].link;
    const bool was_shaped = shaped_[node];
    BT_TRY(run_tool("tc", shaping_line(device_of(node), link, link.rate.download, was_shaped)));
    const std::string up = shaping_line("eth0", link, link.rate.upload, was_shaped);
    const Inside inside(*this, node);
    BT_TRY(run_tool("tc", up));
    shaped_[node] = was_shaped || link.rate != RateLimits{};
    return {};
}

NodeNetworks::Inside::Inside(const NodeNetworks& networks, std::size_t node) : networks_(networks) {
    BT_CHECK(setns(networks_.networks_[node].get(), CLONE_NEWNET) == 0);
}

NodeNetworks::Inside::~Inside() { BT_CHECK(setns(networks_.hub_.get(), CLONE_NEWNET) == 0); }

Status NodeNetworks::set_rates(std::size_t node, const RateLimits& rates) {
    nodes_[node].link.rate = rates;
    return shape(node);
}

// A rule that drops, in the lab's namespace: every packet between two nodes passes there.
Status NodeNetworks::set_cut(const std::vector<std::pair<std::size_t, std::size_t>>& pairs, bool cut) {
    std::string lines;
    for (const auto& [a, b] : pairs) {
        const auto link = std::minmax(a, b);
        if (cut ? !cut_.insert(link).second : cut_.erase(link) == 0) continue;
        for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
            lines += std::string("rule ") + (cut ? "add" : "del") + " from " + nodes_[from].address + " to " +
                     nodes_[to].address + " blackhole\n";
        }
    }
    return run_tool("ip", lines);
}

}  // namespace bt::lab
