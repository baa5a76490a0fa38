#pragma once

// One job of Slurm that holds the hosts of a run, and what starts nodes on them.
//
//  - The job is a batch job whose script (RUN/job/keep.sh) writes the names of its hosts and then waits: for the lab's
//    word that the run is over, or until the lab is gone. It is gone when RUN/job/alive has not changed for
//    kQuietSeconds (the lab counts up there), or is not there any more. Its end ends every node, by Slurm. So no job
//    outlives its lab, also where the lab's machine fails; where the lab alone is killed, its guard cancels the job at
//    once (cancel_left_behind).
//  - Each node is a step of that job on one host, through `srun`, which hands on standard input and output to
//    `swarm-lab node` there (node_agent.h).
//  - The run's folder, the content and the programs have the same path on every host: a shared file system.
// Only Slurm's commands are used, found in PATH; SLURM_CONF and the like are theirs.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/net/child_process.h"
#include "common/net/uv_loop.h"
#include "common/net/uv_timer.h"
#include "lab/plan.h"

namespace bt::lab {

struct SlurmWish {
    std::filesystem::path run;  // absolute
    std::string name;           // of the job
    std::size_t hosts = 1;
    Duration time_limit{};
    std::vector<std::string> options;  // for sbatch: "--partition=x"
};

class SlurmJob {
  public:
    static constexpr int kQuietSeconds = 30;
    static constexpr Duration kCount = seconds(2);  // between two signs of life
    static constexpr Duration kEndWithin = seconds(10);

    // Submits, and returns when the hosts are ours, however long the queue is. `note`: for people. Errors: Cancelled
    // after SIGINT or SIGTERM, else what Slurm or this machine said; no job is left then.
    [[nodiscard]] static Result<std::unique_ptr<SlurmJob>> start(net::UvLoop& loop, const SlurmWish& wish,
                                                                 const std::function<void(const std::string&)>& note);
    ~SlurmJob();  // ends it
    SlurmJob(const SlurmJob&) = delete;
    SlurmJob& operator=(const SlurmJob&) = delete;

    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] const std::vector<Host>& hosts() const { return hosts_; }
    // What goes in front of a node's command.
    [[nodiscard]] std::vector<std::string> launcher(const std::string& host, const std::string& node,
                                                    const std::filesystem::path& bin) const;
    // Returns when Slurm does not know the job as living any more, or after kEndWithin. Turns the loop.
    void end();

  private:
    SlurmJob(net::UvLoop& loop, std::filesystem::path folder);
    Status submit(const SlurmWish& wish);
    Status wait_for_hosts(const std::function<void(const std::string&)>& note);
    Status read_hosts(const std::string& names);
    void count();
    [[nodiscard]] bool is_listed();
    struct Answer {
        int code = -1;
        std::string output;  // standard output, else what it said on standard error
    };
    [[nodiscard]] Answer ask(std::vector<std::string> argv);
    void sleep(Duration time);

    net::UvLoop& loop_;
    net::TimerQueue timers_;
    net::UvTimer count_timer_;
    net::UvTimer sleep_timer_;
    std::filesystem::path folder_;  // RUN/job
    std::string id_;
    std::uint64_t counted_ = 0;
    std::vector<Host> hosts_;
    bool ended_ = false;
};

// For a run's folder whose lab was killed: its job, where it has one, is cancelled. No loop.
void cancel_left_behind(const std::filesystem::path& run);

// "… NodeAddr=10.0.0.5 …" of `scontrol show node -o`; empty where it has none.
[[nodiscard]] std::string node_address(std::string_view line);

}  // namespace bt::lab
