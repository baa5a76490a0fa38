#include "lab/junit.h"

#include <cstdio>

namespace bt::lab {
namespace {

std::string in_seconds(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", value);
    return text;
}

}  // namespace

// XML 1.0 has no other control characters, not even escaped.
std::string xml_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\n':
                out += "&#10;";
                break;
            default:
                out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
        }
    }
    return out;
}

std::string junit_xml(const Scenario& scenario, const RunRecord& run) {
    const LabExit exit = exit_of(run);
    const bool judged = !run.verdicts.empty() || exit == LabExit::Held;
    std::size_t failures = 0;
    std::string cases;
    const std::string front = "    <testcase classname=\"swarmlab." + xml_escaped(scenario.name) + "\" name=\"";
    for (const Verdict& verdict : run.verdicts) {
        const double time =
            verdict.expectation == "all_complete_within" && run.completion_time ? to_seconds(*run.completion_time) : 0;
        cases += front + xml_escaped(verdict.expectation) + "\" time=\"" + in_seconds(time) + "\"";
        if (verdict.held) {
            cases += "/>\n";
            continue;
        }
        ++failures;
        cases += ">\n      <failure message=\"" + xml_escaped(verdict.detail) + "\"/>\n    </testcase>\n";
    }
    if (!judged) {
        cases += front + "run\" time=\"" + in_seconds(run.wall_s) + "\">\n      <error message=\"" +
                 xml_escaped(run.detail) + "\"/>\n    </testcase>\n";
    }
    const std::string counts = "tests=\"" + std::to_string(run.verdicts.size() + (judged ? 0 : 1)) + "\" failures=\"" +
                               std::to_string(failures) + "\" errors=\"" + (judged ? "0" : "1") + "\" time=\"" +
                               in_seconds(run.wall_s) + "\"";
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites " + counts + ">\n  <testsuite name=\"" +
           xml_escaped(scenario.name) + "\" timestamp=\"" + xml_escaped(run.started_at.substr(0, 19)) + "\" " + counts +
           ">\n" + cases + "    <system-out>" + xml_escaped(run.folder) +
           "</system-out>\n  </testsuite>\n</testsuites>\n";
}

}  // namespace bt::lab
