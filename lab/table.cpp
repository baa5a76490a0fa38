#include "lab/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "common/app/progress_bar.h"

namespace bt::lab {
namespace {

constexpr std::size_t kBarMin = 8;
constexpr std::size_t kBarMax = 32;

std::string pad(std::string text, std::size_t columns) {
    text.resize(columns, ' ');
    return text;
}

std::string pad_left(const std::string& text, std::size_t columns) {
    return text.size() < columns ? std::string(columns - text.size(), ' ') + text : text;
}

// Rounded down: 100 % is shown when all is there, not before.
std::string percent(double fraction) {
    char text[16];
    std::snprintf(text, sizeof text, "%5.1f%%", std::floor(std::clamp(fraction, 0.0, 1.0) * 1000) / 10);
    return text;
}

std::string bar(double fraction, std::size_t columns) {
    const auto full = static_cast<std::size_t>(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(columns));
    return '[' + std::string(full, '#') + std::string(columns - full, '.') + ']';
}

std::string rate(double bytes_per_s) { return app::human_bytes(bytes_per_s) + "/s"; }

std::string row(const NodeStatus& node, std::size_t name_columns, std::size_t bar_columns) {
    std::string line = ' ' + pad(node.name, name_columns) + ' ' + pad(state_word(node), 11) + ' ';
    const bool has_pieces = node.kind != NodeKind::Tracker;
    line +=
        has_pieces ? bar(node.progress, bar_columns) + ' ' + percent(node.progress) : std::string(bar_columns + 9, ' ');
    if (has_pieces) {
        line += ' ' + pad_left(rate(node.down_rate), 10) + ' ' + pad_left(rate(node.up_rate), 10) + ' ' +
                pad_left(std::to_string(node.peers), 5);
    }
    return line;
}

struct Sums {
    std::size_t clients = 0;
    std::size_t complete = 0;
    double progress = 0;  // average
    double down_rate = 0;
};

Sums totals_of(std::span<const NodeStatus> nodes) {
    Sums totals;
    for (const NodeStatus& node : nodes) {
        if (node.kind != NodeKind::Client) continue;
        ++totals.clients;
        totals.complete += node.completed_at ? 1 : 0;
        totals.progress += node.progress;
        totals.down_rate += node.is_running() ? node.down_rate : 0;
    }
    if (totals.clients > 0) totals.progress /= static_cast<double>(totals.clients);
    return totals;
}

// The nodes to show where there are fewer rows than nodes: those that still have something to do.
std::vector<const NodeStatus*> choose_rows(std::span<const NodeStatus> nodes, std::size_t rows) {
    std::vector<const NodeStatus*> chosen;
    for (const NodeStatus& node : nodes) chosen.push_back(&node);
    std::size_t surplus = chosen.size() > rows ? chosen.size() - rows : 0;
    std::erase_if(chosen, [&surplus](const NodeStatus* node) {
        if (surplus == 0 || !node->completed_at) return false;
        --surplus;
        return true;
    });
    if (chosen.size() > rows) chosen.resize(rows);
    return chosen;
}

}  // namespace

std::string state_word(const NodeStatus& node) {
    switch (node.phase) {
        case Phase::Waiting:
            return "waiting";
        case Phase::Started:
            return node.state.empty() ? "starting" : node.state;
        case Phase::Ready:
            if (node.kind == NodeKind::Tracker) return "serving";
            return node.state.empty() ? "ready" : node.state;
        case Phase::Stopping:
            return "stopping";
        case Phase::Ended:
            return node.kind == NodeKind::Client && node.completed_at ? "complete" : "ended";
    }
    return {};
}

std::vector<std::string> draw_table(std::span<const NodeStatus> nodes, std::string_view title, double elapsed_s,
                                    TableSize size) {
    std::size_t name_columns = 8;
    for (const NodeStatus& node : nodes)
        name_columns = std::max(name_columns, std::min<std::size_t>(24, node.name.size()));
    const std::size_t fixed = name_columns + 53;
    const std::size_t bar_columns = size.columns > fixed + kBarMin ? std::min(size.columns - fixed, kBarMax) : kBarMin;

    char time[32];
    std::snprintf(time, sizeof time, "%.1f s", elapsed_s);
    std::vector<std::string> lines = {std::string(title) + ", " + time};
    lines.push_back(' ' + pad("node", name_columns) + ' ' + pad("state", 11) + ' ' + pad("progress", bar_columns + 9) +
                    ' ' + pad_left("down", 10) + ' ' + pad_left("up", 10) + ' ' + pad_left("peers", 5));
    const std::vector<const NodeStatus*> shown = choose_rows(nodes, size.rows > 6 ? size.rows - 5 : 1);
    for (const NodeStatus* node : shown) {
        NodeStatus copy = *node;
        copy.name.resize(std::min(copy.name.size(), name_columns));
        lines.push_back(row(copy, name_columns, bar_columns));
    }
    if (shown.size() < nodes.size())
        lines.push_back(" ... and " + std::to_string(nodes.size() - shown.size()) + " more");
    lines.push_back(' ' + plain_status(nodes));
    for (std::string& line : lines) {
        if (line.size() >= size.columns && size.columns > 0) line.resize(size.columns - 1);
    }
    return lines;
}

std::string plain_status(std::span<const NodeStatus> nodes) {
    const Sums totals = totals_of(nodes);
    return std::to_string(totals.complete) + " of " + std::to_string(totals.clients) + " clients complete, " +
           percent(totals.progress)
               .substr(totals.progress >= 1     ? 0
                       : totals.progress >= 0.1 ? 1
                                                : 2) +
           " on average, down " + rate(totals.down_rate);
}

}  // namespace bt::lab
