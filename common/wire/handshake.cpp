#include "common/wire/handshake.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace bt::wire {
namespace {

constexpr std::string_view kProtocol =
    "\x13"
    "BitTorrent protocol";
constexpr std::size_t kReservedAt = 20;
constexpr std::size_t kInfoHashAt = 28;
constexpr std::size_t kPeerIdAt = 48;
static_assert(kProtocol.size() == kReservedAt);

Error not_a_handshake(std::size_t at) {
    return remote_error(ErrorCode::HandshakeRefused,
                        at == 0 ? "the stream does not start with the byte 19" : "wrong protocol name", at);
}

}  // namespace

std::array<Byte, kHandshakeSize> Handshake::encode() const {
    std::array<Byte, kHandshakeSize> out{};
    const ByteView protocol = as_bytes(kProtocol);
    std::copy(protocol.begin(), protocol.end(), out.begin());
    std::copy(reserved.begin(), reserved.end(), out.begin() + kReservedAt);
    std::copy(info_hash.begin(), info_hash.end(), out.begin() + kInfoHashAt);
    std::copy(peer_id.begin(), peer_id.end(), out.begin() + kPeerIdAt);
    return out;
}

Result<std::size_t> HandshakeReader::receive(ByteView bytes) {
    if (wrong_) return fail(not_a_handshake(size_));
    const std::size_t taken = std::min(bytes.size(), bytes_.size() - size_);
    const ByteView protocol = as_bytes(kProtocol);
    for (std::size_t i = 0; i < taken; ++i) {
        if (size_ < protocol.size() && bytes[i] != protocol[size_]) {
            wrong_ = true;
            return fail(not_a_handshake(size_));
        }
        bytes_[size_++] = bytes[i];
    }
    return taken;
}

std::optional<InfoHash> HandshakeReader::info_hash() const {
    if (size_ < kPeerIdAt) return std::nullopt;
    InfoHash hash{};
    std::copy_n(bytes_.begin() + kInfoHashAt, hash.size(), hash.begin());
    return hash;
}

std::optional<Handshake> HandshakeReader::handshake() const {
    if (size_ < bytes_.size()) return std::nullopt;
    Handshake result;
    std::copy_n(bytes_.begin() + kReservedAt, result.reserved.size(), result.reserved.begin());
    std::copy_n(bytes_.begin() + kInfoHashAt, result.info_hash.size(), result.info_hash.begin());
    std::copy_n(bytes_.begin() + kPeerIdAt, result.peer_id.size(), result.peer_id.begin());
    return result;
}

}  // namespace bt::wire
