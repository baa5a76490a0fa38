// What a lab reads: scenarios with their conditions and queries, sweeps, adapters and scripts. None may crash, and a
// sweep's variants are texts that can be read again.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lab/adapter.h"
#include "lab/condition.h"
#include "lab/peer_command.h"
#include "lab/scenario.h"
#include "lab/sweep.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bt;
    using namespace bt::lab;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)parse_scenario(text, "fuzz.toml", {"aria2", "opentracker"});
    (void)parse_adapter(text, "fuzz.toml");
    (void)parse_script(text, "fuzz.toml");
    (void)parse_condition(text);
    if (const Result<Query> query = Query::parse(text)) (void)query->matches("client-1", text);
    const Result<app::ConfigFile> file = app::ConfigFile::parse(text, app::ConfigFormat::Toml, "fuzz.toml");
    if (!file) return 0;
    const Result<std::vector<Variant>> variants = read_sweep(*file);
    if (!variants) return 0;
    for (const Variant& variant : *variants) {
        if (!app::ConfigFile::parse(variant.scenario, app::ConfigFormat::Json, "variant.json")) __builtin_trap();
    }
    return 0;
}
