#pragma once

// What the Fast extension (BEP 6) adds to one connection, beside its messages: which pieces a choked peer may have of
// us, which we may have of a peer that chokes us, what it suggests, and how much nonsense is put up with.
//
//  - Our offer: a set that only the info_hash and the peer's network (IPv4, the first three bytes) decide, so that a
//    peer gets nothing more by connecting again, or from a neighbour. At most a tenth of the torrent, at most
//    kAllowedFastCount pieces: choking must still mean something. Each block of the offer is paid for
//    kAllowedFastServings times in all, behind that its requests are rejected.
//  - Its offer: pieces we may ask for while it chokes us, as far as it has them. Beyond kMaxAllowedFast they are passed
//    over. One that it rejects all the same leaves the offer; it would be asked for at once again, for ever.
//  - Suggestions: the last kMaxSuggestions pieces that it has. A hint for which piece to begin; for
//    kGuidedAfterSuggestion the peer is taken for one that knows what the swarm needs of it.
//  - Rejects: of what was asked for they give the block back. Of what was never asked for, or was answered already (our
//    cancel and its reject may cross), kMaxStrayRejects are passed over. A peer that does not choke us and rejects
//    is not asked again for kPauseAfterReject, and is given up at kMaxRejectsInRow without a block between them.
// Cost: O(1), O(k) of these small sets where a piece is looked up; nothing while the extension is off.

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "common/meta/bitfield.h"
#include "common/meta/piece_layout.h"

namespace bt::swarm {

inline constexpr std::uint32_t kAllowedFastCount = 5;
inline constexpr std::uint32_t kAllowedFastServings = 3;
inline constexpr std::size_t kMaxAllowedFast = 100;
inline constexpr std::size_t kMaxSuggestions = 16;
inline constexpr Duration kGuidedAfterSuggestion = seconds(10);
inline constexpr std::uint32_t kMaxStrayRejects = 100;
inline constexpr std::uint32_t kMaxRejectsInRow = 1000;
inline constexpr Duration kPauseAfterReject = seconds(1);

// The canonical set of BEP 6: `count` different pieces (fewer where there are fewer), in the order in which they come
// up. Empty for IPv6, of which BEP 6 does not speak.
[[nodiscard]] std::vector<PieceIndex> allowed_fast_set(const InfoHash& info_hash, const Address& peer,
                                                       std::uint32_t piece_count, std::uint32_t count);

// What a peer at this address may have of us although it is choked.
[[nodiscard]] std::vector<PieceIndex> fast_offer(const InfoHash& info_hash, const Address& peer,
                                                 const meta::Bitfield& have);

class FastExtension {
  public:
    void enable() { enabled_ = true; }
    [[nodiscard]] bool is_enabled() const { return enabled_; }

    // Our offer.
    void offer(std::vector<PieceIndex> pieces, const meta::PieceLayout& layout);
    [[nodiscard]] bool is_offered(PieceIndex piece) const;
    bool take_serving(PieceIndex piece);  // of a choked peer: whether its request is to be answered

    // Its offer, and its suggestions. `pieces`: what the peer has.
    void on_allowed(PieceIndex piece, const meta::Bitfield& pieces);
    void on_suggested(PieceIndex piece, const meta::Bitfield& pieces, TimePoint now);
    void on_pieces_changed(const meta::Bitfield& pieces);  // more than one at once
    void on_have(PieceIndex piece);
    void on_lost(PieceIndex piece);
    void forget_suggestions();
    // What may be asked for while it chokes us; nullptr: nothing.
    [[nodiscard]] const meta::Bitfield* allowed() const;
    [[nodiscard]] const meta::Bitfield* suggested() const;
    // It has suggested something lately.
    [[nodiscard]] bool is_guided(TimePoint now) const { return now < guided_until_; }

    // Rejects. False: it has gone too far.
    [[nodiscard]] bool on_rejected(PieceIndex piece, bool choking, TimePoint now);
    [[nodiscard]] bool on_stray_reject() { return ++stray_rejects_ <= kMaxStrayRejects; }
    void on_block() { rejects_in_row_ = 0; }
    [[nodiscard]] bool is_pausing(TimePoint now) const { return now < paused_until_; }

  private:
    bool enabled_ = false;
    std::vector<PieceIndex> offered_;  // sorted
    std::uint64_t servings_left_ = 0;
    std::vector<PieceIndex> allowed_;       // as heard
    std::optional<meta::Bitfield> usable_;  // of those, what it has
    std::vector<PieceIndex> suggestions_;   // oldest first
    std::optional<meta::Bitfield> suggested_;
    TimePoint guided_until_{};
    std::uint32_t stray_rejects_ = 0;
    std::uint32_t rejects_in_row_ = 0;
    TimePoint paused_until_{};
};

}  // namespace bt::swarm
