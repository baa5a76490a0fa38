#pragma once

// Overwrite: what a download does about files that lie where its own are to go. Whatever is there is checked first and
// what verifies is kept; the unfinished work of an earlier run (its `.part` name or its resume data tells) is nobody
// else's and always carried on.
//   Check    (the usual) pieces that do not verify are written over, so that a damaged or half-finished download is
//            mended. Refused are a file that is longer than the torrent's (to cut it would destroy the rest) and one of
//            which not a single piece that can be judged is right: that is somebody else's content.
//   Never    a file that is there must be whole and right; anything else is refused before a byte is written.
//   Always   longer files are cut, other content is written over.

#include <cstdint>

namespace bt::storage {

enum class Overwrite : std::uint8_t { Check, Never, Always };

}  // namespace bt::storage
