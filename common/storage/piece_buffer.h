#pragma once

// Memory for one piece on its way from the network to the disk. Not zeroed, moved and never copied; recycled by the
// pool of whoever hands it out.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "common/base/bytes.h"

namespace bt::storage {

class PieceBuffer {
  public:
    PieceBuffer() = default;
    explicit PieceBuffer(std::uint32_t capacity)
        : memory_(static_cast<Byte*>(std::malloc(capacity))), capacity_(memory_ ? capacity : 0), size_(capacity_) {}

    [[nodiscard]] bool is_empty() const { return memory_ == nullptr; }
    [[nodiscard]] std::uint32_t capacity() const { return capacity_; }
    // Bytes that belong to the piece; <= capacity.
    [[nodiscard]] std::uint32_t size() const { return size_; }
    void set_size(std::uint32_t size) { size_ = size < capacity_ ? size : capacity_; }
    [[nodiscard]] MutableByteView bytes() { return {memory_.get(), size_}; }
    [[nodiscard]] ByteView bytes() const { return {memory_.get(), size_}; }

  private:
    struct Free {
        void operator()(Byte* memory) const { std::free(memory); }
    };
    std::unique_ptr<Byte, Free> memory_;
    std::uint32_t capacity_ = 0;
    std::uint32_t size_ = 0;
};

}  // namespace bt::storage
