#include "common/storage/piece_io.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/crypto/hash.h"

namespace bt::storage {

namespace {

constexpr std::size_t kStreamWindow = 1u << 20;

Status write_spans(const PieceWrite& job) {
    const auto& metainfo = job.content.metainfo;
    const std::uint64_t start = metainfo.layout().piece_offset(job.piece);
    std::size_t done = 0;
    for (const auto& span : metainfo.file_map().spans(start, job.bytes.size())) {
        const auto length = static_cast<std::size_t>(span.length);
        BT_TRY(job.content.files.write(span.file, span.offset, job.bytes.subspan(done, length)));
        done += length;
    }
    return {};
}

PieceWriteOutcome finish_write(const PieceWrite& job, const Sha1Digest& digest) {
    const auto& metainfo = job.content.metainfo;
    PieceWriteOutcome outcome;
    outcome.hash_ok =
        job.bytes.size() == metainfo.layout().piece_size(job.piece) && digest == metainfo.piece_hash(job.piece);
    if (!outcome.hash_ok || job.want_block_digests) outcome.block_digests = block_digests_of(job.bytes);
    if (outcome.hash_ok) outcome.status = write_spans(job);
    return outcome;
}

// Fills `into` from torrent byte `offset` on. False where a file is missing or ends too early.
Result<bool> read_content(const Content& content, std::uint64_t offset, MutableByteView into) {
    std::size_t done = 0;
    for (const auto& span : content.metainfo.file_map().spans(offset, into.size())) {
        const auto length = static_cast<std::size_t>(span.length);
        const auto read = content.files.read(span.file, span.offset, into.subspan(done, length));
        if (!read) {
            if (read.error().code == ErrorCode::NotFound) return false;
            return fail(read.error());
        }
        if (*read < length) return false;
        done += length;
    }
    return true;
}

class PieceChecker {
  public:
    PieceChecker(const Content& content, PieceIndex first, std::uint32_t count, ByteBuffer& scratch)
        : content_(content), layout_(content.metainfo.layout()), first_(first), count_(count), scratch_(scratch) {
        BT_CHECK(count <= layout_.piece_count() && first.value() <= layout_.piece_count() - count);
        outcome_.ok.resize(count);
    }

    PieceCheckOutcome run() {
        if (layout_.piece_length() > kMaxPairedPiece) {
            for (std::uint32_t i = 0; i < count_; ++i) stream_one(i);
        } else {
            run_in_pairs();
        }
        return std::move(outcome_);
    }

  private:
    [[nodiscard]] PieceIndex piece(std::uint32_t i) const { return PieceIndex(first_.value() + i); }
    [[nodiscard]] bool is_right(std::uint32_t i, const Sha1Digest& digest) const {
        return digest == content_.metainfo.piece_hash(piece(i));
    }

    // Pairs up whatever can be read at all: a hole in the files costs nothing.
    void run_in_pairs() {
        const std::size_t room = layout_.piece_length();
        if (scratch_.size() < 2 * room) scratch_.resize(2 * room);
        bool one_waits = false;
        std::uint32_t waiting = 0;
        for (std::uint32_t i = 0; i < count_; ++i) {
            const MutableByteView into = half(one_waits ? 1 : 0, i);
            if (!read(layout_.piece_offset(piece(i)), into)) continue;
            if (!one_waits) {
                waiting = i;
                one_waits = true;
                continue;
            }
            Sha1Digest first_digest;
            Sha1Digest second_digest;
            crypto::sha1_pair(half(0, waiting), into, first_digest, second_digest);
            outcome_.ok[waiting] = is_right(waiting, first_digest);
            outcome_.ok[i] = is_right(i, second_digest);
            one_waits = false;
        }
        if (one_waits) outcome_.ok[waiting] = is_right(waiting, crypto::sha1(half(0, waiting)));
    }

    void stream_one(std::uint32_t i) {
        if (scratch_.size() < kStreamWindow) scratch_.resize(kStreamWindow);
        const std::uint64_t start = layout_.piece_offset(piece(i));
        const std::size_t size = layout_.piece_size(piece(i));
        crypto::Sha1 sha1;
        for (std::size_t done = 0; done < size;) {
            const auto window = MutableByteView(scratch_).first(std::min(kStreamWindow, size - done));
            if (!read(start + done, window)) return;
            sha1.update(window);
            done += window.size();
        }
        outcome_.ok[i] = is_right(i, sha1.finish());
    }

    bool read(std::uint64_t offset, MutableByteView into) {
        const auto complete = read_content(content_, offset, into);
        if (complete) return *complete;
        if (outcome_.status) outcome_.status = fail(complete.error());
        return false;
    }

    [[nodiscard]] MutableByteView half(std::size_t which, std::uint32_t i) const {
        return MutableByteView(scratch_).subspan(which * layout_.piece_length(), layout_.piece_size(piece(i)));
    }

    const Content& content_;
    const meta::PieceLayout& layout_;
    PieceIndex first_;
    std::uint32_t count_;
    ByteBuffer& scratch_;
    PieceCheckOutcome outcome_;
};

}  // namespace

std::vector<Sha1Digest> block_digests_of(ByteView bytes) {
    std::vector<Sha1Digest> digests((bytes.size() + kBlockSize - 1) / kBlockSize);
    const auto block = [&](std::size_t i) {
        const std::size_t begin = i * kBlockSize;
        return bytes.subspan(begin, std::min<std::size_t>(kBlockSize, bytes.size() - begin));
    };
    std::size_t i = 0;
    for (; i + 1 < digests.size(); i += 2) crypto::sha1_pair(block(i), block(i + 1), digests[i], digests[i + 1]);
    if (i < digests.size()) digests[i] = crypto::sha1(block(i));
    return digests;
}

PieceWriteOutcome write_piece(const PieceWrite& job) { return finish_write(job, crypto::sha1(job.bytes)); }

std::array<PieceWriteOutcome, 2> write_two_pieces(const PieceWrite& first, const PieceWrite& second) {
    Sha1Digest first_digest;
    Sha1Digest second_digest;
    crypto::sha1_pair(first.bytes, second.bytes, first_digest, second_digest);
    auto first_outcome = finish_write(first, first_digest);
    return {std::move(first_outcome), finish_write(second, second_digest)};
}

PieceCheckOutcome check_pieces(const Content& content, PieceIndex first, std::uint32_t count, ByteBuffer& scratch) {
    return PieceChecker(content, first, count, scratch).run();
}

Result<std::vector<FileStat>> inspect(const Content& content) {
    const std::uint32_t count = content.metainfo.file_map().file_count();
    std::vector<FileStat> stats;
    stats.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        BT_TRY_ASSIGN(FileStat stat, content.files.stat(FileIndex(i)));
        stats.push_back(stat);
    }
    return stats;
}

Status prepare(const Content& content) {
    BT_TRY_ASSIGN(const std::vector<FileStat> stats, inspect(content));
    const auto& files = content.metainfo.files();
    for (std::uint32_t i = 0; i < stats.size(); ++i) {
        if (stats[i].exists && !stats[i].is_regular) {
            return fail(Error{ErrorCode::DiskError, Fault::System,
                              files[i].path + " is in the way: it is not a regular file", std::nullopt});
        }
        BT_TRY(content.files.check_writable(FileIndex(i)));
    }
    for (std::uint32_t i = 0; i < stats.size(); ++i) {
        if (!stats[i].exists && files[i].length == 0) BT_TRY(content.files.make_empty(FileIndex(i)));
        if (stats[i].size > files[i].length) BT_TRY(content.files.truncate(FileIndex(i), files[i].length));
    }
    return {};
}

}  // namespace bt::storage
