#include "tracker/statistics.h"

#include <algorithm>

#include "common/telemetry/json_writer.h"

namespace bt::tracker {
namespace {

using telemetry::JsonWriter;

constexpr Duration kHistory = seconds(61);
constexpr std::size_t kMaxSamples = 700;

DoorCounts sum(const DoorCounts& a, const DoorCounts& b) {
    return {a.connects + b.connects, a.announces + b.announces, a.scrapes + b.scrapes, a.refused + b.refused,
            a.silent + b.silent};
}

// A label's value: backslash, quote and line end are escaped.
std::string label(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out;
}

class MetricsText {
  public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = "swarm_tracker_" + std::string(name);
        text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) + "\n";
    }
    void value(const std::string& labels, std::uint64_t number) {
        text_ += name_ + (labels.empty() ? "" : "{" + labels + "}") + " " + std::to_string(number) + "\n";
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    std::string name_;
    std::string text_;
};

void write_door(JsonWriter& json, std::string_view name, const DoorCounts& counts) {
    json.key(name).begin_object();
    json.field("connects", counts.connects).field("announces", counts.announces).field("scrapes", counts.scrapes);
    json.field("refused", counts.refused).field("silent", counts.silent).end_object();
}

}  // namespace

void write_rates(JsonWriter& json, std::string_view name, const RateMeter::Rates& rates) {
    json.key(name).begin_object();
    json.field("connects", rates.connects).field("announces", rates.announces).field("scrapes", rates.scrapes);
    json.field("refused", rates.refused).end_object();
}

void RateMeter::sample(const Numbers& numbers) {
    samples_.push_back({numbers.now, sum(numbers.http, numbers.udp)});
    while (samples_.size() > 2 && (samples_[1].time + kHistory <= numbers.now || samples_.size() > kMaxSamples)) {
        samples_.pop_front();
    }
}

RateMeter::Rates RateMeter::over(Duration window) const {
    if (samples_.size() < 2) return {};
    const Sample& last = samples_.back();
    const auto first = std::find_if(samples_.begin(), samples_.end() - 2,
                                    [&](const Sample& sample) { return sample.time + window >= last.time; });
    const double passed = to_seconds(last.time - first->time);
    if (passed <= 0) return {};
    const auto rate = [&](std::uint64_t before, std::uint64_t after) {
        return static_cast<double>(after - before) / passed;
    };
    return {rate(first->counts.connects, last.counts.connects), rate(first->counts.announces, last.counts.announces),
            rate(first->counts.scrapes, last.counts.scrapes), rate(first->counts.refused, last.counts.refused)};
}

std::string metrics_text(const Numbers& numbers, const RuleBook& rules) {
    MetricsText text;
    text.family("requests_total", "counter", "Requests answered, by door and kind.");
    const auto door = [&](const std::string& name, const DoorCounts& counts) {
        const std::string with = "door=\"" + name + "\",kind=";
        if (name == "udp") text.value(with + "\"connect\"", counts.connects);
        text.value(with + "\"announce\"", counts.announces);
        text.value(with + "\"scrape\"", counts.scrapes);
    };
    door("http", numbers.http);
    door("udp", numbers.udp);
    text.family("refused_total", "counter", "Requests answered with a refusal, by door.");
    text.value("door=\"http\"", numbers.http.refused);
    text.value("door=\"udp\"", numbers.udp.refused);
    text.family("silent_total", "counter", "Datagrams that got no answer.");
    text.value("door=\"udp\"", numbers.udp.silent);
    text.family("torrents", "gauge", "Torrents that are known.");
    text.value("", numbers.torrents);
    text.family("peers", "gauge", "Peers of all torrents.");
    text.value("state=\"complete\"", numbers.complete);
    text.value("state=\"incomplete\"", numbers.incomplete);
    text.family("connections", "gauge", "Open HTTP connections.");
    text.value("", numbers.connections);
    text.family("registry_bytes", "gauge", "Memory that torrents and peers take.");
    text.value("", numbers.memory_bytes);
    text.family("uptime_seconds", "gauge", "Seconds since the start.");
    text.value("", static_cast<std::uint64_t>(to_seconds(numbers.uptime)));
    if (!rules.empty()) {
        text.family("misbehaved_total", "counter", "Answers that a rule of the configuration spoiled.");
        for (std::size_t i = 0; i < rules.rules().size(); ++i) {
            const Rule& rule = rules.rules()[i];
            text.value(
                "rule=\"" + label(rule.name) + "\",action=\"" + std::string(action_info(rule.action.kind).name) + "\"",
                rules.counters(i).applied);
        }
    }
    return text.take();
}

std::string stats_json(const Numbers& numbers, const RateMeter& rates, const RuleBook& rules) {
    JsonWriter json;
    json.begin_object().field("version", 1).field("uptime_s", to_seconds(numbers.uptime));
    json.field("torrents", numbers.torrents).field("peers", numbers.peers).field("complete", numbers.complete);
    json.field("incomplete", numbers.incomplete).field("connections", numbers.connections);
    json.field("registry_bytes", numbers.memory_bytes);
    json.key("doors").begin_object();
    write_door(json, "http", numbers.http);
    write_door(json, "udp", numbers.udp);
    json.end_object();
    json.key("rates_per_s").begin_object();
    write_rates(json, "10s", rates.over(seconds(10)));
    write_rates(json, "60s", rates.over(seconds(60)));
    json.end_object();
    json.key("rules").begin_array();
    for (std::size_t i = 0; i < rules.rules().size(); ++i) {
        const Rule& rule = rules.rules()[i];
        json.begin_object().field("name", rule.name).field("action", action_info(rule.action.kind).name);
        json.field("fitted", rules.counters(i).fitted).field("applied", rules.counters(i).applied).end_object();
    }
    json.end_array().end_object();
    return json.text();
}

}  // namespace bt::tracker
