#pragma once

// [[rules]] of the tracker's configuration file (docs/formats.md): when the tracker misbehaves, and how.
//
// A rule has conditions (all must hold), one action and what that action needs:
//   [[rules]]
//   name = "third time unlucky"
//   peerId = "-TR"
//   nth = 3
//   action = "failure"
//   reason = "come back later"
//   retryIn = 5
// Unknown keys, keys of another action, doors and kinds that an action cannot work on are refused with the line.

#include "common/app/config_tree.h"
#include "tracker/rules.h"

namespace bt::tracker {

// Error: InvalidConfig "FILE:LINE: …"; that of the torrent file where `torrent` names one that cannot be read.
[[nodiscard]] Result<std::vector<Rule>> read_rules(const app::ConfigFile& file, const app::ConfigTable& root);

// For the default configuration text: an example, commented out.
[[nodiscard]] std::string rules_config_text();

}  // namespace bt::tracker
