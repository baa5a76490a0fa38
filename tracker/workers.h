#pragma once

// The threads of a tracker beyond the first: each a loop, an env and a TrackerNode of its own, at the same addresses.
// The destructor ends them.

#include <memory>
#include <vector>

#include "common/net/uv_loop.h"
#include "tracker/tracker_node.h"

namespace bt::tracker {

class Workers {
  public:
    // As many threads as the settings' share has nodes, less the one that is running already. `clock` is its loop,
    // `doors` where it listens, with the ports that it has. Error: that of the first that cannot listen; then none
    // runs.
    [[nodiscard]] static Result<std::unique_ptr<Workers>> start(const net::UvLoop& clock, const NodeSettings& settings,
                                                                Rng rng, const Doors& doors, std::size_t threads);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

  private:
    struct Worker;
    Workers();
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace bt::tracker
