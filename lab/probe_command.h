#pragma once

// The command line of `swarm-lab probe`. Exit codes: 0 no rule is broken, 1 one is, 2 bad arguments, 3 nobody answers.

#include <string>

#include "common/app/option_table.h"
#include "common/base/time.h"
#include "lab/report.h"

namespace bt::lab {

struct ProbeArguments {
    std::string endpoint;
    std::string torrent;
    bool json = false;
    Duration patience = seconds(3);
    Duration unchoke_patience = seconds(40);
};

[[nodiscard]] app::Command probe_command(ProbeArguments& out);
[[nodiscard]] LabExit run_probe_command(const ProbeArguments& arguments);

}  // namespace bt::lab
