#pragma once

// `swarm-lab node -- COMMAND…`: one node on another host, started there by a cluster's launcher, for a lab that holds
// the launcher's standard input and output. It gives the command what the lab gives a node of its own (descriptor 3 for
// events, a process group, an end with its parent).
//
// Lines to the lab: "e EVENT", "o LINE" of the command's output, and last "x code N" or "x signal N".
// Lines from the lab: "signal N", for the command's group. The end of the input ends the command: the lab is gone.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/app/option_table.h"
#include "common/net/child_process.h"

namespace bt::lab {

struct NodeArguments {
    std::vector<std::string> command;
};

[[nodiscard]] app::Command node_command(NodeArguments& out);
// 0 once the command has been started and has ended, however that was; 3 where it cannot be started.
[[nodiscard]] int run_node(const NodeArguments& arguments);

// The lab's side of the lines.
struct AgentLine {
    enum class Kind : char { Event = 'e', Output = 'o', Exit = 'x' };
    Kind kind = Kind::Output;
    std::string_view text;
};
// A line of anybody else (the launcher, a shell) is output.
[[nodiscard]] AgentLine read_agent_line(std::string_view line);
[[nodiscard]] std::optional<net::ChildExit> read_agent_exit(std::string_view text);
[[nodiscard]] std::string agent_signal(int number);  // with its line end

}  // namespace bt::lab
