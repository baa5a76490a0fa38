#include "lab/merged_events.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <memory>
#include <queue>

namespace bt::lab {
namespace {

constexpr std::string_view kFront = "{\"t\":";

// One node's file, a line at a time.
struct EventReader {
    explicit EventReader(const EventSource& from) : source(&from), file(from.file) {}

    bool next() {
        while (std::getline(file, line)) {
            while (start + 1 < source->starts.size() && source->starts[start + 1].first_line <= number) ++start;
            ++number;
            const double t = event_time(line);
            if (t < 0 || source->starts.empty()) continue;
            at = std::max(at, source->starts[start].zero_at_s + t);
            return true;
        }
        return false;
    }

    const EventSource* source;
    std::ifstream file;
    std::uint64_t number = 0;  // of lines read
    std::size_t start = 0;
    std::string line;
    double at = 0;
};

}  // namespace

double event_time(std::string_view line) {
    if (!line.starts_with(kFront)) return -1;
    double t = -1;
    const auto [rest, error] = std::from_chars(line.data() + kFront.size(), line.data() + line.size(), t);
    return error == std::errc() && t >= 0 ? t : -1;
}

void EventClock::on_start() {
    starts_.push_back({lines_, 0});
    known_ = false;
}

void EventClock::on_line(std::string_view line, double came_at_s) {
    ++lines_;
    const double t = event_time(line);
    if (t < 0 || starts_.empty()) return;
    const double zero = std::max(0.0, came_at_s - t);
    starts_.back().zero_at_s = known_ ? std::min(starts_.back().zero_at_s, zero) : zero;
    known_ = true;
}

Status merge_events(const std::vector<EventSource>& sources, const std::filesystem::path& target) {
    std::ofstream out(target, std::ios::binary | std::ios::trunc);
    std::vector<std::unique_ptr<EventReader>> readers;
    const auto later = [&](std::size_t a, std::size_t b) {
        return readers[a]->at != readers[b]->at ? readers[a]->at > readers[b]->at : a > b;
    };
    std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(later)> next(later);
    for (const EventSource& source : sources) {
        readers.push_back(std::make_unique<EventReader>(source));
        if (readers.back()->next()) next.push(readers.size() - 1);
    }
    while (!next.empty()) {
        const std::size_t index = next.top();
        next.pop();
        EventReader& reader = *readers[index];
        char front[48];
        const int length = std::snprintf(front, sizeof front, "{\"at\":%.6f,", reader.at);
        out.write(front, length).write(reader.line.data() + 1, static_cast<std::streamsize>(reader.line.size()) - 1);
        out.put('\n');
        if (reader.next()) next.push(index);
    }
    if (!out.flush()) return fail(local_error(ErrorCode::DiskFull, target.string() + " cannot be written"));
    return {};
}

}  // namespace bt::lab
