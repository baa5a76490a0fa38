#include "lab/grade/stage_swarm.h"

#include <thread>

#include "common/base/encoding.h"

namespace bt::grade {

Result<std::unique_ptr<StageSwarm>> StageSwarm::make(Arena& arena, const Make& make, std::vector<PeerManners> peers) {
    auto swarm = std::make_unique<StageSwarm>();
    BT_TRY_ASSIGN(swarm->tracker_, FakeTracker::open(arena.next_address()));
    swarm->sample_ = make(arena.rng(), swarm->tracker_->url());
    for (PeerManners& manners : peers) {
        const int number = static_cast<int>(swarm->peers_.size());
        BT_TRY_ASSIGN(auto peer, FakePeer::open(arena.next_address(), swarm->sample_, std::move(manners),
                                                arena.rng().fork(static_cast<std::uint64_t>(number)), number));
        swarm->peers_.push_back(std::move(peer));
    }
    swarm->announce();
    return swarm;
}

Result<std::unique_ptr<StageSwarm>> StageSwarm::make(Arena& arena, const SampleShape& shape,
                                                     std::vector<PeerManners> peers) {
    return make(
        arena, [&shape](Rng& rng, const std::string& url) { return make_sample(rng, shape, url); }, std::move(peers));
}

void StageSwarm::announce(std::vector<Endpoint> first) {
    TrackerManners manners;
    manners.peers = std::move(first);
    for (const auto& peer : peers_) manners.peers.push_back(peer->endpoint());
    manners.max_left = sample_.metainfo->layout().total_length();
    tracker_->set(sample_.metainfo->info_hash(), std::move(manners));
}

std::string StageSwarm::magnet(Rng& rng) const {
    return "magnet:?xt=urn:btih:" + to_hex(sample_.metainfo->info_hash()) + "&dn=" + random_word(rng, 3, 9) +
           "&tr=" + percent_encode(as_bytes(sample_.announce));
}

FakePeer::Account StageSwarm::account() const {
    FakePeer::Account all;
    for (const auto& peer : peers_) {
        FakePeer::Account one = peer->account();
        all.connections += one.connections;
        all.handshakes += one.handshakes;
        all.requests += one.requests;
        all.lies += one.lies;
        all.extension_handshakes += one.extension_handshakes;
        all.metadata_requests += one.metadata_requests;
        std::ranges::move(one.faults, std::back_inserter(all.faults));
    }
    return all;
}

Finding StageSwarm::explain(Finding finding, const std::string& hint) const {
    if (finding.passed) return finding;
    constexpr std::size_t kMostSeen = 5;
    const FakePeer::Account peers = account();
    std::vector<Fault> faults = tracker_->faults();
    for (Fault& fault : faults) fault.what = "tracker: " + fault.what;
    for (const Fault& fault : peers.faults) faults.push_back({"peer: " + fault.what, fault.hint});
    for (std::size_t i = 0; i < std::min(faults.size(), kMostSeen); ++i) finding.seen.push_back(faults[i].what);
    const auto count = [](std::size_t n, const char* what) {
        return n == 0 ? std::string("no ") + what : std::to_string(n) + " " + what;
    };
    std::string story = count(tracker_->asked(), "announce(s)") + ", " + count(peers.connections, "connection(s)") +
                        ", " + count(peers.handshakes, "handshake(s)") + ", " + count(peers.requests, "request(s)");
    if (peers.metadata_requests > 0) story += ", " + count(peers.metadata_requests, "metadata request(s)");
    if (peers.lies > 0) story += ", " + count(peers.lies, "corrupt block(s) sent");
    finding.seen.push_back(story);
    const bool nobody_was_asked = tracker_->asked() == 0 && peers.connections == 0;
    if (!faults.empty()) {
        finding.hint = faults.front().hint;
    } else if (!nobody_was_asked && !hint.empty()) {
        finding.hint = hint;
    }
    return finding;
}

void StageSwarm::pause() { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }

}  // namespace bt::grade
