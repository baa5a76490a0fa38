#pragma once

// What all connections of a persona share: the torrent, its content, what was downloaded so far, and counters.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/rng.h"
#include "common/env/env.h"
#include "common/meta/metainfo.h"
#include "common/telemetry/event.h"
#include "lab/personas/persona.h"

namespace bt::persona {

// Fills `out` with the content from `offset` on; false: not there.
using ContentReader = std::function<bool(std::uint64_t offset, MutableByteView out)>;

// What a downloading persona has: pieces in memory, checked when they are whole.
class Store {
  public:
    explicit Store(const meta::Metainfo& metainfo);

    [[nodiscard]] bool has(std::uint32_t piece) const { return have_[piece]; }
    [[nodiscard]] std::uint32_t have_count() const { return have_count_; }
    [[nodiscard]] bool is_complete() const { return have_count_ == have_.size(); }
    [[nodiscard]] const std::vector<bool>& have() const { return have_; }
    // The next block to ask a peer with these pieces for, which nobody else is asked for. Nothing: there is none.
    [[nodiscard]] std::optional<wire::Request> next_request(const std::vector<bool>& peer_has);
    // It was asked for in vain.
    void release(const wire::Request& request);
    // True when the piece became whole and right.
    bool add_block(std::uint32_t piece, std::uint32_t begin, ByteView block);
    [[nodiscard]] bool read(std::uint64_t offset, MutableByteView out) const;
    [[nodiscard]] std::uint64_t hash_failures() const { return hash_failures_; }

  private:
    struct Piece {
        ByteBuffer bytes;
        std::vector<bool> got, asked;
    };
    const meta::Metainfo& metainfo_;
    std::vector<bool> have_;
    std::uint32_t have_count_ = 0;
    std::uint32_t next_ = 0;  // piece to look at first
    std::map<std::uint32_t, Piece> pieces_;
    std::uint64_t hash_failures_ = 0;
};

class World {
  public:
    World(env::Env& env_, std::shared_ptr<const meta::Metainfo> metainfo_, Options options_, ContentReader content_,
          telemetry::Telemetry telemetry_, Rng rng_)
        : env(env_),
          metainfo(std::move(metainfo_)),
          options(std::move(options_)),
          content(std::move(content_)),
          telemetry(telemetry_),
          rng(std::move(rng_)),
          store(*metainfo) {}

    env::Env& env;
    std::shared_ptr<const meta::Metainfo> metainfo;
    Options options;
    ContentReader content;
    telemetry::Telemetry telemetry;
    Rng rng;
    Store store;
    std::uint64_t uploaded = 0;
    std::uint64_t downloaded = 0;
    std::function<void(std::uint32_t piece)> on_piece;  // was completed

    // True with the probability `part` of the options.
    [[nodiscard]] bool chance() { return rng.below(1'000'000) < static_cast<std::uint64_t>(options.part * 1e6); }
};

}  // namespace bt::persona
