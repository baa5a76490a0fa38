#pragma once

// A peer of one stage: has a sample (or a part of it), speaks BEP 3 plainly, with the manners that it is told, and
// writes down what the student does wrong. It is patient where the specification lets it be.

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "lab/grade/door.h"
#include "lab/grade/fault.h"
#include "lab/grade/samples.h"
#include "lab/probe/talk.h"

namespace bt::grade {

// Of several peers, whoever is asked for a block first is the one that lies, from then on.
using LiarSeat = std::atomic<int>;
inline constexpr int kSeatFree = -1;

struct PeerManners {
    bool magnet = false;     // expects and offers the extension protocol (BEP 10) and ut_metadata (BEP 9)
    bool closes = false;     // after the handshake
    bool cuts = false;       // what it sends comes in small parts
    bool chatters = false;   // keep-alives and messages that nobody waits for, in between
    bool says_have = false;  // `have` for each piece, in place of a bitfield
    std::chrono::milliseconds bitfield_after{0};
    std::uint32_t chokes_after = 0;  // blocks; once, for kChokedFor, and what was asked before is forgotten
    std::vector<bool> has;           // empty: everything
    std::shared_ptr<LiarSeat> liar;
    std::uint8_t metadata_id = 1;  // how it calls ut_metadata
};

class FakePeer {
  public:
    static constexpr std::chrono::milliseconds kPatience{60'000};  // until the stage ends it
    static constexpr std::chrono::milliseconds kChokedFor{150};

    // The sample must outlive the peer. `number`: which of the stage's peers this is.
    [[nodiscard]] static Result<std::unique_ptr<FakePeer>> open(const Address& address, const Sample& sample,
                                                                PeerManners manners, Rng rng, int number);

    [[nodiscard]] const Endpoint& endpoint() const { return door_->endpoint(); }
    [[nodiscard]] const PeerId& peer_id() const { return peer_id_; }
    [[nodiscard]] const PeerManners& manners() const { return manners_; }
    // What the student did, on all connections together.
    struct Account {
        std::size_t connections = 0, handshakes = 0, requests = 0, lies = 0;
        std::size_t extension_handshakes = 0, metadata_requests = 0;
        std::vector<Fault> faults;
    };
    [[nodiscard]] Account account() const;

  private:
    class Visit;
    FakePeer(const Sample& sample, PeerManners manners, Rng rng, int number);
    void serve(net::Fd connection);

    const Sample& sample_;
    PeerManners manners_;
    int number_;
    PeerId peer_id_{};
    mutable std::mutex mutex_;
    Rng rng_;
    Account account_;
    std::unique_ptr<Door> door_;  // last: its threads use the rest
};

}  // namespace bt::grade
