#pragma once

#include <string>

namespace bt::grade {

// What our side of the swarm saw the student do wrong, and what that usually comes from.
struct Fault {
    std::string what;
    std::string hint;
};

}  // namespace bt::grade
