#include "lab/control_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

namespace bt::lab {
namespace {

using RequestJson = nlohmann::json;
using Keys = std::initializer_list<std::string_view>;

constexpr std::size_t kShown = 40;  // bytes of what somebody wrote, in an error

Error wrong(std::string what) { return local_error(ErrorCode::InvalidArgument, std::move(what)); }
Error wrong(std::string_view key, std::string_view what) { return wrong(std::string(key) + ": " + std::string(what)); }

std::string request_text(const RequestJson& json) {
    return json.dump(-1, ' ', false, RequestJson::error_handler_t::replace);
}

std::string shown(const std::string& text) { return text.size() > kShown ? text.substr(0, kShown) + "…" : text; }

// SAX handler: the value of a line, where it is nested no deeper than it may be.
class Builder {
  public:
    bool null() { return place(nullptr); }
    bool boolean(bool value) { return place(value); }
    bool number_integer(std::int64_t value) { return place(value); }
    bool number_unsigned(std::uint64_t value) { return place(value); }
    bool number_float(double value, const std::string&) { return place(value); }
    bool string(std::string& value) { return place(std::move(value)); }
    bool binary(RequestJson::binary_t&) { return false; }  // not in a text
    bool start_object(std::size_t) { return open(RequestJson::object()); }
    bool start_array(std::size_t) { return open(RequestJson::array()); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(std::string& name) {
        if (skipped_ == 0 && open_.back()->contains(name)) refuse(wrong("key " + shown(name) + " stands there twice"));
        if (skipped_ == 0) key_ = std::move(name);
        if (is_at_id()) has_id_ = false;  // until all of it is read
        return true;
    }
    bool parse_error(std::size_t read, const std::string&, const RequestJson::exception& error) {
        const bool is_number = error.id == kNumberTooLarge;
        Error what = wrong(is_number ? "a number is too large" : "a request is a JSON object in one line");
        what.offset = read > 0 ? read - 1 : 0;
        refuse(std::move(what));
        return false;
    }

    [[nodiscard]] const RequestJson& root() const { return root_; }
    // nullptr: there is none, or it was not read to its end.
    [[nodiscard]] const RequestJson* id() const { return has_id_ ? &root_.at("id") : nullptr; }
    // The first that was wrong.
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  private:
    static constexpr int kNumberTooLarge = 406;  // nlohmann's id

    void refuse(Error error) {
        if (!error_) error_ = std::move(error);
    }
    [[nodiscard]] bool is_at_id() const { return open_.size() == 1 && open_.front()->is_object() && key_ == "id"; }
    RequestJson& add(RequestJson value) {
        if (open_.empty()) return root_ = std::move(value);
        if (!open_.back()->is_array()) return (*open_.back())[key_] = std::move(value);
        open_.back()->push_back(std::move(value));
        return open_.back()->back();
    }
    bool place(RequestJson value) {
        if (skipped_ == 0) {
            has_id_ |= is_at_id();
            add(std::move(value));
        }
        return true;
    }
    bool open(RequestJson value) {
        if (skipped_ > 0 || open_.size() >= kMaxControlDepth) {
            refuse(wrong("nested deeper than " + std::to_string(kMaxControlDepth) + " levels"));
            ++skipped_;
            in_id_ = false;
        } else {
            in_id_ |= is_at_id();
            open_.push_back(&add(std::move(value)));
        }
        return true;
    }
    bool close() {
        if (skipped_ > 0) {
            --skipped_;
            return true;
        }
        open_.pop_back();
        if (open_.size() == 1 && std::exchange(in_id_, false)) has_id_ = true;
        return true;
    }

    RequestJson root_;
    std::vector<RequestJson*> open_;
    std::string key_;
    bool in_id_ = false, has_id_ = false;
    std::size_t skipped_ = 0;  // levels that are open and too deep
    std::optional<Error> error_;
};

// The fields of a request.
class Fields {
  public:
    explicit Fields(const RequestJson& body) : body_(body) {}

    // nullptr: left out.
    [[nodiscard]] const RequestJson* find(std::string_view key) const {
        const auto found = body_.find(key);
        return found == body_.end() || found->is_null() ? nullptr : &*found;
    }
    [[nodiscard]] Status allow_only(Keys keys) const {
        std::vector<std::string_view> known(keys);
        known.insert(known.end(), {"do", "id"});
        for (const auto& [key, value] : body_.items()) {
            if (std::ranges::find(known, key) != known.end()) continue;
            std::string what = "unknown key " + shown(key);
            if (const auto near = app::nearest_word(key, known)) {
                return fail(wrong(what + "; did you mean " + std::string(*near) + "?"));
            }
            for (const std::string_view one : known) {
                what += (one == known.front() ? "; known keys: " : ", ") + std::string(one);
            }
            return fail(wrong(what));
        }
        return {};
    }
    // Empty: left out.
    [[nodiscard]] Result<std::string> text(std::string_view key, std::size_t max = kMaxControlText) const {
        const RequestJson* found = find(key);
        if (found == nullptr) return std::string();
        if (!found->is_string()) return fail(wrong(key, "wanted a text"));
        const auto& text = found->get_ref<const std::string&>();
        if (text.size() > max) return fail(wrong(key, "more than " + std::to_string(max) + " bytes"));
        if (text.find('\0') != std::string::npos) return fail(wrong(key, "has a zero byte"));
        return text;
    }
    [[nodiscard]] Result<std::optional<std::uint64_t>> count(std::string_view key, std::uint64_t max) const {
        const RequestJson* found = find(key);
        if (found == nullptr) return std::nullopt;
        if (!found->is_number_unsigned() || found->get<std::uint64_t>() > max) {
            return fail(wrong(key, "wanted a whole number, 0 to " + std::to_string(max)));
        }
        return found->get<std::uint64_t>();
    }
    [[nodiscard]] Result<bool> flag(std::string_view key) const {
        const RequestJson* found = find(key);
        if (found != nullptr && !found->is_boolean()) return fail(wrong(key, "wanted true or false"));
        return found != nullptr && found->get<bool>();
    }
    [[nodiscard]] Result<std::optional<Duration>> timeout(std::string_view key) const {
        const RequestJson* found = find(key);
        if (found == nullptr) return std::nullopt;
        if (!found->is_number() || !(found->get<double>() >= 0)) return fail(wrong(key, "wanted seconds, 0 or more"));
        return from_seconds(std::min(found->get<double>(), kMaxControlTimeout));
    }
    [[nodiscard]] Result<std::optional<Query>> query(std::string_view key) const {
        BT_TRY_ASSIGN(const std::string line, text(key));
        if (line.empty()) return std::nullopt;
        Result<Query> parsed = Query::parse(line);
        if (!parsed) return fail(wrong(key, parsed.error().message()));
        return std::move(*parsed);
    }

  private:
    const RequestJson& body_;
};

Result<ControlRequest> read_start(const Fields& fields) {
    BT_TRY(fields.allow_only({"scenario", "inline", "out", "keep", "capture"}));
    StartRequest start;
    BT_TRY_ASSIGN(start.scenario, fields.text("scenario", kMaxControlPath));
    const RequestJson* given = fields.find("inline");
    if ((given == nullptr) == start.scenario.empty()) return fail(wrong("wanted either scenario (a file) or inline"));
    if (given != nullptr && given->is_object()) {
        start.from = StartRequest::From::Json;
        start.scenario = request_text(*given);
    } else if (given != nullptr && given->is_string()) {
        start.from = StartRequest::From::Toml;
        start.scenario = given->get<std::string>();
    } else if (given != nullptr) {
        return fail(wrong("inline", "wanted a scenario, as an object or as TOML in a text"));
    }
    BT_TRY_ASSIGN(start.out, fields.text("out", kMaxControlPath));
    BT_TRY_ASSIGN(start.keep, fields.flag("keep"));
    BT_TRY_ASSIGN(start.capture, fields.flag("capture"));
    return start;
}

Result<ControlRequest> read_wait(const Fields& fields) {
    BT_TRY(fields.allow_only({"for", "timeout"}));
    WaitRequest wait;
    BT_TRY_ASSIGN(const std::string what, fields.text("for"));
    BT_TRY_ASSIGN(wait.timeout, fields.timeout("timeout"));
    if (what == "ready") return wait;
    Result<Condition> condition = parse_condition(what == "complete" ? "all complete" : what);
    if (!condition) return fail(wrong("for", "ready or complete, else " + condition.error().message()));
    if (std::holds_alternative<EventsSeen>(condition->what)) {
        return fail(wrong("for", "subscribe to events instead"));
    }
    wait.condition = std::move(*condition);
    return wait;
}

Status read_details(const Fields& fields, TimelineEntry& entry) {
    const bool is_link = entry.deed == Deed::Partition || entry.deed == Deed::Heal;
    BT_TRY_ASSIGN(entry.others, fields.text("from"));
    if (!entry.others.empty() && !is_link) return fail(wrong("from", "is for partition and heal"));
    BT_TRY_ASSIGN(entry.limits.upload, fields.count("upload", kMaxControlRate));
    BT_TRY_ASSIGN(entry.limits.download, fields.count("download", kMaxControlRate));
    const bool has_rates = entry.limits != RateLimits{};
    if (entry.deed == Deed::Limit && !has_rates) return fail(wrong("limit: wanted upload or download, bytes/s"));
    if (entry.deed != Deed::Limit && has_rates) {
        return fail(wrong(entry.limits.upload ? "upload" : "download", "is for limit"));
    }
    BT_TRY_ASSIGN(const std::optional<std::uint64_t> piece, fields.count("piece", UINT32_MAX));
    if (piece && entry.deed != Deed::Corrupt) return fail(wrong("piece", "is for corrupt"));
    if (piece) entry.piece = static_cast<std::uint32_t>(*piece);
    return {};
}

Result<ControlRequest> read_act(const Fields& fields) {
    BT_TRY(fields.allow_only({"node", "action", "from", "upload", "download", "piece"}));
    ActRequest act;
    BT_TRY_ASSIGN(const std::string action, fields.text("action"));
    const std::optional<Deed> deed = deed_named(action);
    if (!deed) {
        return fail(
            wrong("action", '"' + shown(action) +
                                "\" is none of start, stop, kill, restart, pause, resume, partition, heal, limit, "
                                "corrupt"));
    }
    act.entry.deed = *deed;
    BT_TRY_ASSIGN(act.entry.nodes, fields.text("node"));
    if (act.entry.nodes.empty()) return fail(wrong("node", "wanted a name, or a pattern with '*'"));
    BT_TRY(read_details(fields, act.entry));
    return act;
}

Result<ControlRequest> read_events(const Fields& fields) {
    BT_TRY(fields.allow_only({"query", "limit"}));
    EventsRequest events;
    BT_TRY_ASSIGN(events.query, fields.query("query"));
    BT_TRY_ASSIGN(const std::optional<std::uint64_t> limit, fields.count("limit", UINT64_MAX));
    events.limit = std::min(limit.value_or(kMaxEvents), kMaxEvents);
    return events;
}

Result<ControlRequest> read_subscribe(const Fields& fields) {
    BT_TRY(fields.allow_only({"query"}));
    SubscribeRequest subscribe;
    BT_TRY_ASSIGN(subscribe.query, fields.query("query"));
    return subscribe;
}

Result<ControlRequest> read_unsubscribe(const Fields& fields) {
    BT_TRY(fields.allow_only({"subscription"}));
    const RequestJson* id = fields.find("subscription");
    UnsubscribeRequest unsubscribe{id == nullptr ? "null" : request_text(*id)};
    if (unsubscribe.subscription.size() > kMaxControlId) {
        return fail(wrong("subscription", "more than " + std::to_string(kMaxControlId) + " bytes"));
    }
    return unsubscribe;
}

template <class Request>
Result<ControlRequest> read_bare(const Fields& fields) {
    BT_TRY(fields.allow_only({}));
    return Request{};
}

struct Verb {
    std::string_view name;
    Result<ControlRequest> (*read)(const Fields&);
};
constexpr Verb kVerbs[] = {{"start", read_start},
                           {"wait", read_wait},
                           {"nodes", read_bare<NodesRequest>},
                           {"endpoints", read_bare<EndpointsRequest>},
                           {"ctl", read_act},
                           {"events", read_events},
                           {"subscribe", read_subscribe},
                           {"unsubscribe", read_unsubscribe},
                           {"report", read_bare<ReportRequest>},
                           {"stop", read_bare<StopRequest>}};

Result<ControlRequest> read_request(const Fields& fields) {
    BT_TRY_ASSIGN(const std::string what, fields.text("do"));
    const auto verb = std::ranges::find(kVerbs, what, &Verb::name);
    if (verb != std::end(kVerbs)) return verb->read(fields);
    std::string names;
    for (const Verb& known : kVerbs) names += (names.empty() ? "" : ", ") + std::string(known.name);
    return fail(wrong("do", '"' + shown(what) + "\" is none of " + names));
}

}  // namespace

ControlLine read_control_line(std::string_view line) {
    if (line.size() > kMaxControlLine) {
        return {"null", fail(wrong("a request has at most " + std::to_string(kMaxControlLine) + " bytes"))};
    }
    Builder builder;
    (void)RequestJson::sax_parse(line, &builder);
    std::string id = builder.id() != nullptr ? request_text(*builder.id()) : "null";
    if (id.size() > kMaxControlId) {
        return {"null", fail(wrong("id", "more than " + std::to_string(kMaxControlId) + " bytes"))};
    }
    if (builder.error()) return {std::move(id), fail(*builder.error())};
    if (!builder.root().is_object()) return {"null", fail(wrong("a request is a JSON object in one line"))};
    return {std::move(id), read_request(Fields(builder.root()))};
}

}  // namespace bt::lab
