#pragma once

// A scenario that is ready to be planned: a tracker, a seeder, two clients with a limit, and what a test adds.

#include <string>

#include "lab/prepare.h"
#include "tests/support/catch.h"

namespace bt::lab::test_lab {

inline Prepared prepared(const std::string& more) {
    Result<Scenario> parsed = parse_scenario(
        "name = \"s\"\n[content]\npath = \"/data/my files\"\n"
        "[[nodes]]\nkind = \"seeder\"\n"
        "[[nodes]]\nkind = \"client\"\ncount = 2\nlink = { up = \"1 MiB/s\" }\n" +
            more,
        "s.toml");
    REQUIRE(parsed);
    Prepared out;
    out.scenario = std::move(*parsed);
    return out;
}

}  // namespace bt::lab::test_lab
