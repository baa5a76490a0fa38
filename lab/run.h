#pragma once

// One run of a scenario, from its file to the report, on a loop of somebody else's; and `swarm-lab run`, which is that
// and no more. No process outlives a run, however it ends (guard.h says how).

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/net/uv_loop.h"
#include "lab/display.h"
#include "lab/guard.h"
#include "lab/left_behind.h"
#include "lab/plan.h"
#include "lab/prepare.h"
#include "lab/report.h"
#include "lab/slurm.h"
#include "lab/subnet.h"
#include "lab/swarm_run.h"

namespace bt::lab {

struct RunOptions {
    std::string scenario;
    std::filesystem::path out = "lab-out";
    std::filesystem::path bin;             // where swarm-client and the others lie
    bool capture = false;                  // own nodes record their connections
    bool keep = false;                     // generated content and downloaded files stay, also when all held
    bool quiet = false;                    // no progress
    bool json = false;                     // the report on standard output instead of the summary
    bool slurm = false;                    // nodes run in a job of Slurm, not here
    std::uint32_t hosts = 4;               // of that job; no more than there are nodes
    std::vector<std::string> job_options;  // for sbatch
    // The soft limit on open files of what we start. Ours is higher: a few for each node.
    std::optional<std::uint64_t> open_files;
};

class LabRun {
  public:
    // Claims addresses or makes networks, makes and fills the folder. While there is one thread. What earlier labs left
    // behind in options.out is cleaned first. Errors are those of this machine.
    [[nodiscard]] static Result<std::unique_ptr<LabRun>> make(net::UvLoop& loop, Prepared prepared,
                                                              const RunOptions& options, Guard& guard);
    ~LabRun();
    LabRun(const LabRun&) = delete;
    LabRun& operator=(const LabRun&) = delete;

    // on_change: something was done or happened; it may not destroy the run. Held: director.h.
    void start(Hold hold, std::function<void()> on_change);
    [[nodiscard]] SwarmRun& swarm() { return *swarm_; }
    [[nodiscard]] const SwarmRun& swarm() const { return *swarm_; }
    [[nodiscard]] const Director& director() const { return swarm_->director(); }
    [[nodiscard]] const Scenario& scenario() const { return prepared_.scenario; }
    [[nodiscard]] const Plan& plan() const { return plan_; }
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

    // Once director().is_done(): compares, judges, writes the report, removes what need not stay. Verdicts of the
    // caller's own come in `more`. False where the report cannot be written.
    [[nodiscard]] Result<LabExit> conclude(std::vector<Verdict> more = {});
    // After conclude().
    [[nodiscard]] const RunRecord& record() const { return record_; }
    [[nodiscard]] const std::string& report() const { return report_; }

  private:
    LabRun(net::UvLoop& loop, Prepared prepared, const RunOptions& options, Guard& guard);
    Status make_folder_of_run();
    Status take_hosts();

    net::UvLoop& loop_;
    Prepared prepared_;
    RunOptions options_;
    Guard& guard_;
    std::optional<Subnet> subnet_;            // on loopback
    std::unique_ptr<NodeNetworks> networks_;  // or
    double begin_s_;
    Display display_;
    std::filesystem::path folder_;
    std::optional<RunLock> lock_;
    std::unique_ptr<SlurmJob> job_;
    Plan plan_;
    std::unique_ptr<SwarmRun> swarm_;
    RunRecord record_;
    std::string report_;
    bool concluded_ = false;
};

// What is wrong, in one line on standard error.
LabExit report_error(LabExit exit, const Error& error);

// `record`: gets what was, in place of a summary on standard output.
[[nodiscard]] LabExit run_scenario(const RunOptions& options, RunRecord* record = nullptr);

}  // namespace bt::lab
