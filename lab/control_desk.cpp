#include "lab/control_desk.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lab/data_folder.h"
#include "lab/endpoints.h"

namespace bt::lab {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace); }

std::string refusal(const std::string& id, const std::string& why) {
    return R"({"id":)" + id + R"(,"ok":false,"error":)" + text_of(why) + '}';
}

// `fields` is JSON without its braces, or nothing.
std::string agreement(const std::string& id, const std::string& fields = "") {
    return R"({"id":)" + id + R"(,"ok":true)" + (fields.empty() ? "" : ',' + fields) + '}';
}

std::string text_in(const Json& body, const char* key) {
    const auto found = body.find(key);
    return found != body.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<std::uint64_t> number_in(const Json& body, const char* key) {
    const auto found = body.find(key);
    if (found == body.end() || !found->is_number_unsigned()) return std::nullopt;
    return found->get<std::uint64_t>();
}

bool flag_in(const Json& body, const char* key) {
    const auto found = body.find(key);
    return found != body.end() && found->is_boolean() && found->get<bool>();
}

}  // namespace

struct ControlDesk::Request {
    std::shared_ptr<Caller> caller;
    std::string id;  // as JSON
    Json body;

    void yes(const std::string& fields = "") const { caller->send(agreement(id, fields)); }
    void no(const std::string& why) const { caller->send(refusal(id, why)); }
};

ControlDesk::ControlDesk(net::UvLoop& loop, RunOptions defaults, Guard& guard, bool may_start)
    : loop_(loop),
      defaults_(std::move(defaults)),
      guard_(guard),
      may_start_(may_start),
      timers_(loop),
      deadline_(timers_, [this] { settle_waits(); }),
      conclude_(loop, [this] { conclude(); }) {
    defaults_.quiet = true;
}

void ControlDesk::on_line(const std::shared_ptr<Caller>& caller, std::string_view line) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    Request request{caller, "null", Json::parse(line, nullptr, false)};
    if (!request.body.is_object()) return request.no("a request is a JSON object in one line");
    if (const auto id = request.body.find("id"); id != request.body.end()) request.id = text_of(*id);
    answer(request);
}

void ControlDesk::answer(const Request& request) {
    const std::string what = text_in(request.body, "do");
    if (what == "start") return start(request);
    if (what == "report") return report(request);
    if (what == "unsubscribe") return unsubscribe(request);
    if (what == "subscribe") return subscribe(request);
    static constexpr std::string_view kKnown[] = {"wait", "nodes", "endpoints", "ctl", "events", "stop"};
    if (std::ranges::find(kKnown, what) == std::end(kKnown)) {
        return request.no(
            "do: \"" + what +
            "\" is none of start, wait, nodes, endpoints, ctl, events, subscribe, unsubscribe, report, stop");
    }
    if (!run_) return request.no(end_.empty() ? "no swarm was started" : "the swarm has ended: " + end_);
    if (what == "wait") return wait(request);
    if (what == "nodes") return request.yes("\"nodes\":" + nodes_json(*run_));
    if (what == "endpoints") return request.yes("\"endpoints\":" + endpoints_json(*run_));
    if (what == "ctl") return act(request);
    if (what == "events") return events(request);
    waits_.push_back({request.caller, request.id, Wait::For::Stop, std::nullopt, "", kNever});
    run_->swarm().stop();
}

void ControlDesk::start(const Request& request) {
    if (!may_start_) return request.no("this swarm is there already");
    if (run_) return request.no("one swarm at a time: stop the one that runs first");
    const auto given = request.body.find("inline");
    const std::string file = text_in(request.body, "scenario");
    Result<Prepared> prepared = fail(local_error(ErrorCode::InvalidConfig, "wanted scenario (a file) or inline"));
    if (given != request.body.end() && given->is_object()) {
        prepared = prepare_text(text_of(*given), app::ConfigFormat::Json, "inline.json", defaults_.bin);
    } else if (given != request.body.end() && given->is_string()) {
        prepared = prepare_text(given->get<std::string>(), app::ConfigFormat::Toml, "inline.toml", defaults_.bin);
    } else if (!file.empty()) {
        prepared = prepare_scenario(find_scenario(defaults_.bin, file), defaults_.bin);
    }
    if (!prepared) return request.no(prepared.error().message());
    if (flag_in(request.body, "keep")) defaults_.keep = true;
    if (flag_in(request.body, "capture")) defaults_.capture = true;
    if (const std::string out = text_in(request.body, "out"); !out.empty()) defaults_.out = out;
    if (const Status opened = open(std::move(*prepared)); !opened) return request.no(opened.error().message());
    request.yes("\"run\":" + text_of(run_->folder().string()) + ",\"name\":" + text_of(run_->scenario().name));
}

Status ControlDesk::open(Prepared prepared) {
    BT_TRY_ASSIGN(run_, LabRun::make(loop_, std::move(prepared), defaults_, guard_));
    exit_.reset();
    report_.clear();
    run_->start(true, [this] { changed(); });
    run_->swarm().on_event = [this](std::size_t node, std::string_view line) { on_event(node, line); };
    return {};
}

void ControlDesk::wait(const Request& request) {
    Wait wait{request.caller, request.id, Wait::For::Ready, std::nullopt, "ready", kNever};
    const std::string what = text_in(request.body, "for");
    if (what != "ready") {
        wait.what = Wait::For::Condition;
        wait.text = what == "complete" ? "all complete" : what;
        Result<Condition> condition = parse_condition(wait.text);
        if (!condition) return request.no("for: " + condition.error().message());
        if (std::holds_alternative<EventsSeen>(condition->what)) return request.no("for: subscribe to events instead");
        wait.condition = std::move(*condition);
    }
    const auto timeout = request.body.find("timeout");
    if (timeout != request.body.end() && timeout->is_number() && timeout->get<double>() >= 0) {
        wait.deadline = loop_.now() + from_seconds(std::min(timeout->get<double>(), 1e6));
    }
    if (waits_.size() >= kMaxWaits) return request.no("too many waits");
    waits_.push_back(std::move(wait));
    settle_waits();
}

void ControlDesk::act(const Request& request) {
    const std::string action = text_in(request.body, "action");
    const std::optional<Deed> deed = deed_named(action);
    TimelineEntry entry;
    entry.deed = deed.value_or(Deed::Start);
    entry.nodes = text_in(request.body, "node");
    entry.limits = {number_in(request.body, "upload"), number_in(request.body, "download")};
    if (const auto piece = number_in(request.body, "piece")) entry.piece = static_cast<std::uint32_t>(*piece);
    entry.others = text_in(request.body, "from");
    if (!deed) {
        return request.no("action: \"" + action +
                          "\" is none of start, stop, kill, restart, pause, resume, partition, heal, limit, corrupt");
    }
    const bool is_link = deed == Deed::Partition || deed == Deed::Heal;
    if (is_link && !run_->swarm().can_cut_links()) {
        return request.no("the links of this swarm do not go through the lab: write relay = true into the scenario");
    }
    if (!entry.others.empty() && !is_link) return request.no("from is for partition and heal");
    const auto fits = [&entry](const NodeStatus& node) { return matches_pattern(node.name, entry.others); };
    if (!entry.others.empty() && std::ranges::none_of(run_->director().nodes(), fits)) {
        return request.no("no node is called " + entry.others);
    }
    if (entry.deed == Deed::Limit && entry.limits == RateLimits{})
        return request.no("wanted upload or download, bytes/s");
    const std::size_t nodes = run_->swarm().act(entry);
    if (nodes == 0) return request.no("no node is called " + entry.nodes);
    request.yes("\"count\":" + std::to_string(nodes));
}

void ControlDesk::events(const Request& request) {
    std::optional<Query> query;
    if (const std::string text = text_in(request.body, "query"); !text.empty()) {
        Result<Query> parsed = Query::parse(text);
        if (!parsed) return request.no("query: " + parsed.error().message());
        query = std::move(*parsed);
    }
    const std::size_t limit = std::min<std::size_t>(number_in(request.body, "limit").value_or(kMaxEvents), kMaxEvents);
    run_->swarm().flush();
    std::string list;
    std::uint64_t count = 0;
    for (const NodePlan& node : run_->plan().nodes) {
        std::ifstream file(node.folder / "events.jsonl");
        for (std::string line; std::getline(file, line);) {
            if (query && !query->matches(node.name, line)) continue;
            if (++count <= limit) list += (list.empty() ? "" : ",") + line;
        }
    }
    request.yes("\"count\":" + std::to_string(count) + ",\"events\":[" + list + ']');
}

void ControlDesk::subscribe(const Request& request) {
    Subscription subscription{request.caller, request.id, std::nullopt, 0};
    if (const std::string text = text_in(request.body, "query"); !text.empty()) {
        Result<Query> parsed = Query::parse(text);
        if (!parsed) return request.no("query: " + parsed.error().message());
        subscription.query = std::move(*parsed);
    }
    if (subscriptions_.size() >= kMaxWaits) return request.no("too many subscriptions");
    subscriptions_.push_back(std::move(subscription));
    request.yes();
}

void ControlDesk::unsubscribe(const Request& request) {
    const auto of = request.body.find("subscription");
    const std::string id = of == request.body.end() ? "null" : text_of(*of);
    const std::size_t gone = std::erase_if(subscriptions_, [&](const Subscription& subscription) {
        return subscription.caller == request.caller && subscription.id == id;
    });
    gone > 0 ? request.yes() : request.no("there is no subscription " + id);
}

void ControlDesk::on_event(std::size_t node, std::string_view line) {
    for (Subscription& subscription : subscriptions_) {
        if (subscription.query && !subscription.query->matches(run_->plan().nodes[node].name, line)) continue;
        if (subscription.caller->waiting() > kMaxWaiting) {
            ++subscription.dropped;
            continue;
        }
        std::string text = R"({"id":)" + subscription.id;
        if (subscription.dropped > 0) text += ",\"dropped\":" + std::to_string(subscription.dropped);
        subscription.dropped = 0;
        subscription.caller->send(text + ",\"event\":" + std::string(line) + '}');
    }
}

void ControlDesk::report(const Request& request) {
    if (report_.empty())
        return request.no(run_ ? "the report comes when the swarm has ended: stop" : "no swarm has ended");
    request.yes("\"report\":" + report_);
}

void ControlDesk::interrupt() {
    if (run_) run_->swarm().interrupt();
}

void ControlDesk::stop() {
    if (run_) run_->swarm().stop();
}

void ControlDesk::changed() {
    settle_waits();
    if (run_->director().is_done()) conclude_.schedule();
    if (on_change) on_change();
}

// The answer where there is one now.
std::optional<std::string> ControlDesk::outcome_of(const Wait& wait) const {
    if (wait.what == Wait::For::Stop) {
        if (run_) return std::nullopt;
        return stop_answer(wait.id);
    }
    if (!run_) return refusal(wait.id, "the swarm has ended: " + end_);
    const Director& director = run_->director();
    if (wait.what == Wait::For::Ready && director.is_up()) {
        return agreement(wait.id, "\"endpoints\":" + endpoints_json(*run_));
    }
    if (wait.condition && wait.condition->holds(director.nodes(), 0)) {
        const auto time = director.completion_time();
        return agreement(wait.id, "\"completion_s\":" + text_of(time ? Json(to_seconds(*time)) : Json(nullptr)));
    }
    if (director.is_stopping()) return refusal(wait.id, "the swarm ends: " + director.detail());
    if (loop_.now() >= wait.deadline) return refusal(wait.id, "not in time: " + wait.text);
    return std::nullopt;
}

void ControlDesk::settle_waits() {
    std::vector<std::pair<std::shared_ptr<Caller>, std::string>> answers;
    TimePoint next = kNever;
    std::erase_if(waits_, [&](const Wait& wait) {
        std::optional<std::string> outcome = outcome_of(wait);
        if (!outcome) {
            next = std::min(next, wait.deadline);
            return false;
        }
        answers.emplace_back(wait.caller, std::move(*outcome));
        return true;
    });
    deadline_.arm(next);
    for (const auto& [caller, line] : answers) caller->send(line);
}

std::string ControlDesk::stop_answer(const std::string& id) const {
    return agreement(id, "\"outcome\":" + text_of(end_) + ",\"exit_code\":" + std::to_string(static_cast<int>(*exit_)) +
                             ",\"report\":" + (report_.empty() ? "null" : report_));
}

void ControlDesk::conclude() {
    const Result<LabExit> exit = run_->conclude();
    exit_ = exit ? *exit : LabExit::Environment;
    end_ = exit ? run_->director().detail() : exit.error().message();
    // One line of what is written over many.
    if (exit) report_ = text_of(Json::parse(run_->report(), nullptr, false));
    run_.reset();
    settle_waits();
    if (on_change) on_change();
}

void ControlDesk::forget(const Caller* caller) {
    std::erase_if(waits_, [caller](const Wait& wait) { return wait.caller.get() == caller; });
    std::erase_if(subscriptions_, [caller](const Subscription& s) { return s.caller.get() == caller; });
}

}  // namespace bt::lab
