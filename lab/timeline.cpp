#include "lab/timeline.h"

#include <algorithm>

namespace bt::lab {
namespace {

constexpr std::pair<std::string_view, Deed> kDeeds[] = {
    {"start", Deed::Start}, {"stop", Deed::Stop},      {"kill", Deed::Kill},           {"restart", Deed::Restart},
    {"pause", Deed::Pause}, {"resume", Deed::Resume},  {"partition", Deed::Partition}, {"heal", Deed::Heal},
    {"limit", Deed::Limit}, {"corrupt", Deed::Corrupt}};

}  // namespace

std::string_view deed_name(Deed deed) {
    for (const auto& [name, value] : kDeeds) {
        if (value == deed) return name;
    }
    return "unknown";
}

std::optional<Deed> deed_named(std::string_view name) {
    for (const auto& [known, value] : kDeeds) {
        if (known == name) return value;
    }
    return std::nullopt;
}

std::optional<Deed> undo_of(Deed deed) {
    switch (deed) {
        case Deed::Start:
            return Deed::Stop;
        case Deed::Stop:
        case Deed::Kill:
            return Deed::Start;
        case Deed::Pause:
            return Deed::Resume;
        case Deed::Partition:
            return Deed::Heal;
        case Deed::Limit:  // back to what the scenario gave
            return Deed::Limit;
        case Deed::Restart:
        case Deed::Resume:
        case Deed::Heal:
        case Deed::Corrupt:
            return std::nullopt;
    }
    return std::nullopt;
}

Timeline::Timeline(std::vector<TimelineEntry> entries)
    : entries_(std::move(entries)),
      records_(entries_.size()),
      matched_(entries_.size()),
      undo_at_(entries_.size(), kNever) {}

void Timeline::begin(TimePoint now) {
    if (!begin_) begin_ = now;
}

void Timeline::on_event_line(std::string_view node, std::string_view line) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (records_[i].fired_at || !entries_[i].when) continue;
        const auto* events = std::get_if<EventsSeen>(&entries_[i].when->what);
        if (events != nullptr && events->query.matches(node, line)) ++matched_[i];
    }
}

bool Timeline::is_due(std::size_t index, std::span<const NodeStatus> nodes, TimePoint now) const {
    const TimelineEntry& entry = entries_[index];
    if (entry.at) return now >= *begin_ + *entry.at;
    return entry.when && entry.when->holds(nodes, matched_[index]);
}

void Timeline::update(std::span<const NodeStatus> nodes, TimePoint now) {
    if (!begin_) return;
    const double now_s = to_seconds(now - *begin_);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (!records_[i].fired_at && is_due(i, nodes, now)) {
            records_[i].fired_at = now_s;
            steps_.push_back({i, false});
            if (entries_[i].lasts) undo_at_[i] = now + *entries_[i].lasts;
        } else if (now >= undo_at_[i]) {
            undo_at_[i] = kNever;
            records_[i].undone_at = now_s;
            steps_.push_back({i, true});
        }
    }
}

std::optional<TimelineStep> Timeline::poll_step() {
    if (steps_.empty()) return std::nullopt;
    const TimelineStep step = steps_.front();
    steps_.pop_front();
    return step;
}

TimePoint Timeline::next_deadline() const {
    TimePoint next = kNever;
    if (!begin_) return next;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (!records_[i].fired_at && entries_[i].at) next = std::min(next, *begin_ + *entries_[i].at);
        next = std::min(next, undo_at_[i]);
    }
    return next;
}

std::string Timeline::describe(const TimelineStep& step) const {
    const TimelineEntry& entry = entries_[step.entry];
    std::string text = std::string(deed_name(entry.deed)) + ' ' + entry.nodes;
    if (!entry.others.empty()) text += " from " + entry.others;
    if (step.undo) text += ", undone";
    return text;
}

}  // namespace bt::lab
