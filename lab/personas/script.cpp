#include "lab/personas/script.h"

namespace bt::persona {

std::optional<wire::Message> message_of(const ScriptStep& step) {
    const std::string& name = step.message;
    if (name == "keep_alive") return wire::KeepAlive{};
    if (name == "choke") return wire::Choke{};
    if (name == "unchoke") return wire::Unchoke{};
    if (name == "interested") return wire::Interested{};
    if (name == "not_interested") return wire::NotInterested{};
    if (name == "have") return wire::Have{step.piece};
    if (name == "bitfield") return wire::Bitfield{as_bytes(step.bytes)};
    if (name == "request") return wire::Request{step.piece, step.begin, step.length};
    if (name == "cancel") return wire::Cancel{step.piece, step.begin, step.length};
    if (name == "piece") return wire::Piece{step.piece, step.begin, as_bytes(step.bytes)};
    if (name == "have_all") return wire::HaveAll{};
    if (name == "have_none") return wire::HaveNone{};
    if (name == "extended") return wire::Extended{static_cast<std::uint8_t>(step.piece), as_bytes(step.bytes)};
    return std::nullopt;
}

void Scripted::say(Link& link, std::string_view event, std::string_view what) {
    link.world().telemetry.emit(
        link.now(), telemetry::Level::Summary, event, std::nullopt,
        {{"step", static_cast<std::uint64_t>(step_)}, {"message", what}, {"address", link.remote().to_string()}});
}

void Scripted::go_on(Link& link) {
    const std::vector<ScriptStep>& script = link.world().options.script;
    while (!done_ && !link.is_closed() && step_ < script.size()) {
        const ScriptStep& step = script[step_];
        using Kind = ScriptStep::Kind;
        if (step.kind == Kind::Expect || step.kind == Kind::Wait) {
            if (!since_) since_ = link.now();
            return;
        }
        if (step.kind == Kind::Close) link.close("end of the script");
        if (step.kind == Kind::SendRaw) link.send_raw(as_bytes(step.bytes));
        if (step.kind == Kind::Send) {
            const bool bare = (step.message == "piece" || step.message == "bitfield") && step.bytes.empty();
            if (bare && step.message == "piece") {
                (void)link.send_block({step.piece, step.begin, step.length});
            } else if (bare) {
                link.send_bitfield(std::vector<bool>(link.peer_has.size(), true));
            } else if (const auto message = message_of(step)) {
                link.send(*message);
            }
        }
        ++step_;
    }
    if (done_ || step_ < script.size()) return;
    done_ = true;
    say(link, "script_done", "");
}

void Scripted::on_message(Link& link, const wire::Message& message) {
    const std::vector<ScriptStep>& script = link.world().options.script;
    if (done_ || step_ >= script.size() || script[step_].kind != ScriptStep::Kind::Expect) return;
    if (script[step_].message != wire::message_name(message)) return;
    say(link, "script_matched", script[step_].message);
    since_.reset();
    ++step_;
    go_on(link);
}

void Scripted::on_tick(Link& link) {
    const std::vector<ScriptStep>& script = link.world().options.script;
    if (done_ || step_ >= script.size() || !since_) return;
    const ScriptStep& step = script[step_];
    const Duration limit = step.time > Duration::zero() ? step.time : kExpectWithin;
    if (link.now() - *since_ < limit) return;
    if (step.kind == ScriptStep::Kind::Expect) {
        done_ = true;
        say(link, "script_failed", step.message);
        return;
    }
    since_.reset();
    ++step_;
    go_on(link);
}

}  // namespace bt::persona
