#include "common/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace bt {

void check_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "broken invariant: %s (%s:%d)\n", expression, file, line);
    std::abort();
}

}  // namespace bt
