#pragma once

// Integers that do not mix: StrongIndex<Tag> for each kind of index or id. No arithmetic but ++, comparison and
// the distance between two; everything else goes through value(), where the reader sees it.

#include <compare>
#include <cstdint>
#include <functional>

namespace bt {

template <class Tag, class Rep = std::uint32_t>
class StrongIndex {
  public:
    using rep = Rep;

    constexpr StrongIndex() = default;
    constexpr explicit StrongIndex(Rep value) : value_(value) {}

    [[nodiscard]] constexpr Rep value() const { return value_; }
    constexpr StrongIndex& operator++() {
        ++value_;
        return *this;
    }
    friend constexpr auto operator<=>(StrongIndex, StrongIndex) = default;

  private:
    Rep value_ = 0;
};

}  // namespace bt

template <class Tag, class Rep>
struct std::hash<bt::StrongIndex<Tag, Rep>> {
    std::size_t operator()(bt::StrongIndex<Tag, Rep> index) const noexcept { return std::hash<Rep>{}(index.value()); }
};
