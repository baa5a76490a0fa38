#include "common/crypto/rc4.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace bt::crypto {

Rc4::Rc4(ByteView key) {
    BT_CHECK(!key.empty() && key.size() <= state_.size());
    for (std::size_t i = 0; i < state_.size(); ++i) state_[i] = static_cast<std::uint8_t>(i);
    std::uint8_t j = 0;
    for (std::size_t i = 0; i < state_.size(); ++i) {
        j = static_cast<std::uint8_t>(j + state_[i] + key[i % key.size()]);
        std::swap(state_[i], state_[j]);
    }
}

void Rc4::apply(MutableByteView bytes) {
    // Locals: the compiler cannot know that writing a byte of `bytes` leaves the members alone.
    std::uint8_t i = i_;
    std::uint8_t j = j_;
    std::uint8_t* const s = state_.data();
    for (Byte& byte : bytes) {
        i = static_cast<std::uint8_t>(i + 1);
        const std::uint8_t a = s[i];
        j = static_cast<std::uint8_t>(j + a);
        const std::uint8_t b = s[j];
        s[i] = b;
        s[j] = a;
        byte = static_cast<Byte>(byte ^ s[static_cast<std::uint8_t>(a + b)]);
    }
    i_ = i;
    j_ = j;
}

void Rc4::discard(std::size_t count) {
    std::array<Byte, 256> scrap{};
    for (; count > 0; count -= std::min(count, scrap.size())) {
        apply(MutableByteView(scrap).first(std::min(count, scrap.size())));
    }
}

}  // namespace bt::crypto
