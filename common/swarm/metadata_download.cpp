#include "common/swarm/metadata_download.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/crypto/hash.h"
#include "common/swarm/breach.h"

namespace bt::swarm {
namespace {

std::unexpected<Error> metadata_breach(std::string what) { return breach("metadata: " + std::move(what)); }

}  // namespace

MetadataDownload::MetadataDownload(const InfoHash& info_hash, MetadataDownloadSettings settings)
    : info_hash_(info_hash), settings_(settings) {}

Status MetadataDownload::on_peer(ConnectionId id, const Address& address, std::optional<std::uint64_t> size) {
    Peer& peer = peers_[id];
    peer.address = address;
    if (!size) return {};
    if (*size > wire::kMaxMetadataSize && peer.size == 0) {
        peer.too_large = true;  // a later, smaller word of it would be another mind
        return {};
    }
    if (peer.too_large || (peer.size != 0 && peer.size != *size)) {
        return metadata_breach("the size was " + (peer.too_large ? "too large" : std::to_string(peer.size)) +
                               " and is now " + std::to_string(*size));
    }
    name_size(peer, *size);
    return {};
}

void MetadataDownload::name_size(Peer& peer, std::uint64_t size) {
    if (peer.size != 0) return;
    peer.size = size;
    peer.ask_again_at = {};
    candidates_[size];
}

void MetadataDownload::on_peer_gone(ConnectionId id) {
    const auto found = peers_.find(id);
    if (found == peers_.end()) return;
    const Peer peer = std::move(found->second);
    peers_.erase(found);
    if (peer.size == 0) return;
    end_turn_alone(id, peer);
    // What others gave may still be whole one day; without a peer of this size it is memory for nothing.
    if (supporters(peer.size) > 0) return;
    const auto candidate = candidates_.find(peer.size);
    forget_blocks(candidate->second);
    if (candidate->second.suspicions.empty()) candidates_.erase(candidate);
}

// Fetching from one peer alone: what it left unfinished is of no use to the next one.
void MetadataDownload::end_turn_alone(ConnectionId id, const Peer& peer) {
    const auto candidate = candidates_.find(peer.size);
    if (candidate == candidates_.end() || candidate->second.alone != id) return;
    candidate->second.alone.reset();
    forget_blocks(candidate->second);
}

void MetadataDownload::forget_blocks(Candidate& candidate) {
    buffered_ -= candidate.bytes;
    candidate.bytes = 0;
    candidate.blocks.clear();
}

Status MetadataDownload::on_data(ConnectionId id, const wire::MetadataData& data) {
    const auto found = peers_.find(id);
    if (found == peers_.end() || !found->second.asked.contains(data.block)) {
        return metadata_breach("block " + std::to_string(data.block) + " was never asked for");
    }
    Peer& peer = found->second;
    if (peer.size != 0 && peer.size != data.total_size) {
        return metadata_breach("the size was " + std::to_string(peer.size) + " and is now " +
                               std::to_string(data.total_size));
    }
    peer.outstanding.erase(data.block);
    peer.ask_again_at = {};
    if (metadata_) return {};
    if (peer.size == 0) name_size(peer, data.total_size);
    if (!may_fill(id, candidates_.at(peer.size))) return {};
    store(peer, data);
    judge(data.total_size);
    return {};
}

void MetadataDownload::store(const Peer& peer, const wire::MetadataData& data) {
    Candidate& candidate = candidates_.at(data.total_size);
    if (!candidate.blocks.emplace(data.block, Block{to_buffer(data.bytes), peer.address}).second) return;
    candidate.bytes += data.bytes.size();
    buffered_ += data.bytes.size();
    make_room();
}

void MetadataDownload::make_room() {
    while (buffered_ > settings_.max_memory) {
        Candidate* victim = nullptr;
        std::uint32_t fewest = 0;
        for (auto& [size, candidate] : candidates_) {
            const std::uint32_t count = supporters(size);
            if (candidate.bytes == 0 || (victim != nullptr && count > fewest)) continue;
            victim = &candidate;
            fewest = count;
        }
        BT_CHECK(victim != nullptr);
        forget_blocks(*victim);
    }
}

void MetadataDownload::judge(std::uint64_t size) {
    Candidate& candidate = candidates_.at(size);
    if (candidate.bytes != size) return;
    ByteBuffer whole;
    whole.reserve(static_cast<std::size_t>(size));
    for (const auto& [index, block] : candidate.blocks) append(whole, block.bytes);
    if (crypto::sha1(whole) == info_hash_) {
        for (const Suspicion& suspicion : candidate.suspicions) {
            const ByteView good = candidate.blocks.at(suspicion.block).bytes;
            if (crypto::sha1(good) != suspicion.digest) accuse(suspicion.from);
        }
        metadata_ = std::move(whole);
        return;
    }
    ++wrong_copies_;
    std::set<Address> senders;
    for (const auto& [index, block] : candidate.blocks) senders.insert(block.from);
    if (senders.size() == 1) {
        accuse(*senders.begin());
    } else {
        for (const auto& [index, block] : candidate.blocks) {
            candidate.suspicions.push_back({index, crypto::sha1(block.bytes), block.from});
        }
        candidate.one_peer_alone = true;
    }
    candidate.alone.reset();
    forget_blocks(candidate);
}

void MetadataDownload::accuse(const Address& address) {
    if (accused_.insert(address).second) liars_.push_back(address);
}

void MetadataDownload::on_reject(ConnectionId id, std::uint32_t block, TimePoint now) {
    const auto found = peers_.find(id);
    if (found == peers_.end() || found->second.outstanding.erase(block) == 0) return;
    back_off(id, found->second, now);
}

void MetadataDownload::back_off(ConnectionId id, Peer& peer, TimePoint now) {
    peer.ask_again_at = now + (peer.size == 0 ? settings_.probe_every : settings_.back_off);
    end_turn_alone(id, peer);
}

bool MetadataDownload::may_fill(ConnectionId id, Candidate& candidate) {
    return !candidate.one_peer_alone || candidate.alone == id;
}

std::vector<MetadataAsk> MetadataDownload::pick(TimePoint now) {
    std::vector<MetadataAsk> asks;
    if (metadata_) return asks;
    Asked asked;
    for (const auto& [id, peer] : peers_) {
        for (const auto& [block, expires] : peer.outstanding) asked.emplace(peer.size, block);
    }
    for (auto& [id, peer] : peers_) {
        if (peer.too_large || peer.ask_again_at > now || accused_.contains(peer.address)) continue;
        if (peer.size == 0) {
            if (!peer.outstanding.empty()) continue;
            ask(id, peer, 0, now, asks);
            peer.ask_again_at = now + settings_.probe_every;
            continue;
        }
        Candidate& candidate = candidates_.at(peer.size);
        if (candidate.one_peer_alone && !candidate.alone) candidate.alone = id;
        if (may_fill(id, candidate)) pick_blocks(id, peer, now, asked, asks);
    }
    return asks;
}

void MetadataDownload::pick_blocks(ConnectionId id, Peer& peer, TimePoint now, Asked& asked,
                                   std::vector<MetadataAsk>& asks) {
    const Candidate& candidate = candidates_.at(peer.size);
    const std::uint32_t count = wire::metadata_block_count(peer.size);
    for (std::uint32_t block = 0; block < count; ++block) {
        if (peer.outstanding.size() >= settings_.max_outstanding) return;
        if (candidate.blocks.contains(block) || peer.outstanding.contains(block)) continue;
        // What others were asked for is of no use where one peer alone has to give everything.
        if (!asked.emplace(peer.size, block).second && !candidate.one_peer_alone) continue;
        ask(id, peer, block, now, asks);
    }
}

void MetadataDownload::ask(ConnectionId id, Peer& peer, std::uint32_t block, TimePoint now,
                           std::vector<MetadataAsk>& asks) {
    peer.outstanding.emplace(block, now + settings_.request_timeout);
    peer.asked.insert(block);
    asks.push_back({id, block});
}

std::uint32_t MetadataDownload::supporters(std::uint64_t size) const {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(peers_, [&](const auto& entry) { return entry.second.size == size; }));
}

TimePoint MetadataDownload::next_deadline() const {
    TimePoint next = kNever;
    if (metadata_) return next;
    for (const auto& [id, peer] : peers_) {
        for (const auto& [block, expires] : peer.outstanding) next = std::min(next, expires);
        if (peer.ask_again_at != TimePoint{} && !peer.too_large && !accused_.contains(peer.address)) {
            next = std::min(next, peer.ask_again_at);
        }
    }
    return next;
}

void MetadataDownload::on_deadline(TimePoint now) {
    for (auto& [id, peer] : peers_) {
        const std::size_t expired = std::erase_if(peer.outstanding, [&](const auto& o) { return o.second <= now; });
        if (expired > 0) {
            back_off(id, peer, now);
        } else if (peer.ask_again_at <= now) {
            peer.ask_again_at = {};
        }
    }
}

std::vector<Address> MetadataDownload::take_liars() { return std::exchange(liars_, {}); }

MetadataProgress MetadataDownload::progress() const {
    MetadataProgress progress;
    progress.wrong_copies = wrong_copies_;
    for (const auto& [size, candidate] : candidates_) {
        if (progress.size != 0 && candidate.bytes <= progress.received) continue;
        progress.size = size;
        progress.received = candidate.bytes;
    }
    for (const auto& [id, peer] : peers_) {
        if (!peer.too_large && !accused_.contains(peer.address)) ++progress.peers;
    }
    return progress;
}

void MetadataDownload::check_invariants() const {
    std::uint64_t bytes = 0;
    for (const auto& [size, candidate] : candidates_) {
        std::uint64_t own = 0;
        for (const auto& [index, block] : candidate.blocks) {
            BT_CHECK(block.bytes.size() == wire::metadata_block_length(size, index));
            own += block.bytes.size();
        }
        BT_CHECK(own == candidate.bytes);
        bytes += own;
        BT_CHECK(candidate.alone.has_value() ? peers_.contains(*candidate.alone) : true);
    }
    BT_CHECK(bytes == buffered_);
    BT_CHECK(buffered_ <= settings_.max_memory);
    for (const auto& [id, peer] : peers_) {
        BT_CHECK(peer.outstanding.size() <= settings_.max_outstanding);
        if (peer.size != 0) BT_CHECK(candidates_.contains(peer.size));
    }
}

}  // namespace bt::swarm
