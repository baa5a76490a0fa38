// The part of peer_command.h that reads scripts.

#include "common/app/config_tree.h"
#include "common/base/encoding.h"
#include "lab/peer_command.h"
#include "lab/personas/script.h"
#include "lab/scenario_values.h"

namespace bt::lab {
namespace {

using app::ConfigTable;
using persona::ScriptStep;

Result<std::string> read_hex(const ConfigTable& table, std::string_view key) {
    BT_TRY_ASSIGN(const std::optional<std::string> text, table.string(key));
    if (!text) return std::string();
    const auto bytes = from_hex(*text);
    if (!bytes) return fail(table.error_at(key, "wanted hex digits, two a byte"));
    return to_string(*bytes);
}

Status read_numbers(const ConfigTable& table, ScriptStep& step) {
    const std::pair<const char*, std::uint32_t*> numbers[] = {
        {"piece", &step.piece}, {"begin", &step.begin}, {"length", &step.length}};
    for (const auto& [key, target] : numbers) {
        BT_TRY_ASSIGN(const std::optional<std::int64_t> value, table.integer(key, 0, UINT32_MAX));
        if (value) *target = static_cast<std::uint32_t>(*value);
    }
    return {};
}

Result<ScriptStep> read_step(const ConfigTable& table) {
    using Kind = ScriptStep::Kind;
    BT_TRY(table.allow_only(
        {"send", "send_raw", "expect", "wait", "close", "piece", "begin", "length", "payload", "within"}));
    ScriptStep step;
    int kinds = 0;
    for (const auto& [key, kind] :
         {std::pair("send", Kind::Send), std::pair("send_raw", Kind::SendRaw), std::pair("expect", Kind::Expect),
          std::pair("wait", Kind::Wait), std::pair("close", Kind::Close)}) {
        if (!table.has(key)) continue;
        step.kind = kind;
        ++kinds;
    }
    if (kinds != 1) return fail(table.error_here("wanted one of send, send_raw, expect, wait and close"));
    BT_TRY(read_numbers(table, step));
    BT_TRY_ASSIGN(step.bytes, read_hex(table, step.kind == Kind::SendRaw ? "send_raw" : "payload"));
    if (step.kind == Kind::Send || step.kind == Kind::Expect) {
        const char* key = step.kind == Kind::Send ? "send" : "expect";
        BT_TRY_ASSIGN(const std::optional<std::string> message, table.string(key));
        step.message = message.value_or("");
        if (!persona::message_of(step)) {
            return fail(table.error_at(key,
                                       "wanted keep_alive, choke, unchoke, interested, not_interested, have, bitfield, "
                                       "request, piece, cancel, have_all, have_none or extended"));
        }
    }
    if (step.kind == Kind::Wait || step.kind == Kind::Expect) {
        BT_TRY_ASSIGN(const std::optional<Duration> time,
                      read_duration(table, step.kind == Kind::Wait ? "wait" : "within"));
        step.time = time.value_or(Duration::zero());
    }
    return step;
}

Result<std::vector<ScriptStep>> read_script(const app::ConfigFile& file) {
    BT_TRY(file.root().allow_only({"step"}));
    BT_TRY_ASSIGN(const std::vector<ConfigTable> tables, file.root().tables("step"));
    std::vector<ScriptStep> steps;
    for (const ConfigTable& table : tables) {
        BT_TRY_ASSIGN(ScriptStep step, read_step(table));
        steps.push_back(std::move(step));
    }
    if (steps.empty()) return fail(file.root().error_here("wanted [[step]]"));
    return steps;
}

}  // namespace

Result<std::vector<ScriptStep>> load_script(const std::string& path) {
    BT_TRY_ASSIGN(const app::ConfigFile file, app::ConfigFile::load(path));
    return read_script(file);
}

Result<std::vector<ScriptStep>> parse_script(std::string_view text, const std::string& name) {
    BT_TRY_ASSIGN(const app::ConfigFile file, app::ConfigFile::parse(text, app::ConfigFormat::Toml, name));
    return read_script(file);
}

}  // namespace bt::lab
