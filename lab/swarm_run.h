#pragma once

// The processes of one run: does what the Director decides and tells it what happened. Lives on a loop of somebody
// else's.

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/net/child_process.h"
#include "common/net/uv_env.h"
#include "common/net/uv_loop.h"
#include "common/net/uv_timer.h"
#include "lab/director.h"
#include "lab/display.h"
#include "lab/foreign_watch.h"
#include "lab/merged_events.h"
#include "lab/node_networks.h"
#include "lab/relay.h"
#include "lab/run_folder.h"

namespace bt::lab {

// How nodes are started on hosts of a cluster: what goes in front of a node's command, `swarm-lab node` last.
using Launcher = std::function<std::vector<std::string>(const NodePlan&)>;

// Where nodes are started, if not plainly here.
struct Surroundings {
    NodeNetworks* networks = nullptr;  // where the plan has namespaces
    Launcher launcher = {};            // where its nodes have hosts
    std::optional<std::uint64_t> open_files = {};  // the nodes' soft limit on them; nothing: ours
};

class SwarmRun {
  public:
    // The folders of the plan exist; `folder` is the run's. on_change:
    // something was done or happened; it may not destroy the run.
    SwarmRun(net::UvLoop& loop, const Plan& plan, const Scenario& scenario, const std::filesystem::path& folder,
             Surroundings surroundings, Display& display, std::function<void()> on_change);

    // Held: see director.h. From here until director().is_done() there are processes.
    void start(Hold hold);
    void stop();
    void interrupt();
    // By hand what a timeline does; answers to how many nodes.
    std::size_t act(const TimelineEntry& entry);
    // Every connection goes through the lab: links can be cut.
    [[nodiscard]] bool can_cut_links() const { return relay_ != nullptr || surroundings_.networks != nullptr; }
    // Every event of every node, as it came; where one is set.
    std::function<void(std::size_t node, std::string_view line)> on_event;
    // What nodes have said lies in their files.
    void flush();
    // After the end.
    void finish();

    [[nodiscard]] const Director& director() const { return director_; }
    // Every event in order of time, into the run's folder. After finish().
    [[nodiscard]] Status merge_events() const;
    // 0 while it does not run.
    [[nodiscard]] pid_t pid_of(std::size_t node) const;
    // "swarm-client" -> "0.1.0"; what --version says.
    [[nodiscard]] const std::map<std::string, std::string>& versions() const { return versions_; }

  private:
    struct Node {
        std::unique_ptr<LineFile> log, events;
        EventClock clock;
        std::unique_ptr<net::ChildProcess> process;
        std::unique_ptr<ForeignWatch> watch;  // of other people's programs
        // On another host: what its agent said of its end, and when we stop waiting for the agent.
        std::optional<net::ChildExit> remote_exit;
        std::unique_ptr<net::UvTimer> give_up;
    };

    void ask_versions();
    void step();
    void start_node(std::size_t index);
    void start_process(std::size_t index);
    void go_together(std::size_t index, net::ChildSpec& spec);
    void launch_elsewhere(std::size_t index, net::ChildSpec& spec);
    void send_signal(std::size_t index, int number);
    Status write_adapter_files(std::size_t index);
    [[nodiscard]] Words words_of(std::size_t index) const;
    void on_torrent_there(const std::string& problem);
    void on_event_line(std::size_t index, std::string_view line);
    void on_log_line(std::size_t index, std::string_view line);
    Status open_files(std::size_t index);
    void carry_out(const Action& action);
    [[nodiscard]] std::vector<std::string> command_of(std::size_t index);
    void make_torrent(const std::string& announce);
    bool change_limits(std::size_t index, const RateLimits& limits);
    void cut_links(const CutLinks& cut);
    [[nodiscard]] bool is_cut_changed(std::pair<std::size_t, std::size_t> link, const CutLinks& cut);
    void open_relay(std::size_t index);
    void corrupt_files(const CorruptFiles& corrupt);
    void on_note(const std::string& text);
    void on_tick();

    const Plan& plan_;
    std::filesystem::path folder_;
    Surroundings surroundings_;
    Display& display_;
    std::vector<std::pair<std::string, std::string>> environment_;  // of our helpers; nodes have their own
    std::function<void()> on_change_;
    net::UvLoop& loop_;
    net::TimerQueue timers_;
    TimePoint start_;
    Director director_;
    std::vector<Node> nodes_;
    std::unique_ptr<net::UvEnv> env_;                                    // of the relay
    std::unique_ptr<Relay> relay_;                                       // where the plan has one
    std::vector<std::unique_ptr<net::ChildProcess>> helpers_;            // create, --version
    std::map<std::pair<std::size_t, std::size_t>, std::uint32_t> cuts_;  // partitions that a link is cut by
    std::string magnet_;                                                 // of the torrent, once it is made
    std::string info_hash_;
    std::vector<std::size_t> waiting_for_torrent_;  // trackers that start when it is there
    std::string create_log_;                        // last line
    std::map<std::string, std::string> versions_;
    std::optional<net::LaunchGate> gate_;  // of those that were launched in this step
    std::unique_ptr<LineFile> log_;        // what all say, in order of time
    net::UvTimer deadline_;
    net::UvTimer tick_;
    net::Deferred step_;
};

}  // namespace bt::lab
