#pragma once

// From a 64-bit hash to the number of a swarm in its shard: open addressing, 8 bytes a slot, half of them a piece of
// the hash, so that a look-up touches the swarm itself only when it is most likely the right one, and growing needs no
// swarm at all. No tombstones: a gap is closed by moving later entries of the same run forward.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace bt::tracker {

class SwarmIndex {
  public:
    static constexpr std::uint32_t kNoNumber = UINT32_MAX;

    // The number for which is_it(number) holds.
    template <class IsIt>
    [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t hash, IsIt&& is_it) const {
        if (slots_.empty()) return std::nullopt;
        for (std::size_t i = home(hash); slots_[i] != kEmpty; i = next(i)) {
            if (tag(slots_[i]) == static_cast<std::uint32_t>(hash) && is_it(number(slots_[i])))
                return number(slots_[i]);
        }
        return std::nullopt;
    }
    void insert(std::uint64_t hash, std::uint32_t number) {
        if ((count_ + 1) * 8 > slots_.size() * 7) resize(slots_.empty() ? 4 : slots_.size() * 2);
        place(static_cast<std::uint32_t>(hash), number);
        ++count_;
    }
    // Both are there.
    void erase(std::uint64_t hash, std::uint32_t number) {
        std::size_t gap = position(hash, number);
        for (std::size_t i = next(gap); slots_[i] != kEmpty; i = next(i)) {
            if (((i - home(tag(slots_[i]))) & mask()) >= ((i - gap) & mask())) {
                slots_[gap] = slots_[i];
                gap = i;
            }
        }
        slots_[gap] = kEmpty;
        --count_;
        if (slots_.size() > 16 && count_ * 4 < slots_.size()) resize(slots_.size() / 2);
    }
    void renumber(std::uint64_t hash, std::uint32_t from, std::uint32_t to) {
        slots_[position(hash, from)] = slot(static_cast<std::uint32_t>(hash), to);
    }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] std::size_t memory_bytes() const { return slots_.capacity() * sizeof slots_[0]; }

  private:
    static constexpr std::uint64_t kEmpty = UINT64_MAX;  // no swarm has the number kNoNumber

    [[nodiscard]] static std::uint64_t slot(std::uint32_t tag, std::uint32_t number) {
        return std::uint64_t{tag} << 32 | number;
    }
    [[nodiscard]] static std::uint32_t tag(std::uint64_t slot) { return static_cast<std::uint32_t>(slot >> 32); }
    [[nodiscard]] static std::uint32_t number(std::uint64_t slot) { return static_cast<std::uint32_t>(slot); }
    [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
    [[nodiscard]] std::size_t home(std::uint64_t hash) const { return static_cast<std::uint32_t>(hash) & mask(); }
    [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & mask(); }
    [[nodiscard]] std::size_t position(std::uint64_t hash, std::uint32_t number) const {
        std::size_t i = home(hash);
        while (slots_[i] != slot(static_cast<std::uint32_t>(hash), number)) i = next(i);
        return i;
    }
    void place(std::uint32_t tag, std::uint32_t number) {
        std::size_t i = home(tag);
        while (slots_[i] != kEmpty) i = next(i);
        slots_[i] = slot(tag, number);
    }
    void resize(std::size_t size) {
        const std::vector<std::uint64_t> old = std::exchange(slots_, std::vector<std::uint64_t>(size, kEmpty));
        for (const std::uint64_t entry : old) {
            if (entry != kEmpty) place(tag(entry), number(entry));
        }
    }

    std::vector<std::uint64_t> slots_;  // a power of two
    std::size_t count_ = 0;
};

}  // namespace bt::tracker
