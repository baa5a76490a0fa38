#include "tracker/pages_config.h"

namespace bt::tracker {
namespace {

Status read_section(const app::ConfigTable& root, std::string_view name, std::vector<AddressRange>& to) {
    BT_TRY_ASSIGN(const auto section, root.table(name));
    if (!section) return {};
    BT_TRY(section->allow_only({"enabled", "allow"}));
    BT_TRY_ASSIGN(const auto enabled, section->boolean("enabled"));
    BT_TRY_ASSIGN(const auto allow, section->strings("allow"));
    std::vector<AddressRange> ranges;
    for (const std::string& text : allow.value_or(std::vector<std::string>())) {
        const auto range = AddressRange::parse(text);
        if (!range) return fail(section->error_at("allow", "\"" + text + "\" is no address and no range of them"));
        ranges.push_back(*range);
    }
    if (enabled.value_or(allow.has_value())) to = allow ? std::move(ranges) : loopback_only();
    return {};
}

}  // namespace

Status read_pages(const app::ConfigTable& root, PageSettings& settings) {
    BT_TRY(read_section(root, "web", settings.web));
    return read_section(root, "stats", settings.stats);
}

std::string pages_config_text() {
    return R"(
# The live page at /, as --web does, and /metrics and /stats.json. Off unless enabled; then for this machine only, or
# for the addresses in allow.
#[web]
#enabled = true
#allow = ["127.0.0.0/8", "::1"]
#[stats]
#enabled = true
#allow = ["127.0.0.0/8", "::1"]
)";
}

}  // namespace bt::tracker
