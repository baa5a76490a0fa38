#pragma once

// A torrent with content from an rng_seed, and its metainfo through our own writer and parser.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/rng.h"
#include "common/crypto/hash.h"
#include "common/meta/metainfo.h"
#include "common/meta/metainfo_writer.h"

namespace bt::sim {

struct TestTorrentOptions {
    std::uint64_t size = 0;
    std::uint32_t piece_length = 0;
    std::uint64_t rng_seed = 0;
    std::vector<std::string> trackers = {};        // one tier
    std::vector<std::uint64_t> file_lengths = {};  // several files whose sum is `size`; none: one file "content"
    bool is_private = false;
};

struct TestTorrent {
    ByteBuffer content;
    std::shared_ptr<const meta::Metainfo> metainfo;

    [[nodiscard]] ByteView piece(PieceIndex index) const {
        const auto& layout = metainfo->layout();
        return ByteView(content).subspan(static_cast<std::size_t>(layout.piece_offset(index)),
                                         layout.piece_size(index));
    }
};

[[nodiscard]] inline TestTorrent make_test_torrent(const TestTorrentOptions& options) {
    TestTorrent torrent;
    torrent.content.resize(static_cast<std::size_t>(options.size));
    Rng(options.rng_seed).fill(torrent.content);
    meta::TorrentDescription description;
    description.name = "content";
    description.piece_length = options.piece_length;
    description.multi_file = !options.file_lengths.empty();
    if (!description.multi_file) description.files = {{"content", options.size}};
    for (std::size_t i = 0; i < options.file_lengths.size(); ++i) {
        description.files.push_back({"file-" + std::to_string(i), options.file_lengths[i]});
    }
    for (ByteView rest = torrent.content; !rest.empty();) {
        const ByteView piece = rest.first(std::min<std::size_t>(rest.size(), options.piece_length));
        description.piece_hashes.push_back(crypto::sha1(piece));
        rest = rest.subspan(piece.size());
    }
    description.is_private = options.is_private;
    if (!options.trackers.empty()) description.tracker_tiers = {options.trackers};
    const ByteBuffer bytes = meta::write_metainfo(description).value();
    torrent.metainfo = std::make_shared<const meta::Metainfo>(meta::Metainfo::parse(bytes).value());
    return torrent;
}

}  // namespace bt::sim
