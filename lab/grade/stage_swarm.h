#pragma once

// The offline swarm of one stage: a tracker, a sample that announces to it, and peers that have the sample.

#include <memory>
#include <string>
#include <vector>

#include "lab/grade/stage.h"

namespace bt::grade {

class StageSwarm {
  public:
    // Makes the sample that announces to a tracker's URL.
    using Make = std::function<Sample(Rng&, const std::string& url)>;
    [[nodiscard]] static Result<std::unique_ptr<StageSwarm>> make(Arena& arena, const Make& make,
                                                                  std::vector<PeerManners> peers);
    [[nodiscard]] static Result<std::unique_ptr<StageSwarm>> make(Arena& arena, const SampleShape& shape,
                                                                  std::vector<PeerManners> peers);

    [[nodiscard]] const Sample& sample() const { return sample_; }
    [[nodiscard]] FakeTracker& tracker() { return *tracker_; }
    [[nodiscard]] const FakePeer& peer(std::size_t i) const { return *peers_[i]; }
    // Of all peers, in this order, as the tracker tells them.
    void announce(std::vector<Endpoint> first = {});
    [[nodiscard]] std::string magnet(Rng& rng) const;

    // Waits a moment (3 s at most) for what is on its way to a peer.
    template <class Condition>
    void settle(Condition condition) const {
        for (int i = 0; i < 300 && !condition(); ++i) pause();
    }
    [[nodiscard]] FakePeer::Account account() const;  // of all peers
    // A finding with what tracker and peers saw. hint: the likely cause where they saw nothing wrong.
    [[nodiscard]] Finding explain(Finding finding, const std::string& hint = "") const;

  private:
    static void pause();

    Sample sample_;
    std::unique_ptr<FakeTracker> tracker_;
    std::vector<std::unique_ptr<FakePeer>> peers_;
};

}  // namespace bt::grade
