#pragma once

// Result<T> is the return type of everything that can fail below level 7; Status where there is no value.

#include <expected>
#include <utility>

#include "common/base/error.h"

namespace bt {

template <class T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace bt

// BT_TRY(expression): leave the function with the error of a Status or Result whose value is not needed.
#define BT_TRY(expression)                                                                      \
    do {                                                                                        \
        if (auto bt_try_result = (expression); !bt_try_result)                                  \
            return std::unexpected<::bt::Error>(std::move(bt_try_result).error());              \
    } while (false)

// BT_TRY_ASSIGN(auto value, expression): bind the value, or leave the function with the error.
#define BT_TRY_CONCAT_(a, b) a##b
#define BT_TRY_CONCAT(a, b) BT_TRY_CONCAT_(a, b)
#define BT_TRY_ASSIGN_(result, target, expression)                                       \
    auto result = (expression);                                                          \
    if (!result) return std::unexpected<::bt::Error>(std::move(result).error());         \
    target = std::move(result).value()
#define BT_TRY_ASSIGN(target, expression) BT_TRY_ASSIGN_(BT_TRY_CONCAT(bt_try_, __LINE__), target, expression)
