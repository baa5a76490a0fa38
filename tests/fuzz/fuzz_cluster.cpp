// What hosts of a cluster say, and texts on their way into the files of exports: nothing crashes, a line is read whole,
// and an end is one that a process can have.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "common/base/check.h"
#include "lab/export.h"
#include "lab/node_agent.h"
#include "lab/slurm.h"
#include "lab/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bt::lab;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const AgentLine line = read_agent_line(text);
    BT_CHECK(line.text.size() == size || line.text.size() + 2 == size);
    for (const std::string_view said : {text, line.text}) {
        const auto exit = read_agent_exit(said);
        if (!exit) continue;
        const int number = exit->signalled ? exit->signal : exit->code;
        BT_CHECK(number >= 0 && number <= 255);
    }
    BT_CHECK(node_address(text).size() <= size);
    BT_CHECK(shell_word(std::string(text)).size() >= size);

    nlohmann::ordered_json json;
    json[std::string(text)] = {std::string(text), {{"key", std::string(text)}}};
    const std::string yaml = yaml_from_json(json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace));
    BT_CHECK(yaml.ends_with('\n'));
    BT_CHECK(yaml.find('\0') == std::string::npos);
    return 0;
}
