#pragma once

// The live view of a run: a row per node. Pure: numbers in, lines out, none wider than the terminal.

#include <span>
#include <string>
#include <vector>

#include "lab/node_status.h"

namespace bt::lab {

struct TableSize {
    std::size_t columns = 80;
    std::size_t rows = 24;
};

// A heading, a row per node, a line of totals. Where the terminal has too few rows, complete clients go first and a
// line counts what is not shown.
[[nodiscard]] std::vector<std::string> draw_table(std::span<const NodeStatus> nodes, std::string_view title,
                                                  double elapsed_s, TableSize size);

// One line for logs: "2 of 4 clients complete, 61.3 % on average, down 82.0 MB/s".
[[nodiscard]] std::string plain_status(std::span<const NodeStatus> nodes);

// The word for a row: "waiting", "starting", what its stats say, "complete", "ended".
[[nodiscard]] std::string state_word(const NodeStatus& node);

}  // namespace bt::lab
