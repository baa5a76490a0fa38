#include "lab/personas/world.h"

#include <algorithm>

#include "common/crypto/hash.h"

namespace bt::persona {
namespace {

constexpr std::uint32_t kBlock = 16 * 1024;

}  // namespace

Store::Store(const meta::Metainfo& metainfo) : metainfo_(metainfo), have_(metainfo.layout().piece_count()) {}

std::optional<wire::Request> Store::next_request(const std::vector<bool>& peer_has) {
    const auto count = static_cast<std::uint32_t>(have_.size());
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t index = (next_ + i) % count;
        if (have_[index] || !peer_has[index]) continue;
        const std::uint32_t size = metainfo_.layout().piece_size(*metainfo_.layout().piece(index));
        Piece& piece = pieces_[index];
        if (piece.bytes.empty()) {
            piece.bytes.resize(size);
            piece.got.resize((size + kBlock - 1) / kBlock);
            piece.asked.resize(piece.got.size());
        }
        const auto free = std::ranges::find(piece.asked, false);
        if (free == piece.asked.end()) continue;
        *free = true;
        next_ = index;
        const auto begin = static_cast<std::uint32_t>(free - piece.asked.begin()) * kBlock;
        return wire::Request{index, begin, std::min(kBlock, size - begin)};
    }
    return std::nullopt;
}

void Store::release(const wire::Request& request) {
    const auto found = pieces_.find(request.piece);
    if (found == pieces_.end() || have_[request.piece]) return;
    Piece& piece = found->second;
    const std::size_t block = request.begin / kBlock;
    if (block < piece.got.size() && !piece.got[block]) piece.asked[block] = false;
}

bool Store::add_block(std::uint32_t index, std::uint32_t begin, ByteView block) {
    const auto found = pieces_.find(index);
    if (found == pieces_.end() || have_[index] || begin % kBlock != 0) return false;
    Piece& piece = found->second;
    if (begin + block.size() > piece.bytes.size() || piece.got[begin / kBlock]) return false;
    std::ranges::copy(block, piece.bytes.begin() + begin);
    piece.got[begin / kBlock] = true;
    if (!std::ranges::all_of(piece.got, [](bool got) { return got; })) return false;
    if (crypto::sha1(piece.bytes) != metainfo_.piece_hash(*metainfo_.layout().piece(index))) {
        ++hash_failures_;
        pieces_.erase(found);
        return false;
    }
    have_[index] = true;
    ++have_count_;
    return true;
}

bool Store::read(std::uint64_t offset, MutableByteView out) const {
    const std::uint64_t size = metainfo_.layout().piece_length();
    const auto index = static_cast<std::uint32_t>(offset / size);
    const auto found = pieces_.find(index);
    if (index >= have_.size() || !have_[index] || found == pieces_.end()) return false;
    const std::size_t begin = static_cast<std::size_t>(offset % size);
    if (begin + out.size() > found->second.bytes.size()) return false;
    std::copy_n(found->second.bytes.begin() + static_cast<std::ptrdiff_t>(begin), out.size(), out.begin());
    return true;
}

}  // namespace bt::persona
