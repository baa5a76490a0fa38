#include "lab/control_desk.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/net/line_pipe.h"
#include "lab/data_folder.h"
#include "lab/endpoints.h"

namespace bt::lab {
namespace {

using Json = nlohmann::ordered_json;

std::string answer_text(const Json& json) {
    return json.dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace);
}

std::string refusal(const std::string& id, const std::string& why) {
    return R"({"id":)" + id + R"(,"ok":false,"error":)" + answer_text(why) + '}';
}

// `fields` is JSON without its braces, or nothing.
std::string agreement(const std::string& id, const std::string& fields = "") {
    return R"({"id":)" + id + R"(,"ok":true)" + (fields.empty() ? "" : ',' + fields) + '}';
}

Result<Prepared> prepare(const StartRequest& request, const std::filesystem::path& bin) {
    switch (request.from) {
        case StartRequest::From::Json:
            return prepare_text(request.scenario, app::ConfigFormat::Json, "inline.json", bin);
        case StartRequest::From::Toml:
            return prepare_text(request.scenario, app::ConfigFormat::Toml, "inline.toml", bin);
        case StartRequest::From::File:
            break;
    }
    return prepare_scenario(find_scenario(bin, request.scenario), bin);
}

// What only a swarm that is there can answer.
template <class Request>
constexpr bool kNeedsSwarm = !std::is_same_v<Request, StartRequest> && !std::is_same_v<Request, ReportRequest> &&
                             !std::is_same_v<Request, SubscribeRequest> && !std::is_same_v<Request, UnsubscribeRequest>;

}  // namespace

static_assert(kMaxControlLine < net::kMaxLine, "a part of a longer line is not taken for a request");

void ControlDesk::Asker::yes(const std::string& fields) const { caller->send(agreement(id, fields)); }
void ControlDesk::Asker::no(const std::string& why) const { caller->send(refusal(id, why)); }

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
    ControlLine read = read_control_line(line);
    const Asker asker{caller, std::move(read.id)};
    if (!read.request) return asker.no(read.request.error().message());
    std::visit(
        [&]<class Request>(Request& request) {
            if (kNeedsSwarm<Request> && !run_) {
                return asker.no(end_.empty() ? "no swarm was started" : "the swarm has ended: " + end_);
            }
            carry_out(asker, std::move(request));
        },
        *read.request);
}

void ControlDesk::carry_out(const Asker& asker, const StartRequest& request) {
    if (!may_start_) return asker.no("this swarm is there already");
    if (run_) return asker.no("one swarm at a time: stop the one that runs first");
    Result<Prepared> prepared = prepare(request, defaults_.bin);
    if (!prepared) return asker.no(prepared.error().message());
    RunOptions options = defaults_;
    options.keep |= request.keep;
    options.capture |= request.capture;
    if (!request.out.empty()) options.out = request.out;
    if (const Status opened = open(std::move(*prepared), options); !opened) return asker.no(opened.error().message());
    asker.yes("\"run\":" + answer_text(run_->folder().string()) + ",\"name\":" + answer_text(run_->scenario().name));
}

Status ControlDesk::open(Prepared prepared) { return open(std::move(prepared), defaults_); }

Status ControlDesk::open(Prepared prepared, const RunOptions& options) {
    BT_TRY_ASSIGN(run_, LabRun::make(loop_, std::move(prepared), options, guard_));
    exit_.reset();
    report_.clear();
    run_->start(Hold::OnceUp, [this] { changed(); });
    run_->swarm().on_event = [this](std::size_t node, std::string_view line) { on_event(node, line); };
    return {};
}

void ControlDesk::carry_out(const Asker& asker, WaitRequest request) {
    if (waits_.size() >= kMaxWaits) return asker.no("too many waits");
    Wait wait{asker, request.condition ? Wait::For::Condition : Wait::For::Ready, std::move(request.condition), kNever};
    if (request.timeout) wait.deadline = loop_.now() + *request.timeout;
    waits_.push_back(std::move(wait));
    settle_waits();
}

void ControlDesk::carry_out(const Asker& asker, const NodesRequest&) { asker.yes("\"nodes\":" + nodes_json(*run_)); }

void ControlDesk::carry_out(const Asker& asker, const EndpointsRequest&) {
    asker.yes("\"endpoints\":" + endpoints_json(*run_));
}

void ControlDesk::carry_out(const Asker& asker, const ActRequest& request) {
    const TimelineEntry& entry = request.entry;
    const bool is_link = entry.deed == Deed::Partition || entry.deed == Deed::Heal;
    if (is_link && !run_->swarm().can_cut_links()) {
        return asker.no("the links of this swarm do not go through the lab: write relay = true into the scenario");
    }
    const auto fits = [&entry](const NodeStatus& node) { return matches_pattern(node.name, entry.others); };
    if (!entry.others.empty() && std::ranges::none_of(run_->director().nodes(), fits)) {
        return asker.no("no node is called " + entry.others);
    }
    const std::size_t nodes = run_->swarm().act(entry);
    if (nodes == 0) return asker.no("no node is called " + entry.nodes);
    asker.yes("\"count\":" + std::to_string(nodes));
}

void ControlDesk::carry_out(const Asker& asker, const EventsRequest& request) {
    run_->swarm().flush();
    std::string list;
    std::uint64_t count = 0;
    for (const NodePlan& node : run_->plan().nodes) {
        std::ifstream file(node.folder / "events.jsonl");
        for (std::string line; std::getline(file, line);) {
            if (request.query && !request.query->matches(node.name, line)) continue;
            if (++count <= request.limit) list += (list.empty() ? "" : ",") + line;
        }
    }
    asker.yes("\"count\":" + std::to_string(count) + ",\"events\":[" + list + ']');
}

void ControlDesk::carry_out(const Asker& asker, SubscribeRequest request) {
    if (subscriptions_.size() >= kMaxWaits) return asker.no("too many subscriptions");
    subscriptions_.push_back({asker, std::move(request.query), 0});
    asker.yes();
}

void ControlDesk::carry_out(const Asker& asker, const UnsubscribeRequest& request) {
    const std::size_t gone = std::erase_if(subscriptions_, [&](const Subscription& subscription) {
        return subscription.asker.caller == asker.caller && subscription.asker.id == request.subscription;
    });
    gone > 0 ? asker.yes() : asker.no("there is no subscription " + request.subscription);
}

void ControlDesk::carry_out(const Asker& asker, const StopRequest&) {
    waits_.push_back({asker, Wait::For::Stop, std::nullopt, kNever});
    run_->swarm().stop();
}

void ControlDesk::carry_out(const Asker& asker, const ReportRequest&) {
    if (report_.empty())
        return asker.no(run_ ? "the report comes when the swarm has ended: stop" : "no swarm has ended");
    asker.yes("\"report\":" + report_);
}

void ControlDesk::on_event(std::size_t node, std::string_view line) {
    for (Subscription& subscription : subscriptions_) {
        if (subscription.query && !subscription.query->matches(run_->plan().nodes[node].name, line)) continue;
        if (subscription.asker.caller->waiting() > kMaxWaiting) {
            ++subscription.dropped;
            continue;
        }
        std::string text = R"({"id":)" + subscription.asker.id;
        if (subscription.dropped > 0) text += ",\"dropped\":" + std::to_string(subscription.dropped);
        subscription.dropped = 0;
        subscription.asker.caller->send(text + ",\"event\":" + std::string(line) + '}');
    }
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
        return stop_answer(wait.asker.id);
    }
    if (!run_) return refusal(wait.asker.id, "the swarm has ended: " + end_);
    const Director& director = run_->director();
    if (wait.what == Wait::For::Ready && director.is_up()) {
        return agreement(wait.asker.id, "\"endpoints\":" + endpoints_json(*run_));
    }
    if (wait.condition && wait.condition->holds(director.nodes(), 0)) {
        const auto time = director.completion_time();
        return agreement(wait.asker.id,
                         "\"completion_s\":" + answer_text(time ? Json(to_seconds(*time)) : Json(nullptr)));
    }
    if (director.is_stopping()) return refusal(wait.asker.id, "the swarm ends: " + director.detail());
    if (loop_.now() >= wait.deadline)
        return refusal(wait.asker.id, "not in time: " + (wait.condition ? wait.condition->text : "ready"));
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
        answers.emplace_back(wait.asker.caller, std::move(*outcome));
        return true;
    });
    deadline_.arm(next);
    for (const auto& [caller, line] : answers) caller->send(line);
}

std::string ControlDesk::stop_answer(const std::string& id) const {
    return agreement(id, "\"outcome\":" + answer_text(end_) +
                             ",\"exit_code\":" + std::to_string(static_cast<int>(*exit_)) +
                             ",\"report\":" + (report_.empty() ? "null" : report_));
}

void ControlDesk::conclude() {
    const Result<LabExit> exit = run_->conclude();
    exit_ = exit ? *exit : LabExit::Environment;
    end_ = exit ? run_->director().detail() : exit.error().message();
    // One line of what is written over many.
    if (exit) report_ = answer_text(Json::parse(run_->report(), nullptr, false));
    run_.reset();
    settle_waits();
    if (on_change) on_change();
}

void ControlDesk::forget(const Caller* caller) {
    std::erase_if(waits_, [caller](const Wait& wait) { return wait.asker.caller.get() == caller; });
    std::erase_if(subscriptions_, [caller](const Subscription& s) { return s.asker.caller.get() == caller; });
}

}  // namespace bt::lab
