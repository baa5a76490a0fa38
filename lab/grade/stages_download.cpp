// `download_piece -o OUT FILE INDEX` and `download -o OUT FILE`, from peers with manners of their own.

#include <fstream>

#include "lab/grade/stage_swarm.h"

namespace bt::grade {
namespace {

namespace fs = std::filesystem;

Result<Finding> fetch_piece(Arena& arena, const SampleShape& shape, const PeerManners& manners, bool last,
                            const std::string& hint) {
    BT_TRY_ASSIGN(const auto swarm, StageSwarm::make(arena, shape, {manners}));
    const Sample& sample = swarm->sample();
    BT_TRY_ASSIGN(const std::string path, arena.write_torrent(sample));
    const std::uint32_t end = sample.piece_count() - 1;
    const std::uint32_t index = last ? end : static_cast<std::uint32_t>(arena.rng().below(end));
    const fs::path out = arena.new_path("piece");
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"download_piece", "-o", out.string(), path, std::to_string(index)}));
    if (auto fault = fault_in_end(ran)) return swarm->explain(*fault, hint);
    if (auto fault = fault_in_file(ran, out, sample.piece(index))) return swarm->explain(*fault, hint);
    return passed(ran);
}

Result<Finding> fetch_file(Arena& arena, const StageSwarm& swarm, const std::string& hint) {
    BT_TRY_ASSIGN(const std::string path, arena.write_torrent(swarm.sample()));
    const fs::path out = arena.new_path("file");
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"download", "-o", out.string(), path}, 2));
    if (auto fault = fault_in_end(ran)) return swarm.explain(*fault, hint);
    if (auto fault = fault_in_file(ran, out, swarm.sample().content)) return swarm.explain(*fault, hint);
    return passed(ran);
}

constexpr SampleShape kManyBlocks{.piece_length = 128 * 1024, .pieces = 2};
constexpr SampleShape kManyPieces{.piece_length = 32 * 1024, .pieces = 9};

}  // namespace

Result<Finding> piece_first(Arena& arena) { return fetch_piece(arena, {}, {}, false, ""); }

Result<Finding> piece_last(Arena& arena) {
    return fetch_piece(arena, {}, {}, true, "the last piece is shorter than the others, and so is its last block");
}

Result<Finding> piece_stream(Arena& arena) {
    PeerManners manners;
    manners.cuts = manners.chatters = true;
    manners.bitfield_after = std::chrono::milliseconds(200);
    return fetch_piece(
        arena, {}, manners, false,
        "messages come in parts, and others in between: read 4 bytes of length, then so many bytes, each "
        "until all are there; a length of 0 is a keep-alive; pass over what you do not wait for");
}

Result<Finding> piece_have(Arena& arena) {
    PeerManners manners;
    manners.says_have = true;
    return fetch_piece(arena, {}, manners, false,
                       "a peer need not send a bitfield: this one tells each piece by `have` (id 4)");
}

Result<Finding> piece_choke(Arena& arena) {
    PeerManners manners;
    manners.chokes_after = 2;
    return fetch_piece(arena, kManyBlocks, manners, false,
                       "the peer chokes (id 0) after two blocks, and forgets what it was asked: wait for the unchoke, "
                       "then ask again for every block that has not come");
}

Result<Finding> download_file(Arena& arena) {
    BT_TRY_ASSIGN(const auto swarm, StageSwarm::make(arena, kManyPieces, {PeerManners{}}));
    return fetch_file(arena, *swarm, "");
}

Result<Finding> download_spread(Arena& arena) {
    std::vector<PeerManners> peers(3);
    for (std::size_t i = 0; i < peers.size(); ++i) {
        for (std::size_t piece = 0; piece < kManyPieces.pieces; ++piece) {
            peers[i].has.push_back(piece % peers.size() == i);
        }
    }
    BT_TRY_ASSIGN(const auto swarm, StageSwarm::make(arena, kManyPieces, std::move(peers)));
    return fetch_file(arena, *swarm,
                      "no peer has everything: ask each for what its bitfield says, until nothing is missing");
}

Result<Finding> download_corrupt(Arena& arena) {
    PeerManners manners;
    manners.liar = std::make_shared<LiarSeat>(kSeatFree);
    BT_TRY_ASSIGN(const auto swarm, StageSwarm::make(arena, kManyPieces, {manners, manners, manners}));
    return fetch_file(
        arena, *swarm,
        "one of the peers sends corrupt blocks: compare each piece's SHA-1 with the torrent's before you keep "
        "it, and fetch it again from another peer");
}

Result<Finding> download_dead(Arena& arena) {
    BT_TRY_ASSIGN(const auto swarm, StageSwarm::make(arena, SampleShape{}, {PeerManners{}}));
    const Endpoint dead{arena.next_address(), 9};
    swarm->announce({dead});
    return fetch_file(arena, *swarm, "nobody listens at the first address that the tracker names: go on with the next");
}

Result<Finding> download_folder(Arena& arena) {
    SampleShape shape;
    shape.files = 4;
    BT_TRY_ASSIGN(const auto swarm, StageSwarm::make(arena, shape, {PeerManners{}}));
    const Sample& sample = swarm->sample();
    const std::string hint =
        "the content is the files of `files`, one behind the other: pieces run across their ends, and "
        "each goes to OUT/PATH (OUT/NAME/PATH is taken too)";
    BT_TRY_ASSIGN(const std::string path, arena.write_torrent(sample));
    const fs::path out = arena.new_path("folder");
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"download", "-o", out.string(), path}, 2));
    if (auto fault = fault_in_end(ran)) return swarm->explain(*fault, hint);
    std::size_t at = 0;
    for (const meta::FileEntry& file : sample.metainfo->files()) {
        const fs::path whole = out / file.path;  // with the name in front
        std::error_code error;
        const fs::path there = fs::exists(whole, error) ? whole : out / file.path.substr(sample.name.size() + 1);
        const ByteView bytes = ByteView(sample.content).subspan(at, static_cast<std::size_t>(file.length));
        at += bytes.size();
        if (auto fault = fault_in_file(ran, there, bytes)) return swarm->explain(*fault, hint);
    }
    return passed(ran);
}

}  // namespace bt::grade
