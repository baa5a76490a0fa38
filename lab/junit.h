#pragma once

// A run's verdicts as JUnit's XML, which every CI reads: a testcase for each expectation. A run that was not judged (it
// never began, or was interrupted) is one testcase, `run`, that has an error. Pure.

#include <string>
#include <string_view>

#include "lab/report.h"

namespace bt::lab {

// For text and attributes.
[[nodiscard]] std::string xml_escaped(std::string_view text);
[[nodiscard]] std::string junit_xml(const Scenario& scenario, const RunRecord& run);

}  // namespace bt::lab
