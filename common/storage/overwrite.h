#pragma once

// Overwrite: what a download does about files that lie where its own are to go.
//   Check    (the usual) what is there is checked; good pieces are kept, the rest is written over. A file that is
//   longer
//            than the torrent's is refused: it is somebody else's.
//   Never    a file that is there must be whole and right, or be the unfinished work of an earlier run (its `.part`
//   name or
//            its resume data tells); anything else is refused before a byte is written.
//   Always   nothing that is there is believed or spared.

#include <cstdint>

namespace bt::storage {

enum class Overwrite : std::uint8_t { Check, Never, Always };

}  // namespace bt::storage
