#include "common/swarm/choker.h"

#include <algorithm>
#include <tuple>

namespace bt::swarm {

std::string_view choke_reason_name(ChokeReason reason) {
    switch (reason) {
        case ChokeReason::RegularSlot:
            return "regular_slot";
        case ChokeReason::Optimistic:
            return "optimistic";
        case ChokeReason::FreeSlot:
            return "free_slot";
        case ChokeReason::SeedFastest:
            return "seed_fastest";
        case ChokeReason::SeedRotation:
            return "seed_rotation";
        case ChokeReason::NotInterested:
            return "not_interested";
        case ChokeReason::Snubbed:
            return "snubbed";
        case ChokeReason::Outranked:
            return "outranked";
    }
    return "unknown";
}

// A candidate and the slot it has now or will have.
struct Choker::Seat {
    enum class Slot : std::uint8_t { None, Regular, Optimistic };

    const ChokeCandidate* peer;
    Slot slot = Slot::None;
    ChokeReason reason = ChokeReason::Outranked;

    [[nodiscard]] bool is_waiting() const { return slot == Slot::None && peer->peer_interested; }
    void give(Slot given, ChokeReason why) {
        slot = given;
        reason = why;
    }
};

namespace {

bool has_waited_longer(const ChokeCandidate& a, const ChokeCandidate& b) {
    const TimePoint a_since = std::max(a.unchoked_at, a.connected_at);
    const TimePoint b_since = std::max(b.unchoked_at, b.connected_at);
    return std::tie(a_since, a.id) < std::tie(b_since, b.id);
}

}  // namespace

std::uint32_t slots_for_rate(std::uint32_t regular_slots, std::uint64_t upload_bound) {
    const std::uint64_t by_rate = std::min<std::uint64_t>(upload_bound / kRateOfSlot, kMostSlotsByRate);
    return std::max(regular_slots, static_cast<std::uint32_t>(by_rate));
}

Choker::Choker(ChokerSettings settings, Rng rng) : settings_(settings), rng_(rng) {}

void Choker::on_peer_gone(ConnectionId peer) {
    if (optimistic_ == peer) optimistic_.reset();
}

// Everybody, by id, with the slots as they are held now; who lost interest holds none.
std::vector<Choker::Seat> Choker::seats_of(std::span<const ChokeCandidate> peers) {
    std::vector<Seat> seats;
    seats.reserve(peers.size());
    for (const ChokeCandidate& peer : peers) seats.push_back({.peer = &peer});
    std::sort(seats.begin(), seats.end(), [](const Seat& a, const Seat& b) { return a.peer->id < b.peer->id; });
    bool holder_is_here = false;
    for (Seat& seat : seats) {
        if (!seat.peer->peer_interested) {
            seat.reason = ChokeReason::NotInterested;
        } else if (!seat.peer->am_choking) {
            const bool is_holder = optimistic_ == seat.peer->id;
            holder_is_here = holder_is_here || is_holder;
            seat.slot = is_holder ? Seat::Slot::Optimistic : Seat::Slot::Regular;
        }
    }
    if (!holder_is_here) optimistic_.reset();
    return seats;
}

namespace {

template <class Seat>
std::vector<ChokeDecision> changes(const std::vector<Seat>& seats) {
    std::vector<ChokeDecision> decisions;
    for (const bool choke : {true, false}) {
        for (const Seat& seat : seats) {
            const bool has_slot = seat.slot != Seat::Slot::None;
            if (has_slot == choke || seat.peer->am_choking == choke) continue;
            decisions.push_back({seat.peer->id, choke, seat.reason});
        }
    }
    return decisions;
}

}  // namespace

std::vector<ChokeDecision> Choker::on_round(TimePoint now, std::span<const ChokeCandidate> peers, bool seeding) {
    next_round_ = now + settings_.round;
    std::vector<Seat> seats = seats_of(peers);
    if (seeding) {
        // The rotation slot comes free when its turn is over and somebody waits for it.
        const bool somebody_waits =
            std::any_of(seats.begin(), seats.end(), [](const Seat& seat) { return seat.is_waiting(); });
        if (optimistic_ && somebody_waits && now >= next_optimistic_) {
            for (Seat& seat : seats) {
                if (seat.slot == Seat::Slot::Optimistic) seat.slot = Seat::Slot::Regular;
            }
            optimistic_.reset();
        }
        // The next turn is given before the contest, so that its loser does not take the slot at once.
        fill_regular(seats, seeding);
        if (!optimistic_) fill_optimistic(seats, now, seeding);
        rank_seed(seats, now);
    } else {
        rank_leecher(seats);
        fill_optimistic(seats, now, seeding);
    }
    return changes(seats);
}

std::vector<ChokeDecision> Choker::on_change(TimePoint now, std::span<const ChokeCandidate> peers, bool seeding) {
    std::vector<Seat> seats = seats_of(peers);
    fill_regular(seats, seeding);
    if (!optimistic_) fill_optimistic(seats, now, seeding);
    return changes(seats);
}

// All regular slots anew; the holder of the optimistic slot may earn one.
void Choker::rank_leecher(std::vector<Seat>& seats) const {
    std::vector<Seat*> ranking;
    for (Seat& seat : seats) {
        if (seat.peer->peer_interested && !seat.peer->snubbed) ranking.push_back(&seat);
    }
    const auto rank = [](const Seat* seat) {
        const int standing = seat->slot == Seat::Slot::Regular ? 0 : seat->slot == Seat::Slot::Optimistic ? 1 : 2;
        return std::tuple(~seat->peer->download_rate_bytes_per_s, standing, seat->peer->id);
    };
    std::sort(ranking.begin(), ranking.end(), [&](const Seat* a, const Seat* b) { return rank(a) < rank(b); });
    const std::size_t slots = std::min<std::size_t>(ranking.size(), settings_.regular_slots);
    for (Seat& seat : seats) {
        if (seat.slot == Seat::Slot::Regular) {
            seat.give(Seat::Slot::None, seat.peer->snubbed ? ChokeReason::Snubbed : ChokeReason::Outranked);
        }
    }
    for (std::size_t i = 0; i < slots; ++i) ranking[i]->give(Seat::Slot::Regular, ChokeReason::RegularSlot);
}

// Who holds a regular slot keeps it if it is among the best.
void Choker::rank_seed(std::vector<Seat>& seats, TimePoint now) const {
    std::vector<Seat*> ranking;
    for (Seat& seat : seats) {
        if (seat.slot == Seat::Slot::Regular) ranking.push_back(&seat);
    }
    const auto rank = [&](const Seat* seat) {
        const bool is_proven = now - seat->peer->unchoked_at >= settings_.round;
        return std::tuple(is_proven, ~seat->peer->upload_rate_bytes_per_s, seat->peer->id);
    };
    std::sort(ranking.begin(), ranking.end(), [&](const Seat* a, const Seat* b) { return rank(a) < rank(b); });
    for (std::size_t i = settings_.regular_slots; i < ranking.size(); ++i) {
        ranking[i]->give(Seat::Slot::None, ChokeReason::Outranked);
    }
}

// Free regular slots go to those that wait: the best senders while we download, the longest waiting while we seed.
void Choker::fill_regular(std::vector<Seat>& seats, bool seeding) const {
    std::vector<Seat*> waiting;
    std::size_t held = 0;
    for (Seat& seat : seats) {
        held += seat.slot == Seat::Slot::Regular ? 1 : 0;
        if (seat.is_waiting() && (seeding || !seat.peer->snubbed)) waiting.push_back(&seat);
    }
    if (held >= settings_.regular_slots) return;
    std::sort(waiting.begin(), waiting.end(), [&](const Seat* a, const Seat* b) {
        if (seeding) return has_waited_longer(*a->peer, *b->peer);
        if (a->peer->download_rate_bytes_per_s != b->peer->download_rate_bytes_per_s) {
            return a->peer->download_rate_bytes_per_s > b->peer->download_rate_bytes_per_s;
        }
        return a->peer->id < b->peer->id;
    });
    const std::size_t given = std::min(waiting.size(), settings_.regular_slots - held);
    for (std::size_t i = 0; i < given; ++i) waiting[i]->give(Seat::Slot::Regular, ChokeReason::FreeSlot);
}

void Choker::fill_optimistic(std::vector<Seat>& seats, TimePoint now, bool seeding) {
    const auto holder =
        std::find_if(seats.begin(), seats.end(), [](const Seat& seat) { return seat.slot == Seat::Slot::Optimistic; });
    if (holder != seats.end() && now < next_optimistic_) return;
    Seat* next = nullptr;
    if (seeding) {
        for (Seat& seat : seats) {
            if (!seat.is_waiting()) continue;
            if (next == nullptr || has_waited_longer(*seat.peer, *next->peer)) next = &seat;
        }
    } else {
        next = draw_optimistic(seats, now);
    }
    if (next != nullptr) {
        if (holder != seats.end()) holder->give(Seat::Slot::None, ChokeReason::Outranked);
        next->give(Seat::Slot::Optimistic, seeding ? ChokeReason::SeedRotation : ChokeReason::Optimistic);
        optimistic_ = next->peer->id;
        next_optimistic_ = now + settings_.optimistic_round;
    } else if (holder == seats.end()) {
        optimistic_.reset();
    }
}

// At random among those that wait, newcomers with more weight.
Choker::Seat* Choker::draw_optimistic(std::vector<Seat>& seats, TimePoint now) {
    const auto weight = [&](const Seat& seat) -> std::uint64_t {
        if (!seat.is_waiting()) return 0;
        const bool is_newcomer = now - seat.peer->connected_at < settings_.newcomer_age;
        return is_newcomer ? std::max(settings_.newcomer_weight, 1u) : 1u;
    };
    std::uint64_t total = 0;
    for (const Seat& seat : seats) total += weight(seat);
    if (total == 0) return nullptr;
    std::uint64_t drawn = rng_.below(total);
    for (Seat& seat : seats) {
        const std::uint64_t own = weight(seat);
        if (drawn < own) return &seat;
        drawn -= own;
    }
    return nullptr;
}

}  // namespace bt::swarm
