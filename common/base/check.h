#pragma once

// Assertions. They state what our own code guarantees and never judge input from outside.
//   BT_CHECK   always compiled in; for cheap tests.
//   BT_DCHECK  debug builds only; for tests that cost more than the work they guard.
// A broken one prints file, line and expression and aborts: a node with a broken invariant must not go on.

namespace bt {

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace bt

#define BT_CHECK(expression)                                                   \
    do {                                                                       \
        if (!(expression)) ::bt::check_failed(#expression, __FILE__, __LINE__); \
    } while (false)

#ifdef NDEBUG
#define BT_DCHECK(expression) static_cast<void>(0)
#else
#define BT_DCHECK(expression) BT_CHECK(expression)
#endif
