#include "lab/sim/event_log.h"

#include <type_traits>

namespace bt::sim {

telemetry::Telemetry EventLog::telemetry_of(std::string node) {
    sinks_.emplace_back(*this, std::move(node));
    return telemetry::Telemetry(&sinks_.back());
}

void EventLog::on_event(const std::string& node, const telemetry::Event& event) {
    for (const Watcher& watcher : watchers_) watcher(node, event);
    ++event_count_;
    if (!keep_text_) return;
    text_ += telemetry::to_json_line(node, event);
    text_ += '\n';
}

std::string field_text(const telemetry::Event& event, std::string_view key) {
    for (const telemetry::Field& field : event.fields) {
        if (field.key != key) continue;
        return std::visit(
            [](const auto& value) -> std::string {
                using Value = std::remove_cvref_t<decltype(value)>;
                if constexpr (std::is_same_v<Value, std::string_view>)
                    return std::string(value);
                else if constexpr (std::is_same_v<Value, bool>)
                    return value ? "true" : "false";
                else
                    return std::to_string(value);
            },
            field.value);
    }
    return {};
}

}  // namespace bt::sim
