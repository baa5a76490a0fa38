#include "tracker/identity_book.h"

#include <utility>

namespace bt::tracker {

IdentityBook::IdentityBook(Rng rng, std::size_t capacity) : capacity_(capacity) { rng.fill(secret_); }

std::optional<Endpoint> IdentityBook::moved(const InfoHash& info_hash, const PeerId& peer_id, std::string_view key,
                                            const Endpoint& now) {
    ByteBuffer message;
    append(message, info_hash);
    append(message, peer_id);
    message.push_back(now.address.is_v4() ? 4 : 6);
    append(message, as_bytes(key));
    const std::uint64_t who = crypto::siphash(secret_, message);

    if (const auto found = index_.find(who); found != index_.end()) {
        places_.splice(places_.end(), places_, found->second);
        const Endpoint before = std::exchange(found->second->endpoint, now);
        return before == now ? std::nullopt : std::optional(before);
    }
    if (places_.size() == capacity_) {
        index_.erase(places_.front().who);
        places_.pop_front();
    }
    index_.emplace(who, places_.insert(places_.end(), {who, now}));
    return std::nullopt;
}

void IdentityBook::clear() {
    index_.clear();
    places_.clear();
}

}  // namespace bt::tracker
