#pragma once

// The tracker of one stage: answers announces for one torrent, and writes down what is wrong with them. Whatever is
// wrong is told to the student too, as a `failure reason`.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/types.h"
#include "lab/grade/door.h"
#include "lab/grade/fault.h"

namespace bt::grade {

struct TrackerManners {
    std::vector<Endpoint> peers;
    std::string failure;         // answers this to everybody, if not empty
    std::uint64_t max_left = 0;  // what may be left to download: 1 to this
};

class FakeTracker {
  public:
    [[nodiscard]] static Result<std::unique_ptr<FakeTracker>> open(const Address& address);

    // Before the student runs; an announce for anything else is a fault.
    void set(const InfoHash& info_hash, TrackerManners manners);
    [[nodiscard]] std::string url() const;
    [[nodiscard]] std::vector<Fault> faults() const;
    [[nodiscard]] std::size_t asked() const;

  private:
    void serve(net::Fd connection);
    [[nodiscard]] std::string answer(std::string_view query);

    mutable std::mutex mutex_;
    InfoHash info_hash_{};
    TrackerManners manners_;
    std::vector<Fault> faults_;
    std::size_t asked_ = 0;
    std::unique_ptr<Door> door_;  // last: its threads use the rest
};

// What is wrong with the query of an announce, if anything. Pure.
[[nodiscard]] std::optional<Fault> fault_in_announce(std::string_view query, const InfoHash& info_hash,
                                                     std::uint64_t max_left);

}  // namespace bt::grade
