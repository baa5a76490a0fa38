#pragma once

// What a Disk does with pieces, over any kind of files. Both worlds call these functions: the real disk from its work
// pool, the simulated one from its loop; they differ only in the FileAccess below. Pure: no threads, no system calls.
//
//  - A piece is hashed from memory first and written only when its hash is right, with one write per file it touches.
//  - Block digests (SHA-1 of every 16 KiB block) are made when asked for or when the piece's hash is wrong: they tell
//    which sender's block was bad once the good piece is known.
//  - A missing or short file makes a piece "not ok" without an error: that is what a fresh download looks like.
//    Everything else that keeps us from reading is an error.
// Cost: one pass of SHA-1 over the bytes. Two pieces at a time share it (crypto::sha1_pair), which is why there is
// write_two_pieces, and why check_pieces reads pieces in pairs.

#include <array>
#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "common/base/types.h"
#include "common/meta/metainfo.h"
#include "common/storage/storage_spec.h"

namespace bt::storage {

// The files of one storage, by their place in the metainfo. Errors carry fault System.
class FileAccess {
  public:
    virtual ~FileAccess() = default;
    // All of `bytes` from `offset` on, or an error. Makes the file and its folders where they are missing.
    virtual Status write(FileIndex file, std::uint64_t offset, ByteView bytes) = 0;
    // Bytes read; fewer than asked for only at the end of the file. A missing file is NotFound.
    virtual Result<std::size_t> read(FileIndex file, std::uint64_t offset, MutableByteView into) = 0;
    // A missing file is not an error.
    virtual Result<FileStat> stat(FileIndex file) = 0;
    // Makes the file (of length 0) and its folders.
    virtual Status make_empty(FileIndex file) = 0;
    virtual Status truncate(FileIndex file, std::uint64_t length) = 0;
    // Could `write` open this file, or make it? Changes nothing.
    virtual Status check_writable(FileIndex file) = 0;
};

// The content that a job is about; both outlive the call.
struct Content {
    const meta::Metainfo& metainfo;
    FileAccess& files;
};

struct PieceWrite {
    Content content;
    PieceIndex piece;  // valid in the metainfo's layout
    ByteView bytes;    // another length than the piece's is a wrong hash
    bool want_block_digests = false;
};

struct PieceWriteOutcome {
    bool hash_ok = false;  // only then anything was written
    Status status;         // of the write
    std::vector<Sha1Digest> block_digests;
};

[[nodiscard]] PieceWriteOutcome write_piece(const PieceWrite& job);

// The same as two calls of write_piece in this order, with the hashing done side by side. The pieces may be of
// different storages.
[[nodiscard]] std::array<PieceWriteOutcome, 2> write_two_pieces(const PieceWrite& first, const PieceWrite& second);

// SHA-1 of each 16 KiB block of `bytes`; the last one may be shorter.
[[nodiscard]] std::vector<Sha1Digest> block_digests_of(ByteView bytes);

struct PieceCheckOutcome {
    std::vector<bool> ok;  // one per piece asked for
    Status status;         // the first real read error; pieces that other files hold are checked nevertheless
};

// Pieces [first, first + count), all valid in the layout. `scratch` is the caller's reused memory: it grows to two
// pieces, or stays at 1 MiB where pieces are over kMaxPairedPiece and are streamed one by one.
inline constexpr std::uint32_t kMaxPairedPiece = 4u << 20;
[[nodiscard]] PieceCheckOutcome check_pieces(const Content& content, PieceIndex first, std::uint32_t count,
                                             ByteBuffer& scratch);

// A stat of every file in metainfo order.
[[nodiscard]] Result<std::vector<FileStat>> inspect(const Content& content);

// Makes files of length 0, refuses what is in the way, cuts files that are too long. Nothing is changed unless every
// file passed its check.
[[nodiscard]] Status prepare(const Content& content);

}  // namespace bt::storage
