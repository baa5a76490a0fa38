// `magnet_… URI`: the description comes from peers (BEP 9 and 10).

#include "common/base/encoding.h"
#include "lab/grade/stage_swarm.h"

namespace bt::grade {
namespace {

namespace fs = std::filesystem;

PeerManners magnet_manners(Rng& rng) {
    PeerManners manners;
    manners.magnet = true;
    manners.metadata_id = static_cast<std::uint8_t>(1 + rng.below(255));
    return manners;
}

Result<std::unique_ptr<StageSwarm>> magnet_swarm(Arena& arena) {
    return StageSwarm::make(arena, SampleShape{}, {magnet_manners(arena.rng())});
}

std::string id_line(const FakePeer& peer) { return to_hex(peer.peer_id()); }

// The lines of `info`.
std::optional<Finding> fault_in_info(const Ran& ran, const Sample& sample) {
    const std::pair<const char*, std::string> lines[] = {
        {"Tracker URL: ", sample.announce},
        {"Length: ", std::to_string(sample.metainfo->layout().total_length())},
        {"Info Hash: ", to_hex(sample.metainfo->info_hash())},
        {"Piece Length: ", std::to_string(sample.metainfo->layout().piece_length())}};
    for (const auto& [label, value] : lines) {
        if (auto fault =
                fault_in_line(ran, label, value, "the same as of `info`, from the metadata that the peer sent"))
            return fault;
    }
    for (std::uint32_t i = 0; i < sample.piece_count(); ++i) {
        if (auto fault = fault_in_line(ran, "", to_hex(sample.metainfo->piece_hash(PieceIndex(i))),
                                       "the hash of each piece, as `info` prints them"))
            return fault;
    }
    return std::nullopt;
}

Result<Finding> ask_for_info(Arena& arena, const StageSwarm& swarm, const std::string& hint) {
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"magnet_info", swarm.magnet(arena.rng())}));
    if (auto fault = fault_in_end(ran)) return swarm.explain(*fault, hint);
    if (auto fault = fault_in_info(ran, swarm.sample())) return swarm.explain(*fault);
    return passed(ran);
}

constexpr const char* kExtensionHint =
    "after the handshake with the extension bit both sides send message 20 with the byte 0 and a dictionary; its `m` "
    "has the "
    "number under which the peer wants to be sent ut_metadata";
constexpr const char* kMetadataHint =
    "the metadata comes as message 20, your own number for ut_metadata, a dictionary (msg_type 1) and behind its end "
    "the raw "
    "bytes of `info`";

}  // namespace

Result<Finding> magnet_handshake(Arena& arena) {
    BT_TRY_ASSIGN(const auto swarm, magnet_swarm(arena));
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"magnet_handshake", swarm->magnet(arena.rng())}));
    if (auto fault = fault_in_end(ran)) return swarm->explain(*fault, kExtensionHint);
    if (auto fault =
            fault_in_line(ran, "Peer ID: ", id_line(swarm->peer(0)), "the last 20 of the 68 bytes that the peer sends"))
        return swarm->explain(*fault);
    return passed(ran);
}

Result<Finding> magnet_extension(Arena& arena) {
    BT_TRY_ASSIGN(const auto swarm, magnet_swarm(arena));
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"magnet_handshake", swarm->magnet(arena.rng())}));
    if (auto fault = fault_in_end(ran)) return swarm->explain(*fault, kExtensionHint);
    if (auto fault = fault_in_line(ran, "Peer Metadata Extension ID: ",
                                   std::to_string(swarm->peer(0).manners().metadata_id), kExtensionHint)) {
        if (swarm->account().extension_handshakes == 0) fault->hint = kExtensionHint;
        return swarm->explain(*fault);
    }
    const auto was_told = [&swarm] { return swarm->account().extension_handshakes > 0; };
    swarm->settle([&] { return was_told() || !swarm->account().faults.empty(); });
    if (!was_told())
        return swarm->explain(failed(ran, "an extension handshake of your own", "none", kExtensionHint),
                              kExtensionHint);
    return passed(ran);
}

Result<Finding> magnet_info(Arena& arena) {
    BT_TRY_ASSIGN(const auto swarm, magnet_swarm(arena));
    return ask_for_info(arena, *swarm, kMetadataHint);
}

Result<Finding> magnet_blocks(Arena& arena) {
    constexpr std::uint32_t kPieces = 2000;  // their hashes fill three blocks
    PeerManners manners = magnet_manners(arena.rng());
    manners.cuts = true;
    BT_TRY_ASSIGN(
        const auto swarm,
        StageSwarm::make(arena, [](Rng& rng, const std::string& url) { return make_description(rng, kPieces, url); },
                         {manners}));
    return ask_for_info(
        arena, *swarm,
        "this metadata is larger than 16 KiB: ask for piece 0, 1, 2 … of it as `metadata_size` needs, and put "
        "them together");
}

Result<Finding> magnet_piece(Arena& arena) {
    BT_TRY_ASSIGN(const auto swarm, magnet_swarm(arena));
    const Sample& sample = swarm->sample();
    const auto index = static_cast<std::uint32_t>(arena.rng().below(sample.piece_count()));
    const fs::path out = arena.new_path("piece");
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"magnet_download_piece", "-o", out.string(), swarm->magnet(arena.rng()),
                                            std::to_string(index)}));
    if (auto fault = fault_in_end(ran)) return swarm->explain(*fault, kMetadataHint);
    if (auto fault = fault_in_file(ran, out, sample.piece(index))) return swarm->explain(*fault);
    return passed(ran);
}

Result<Finding> magnet_download(Arena& arena) {
    BT_TRY_ASSIGN(const auto swarm, magnet_swarm(arena));
    const fs::path out = arena.new_path("file");
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"magnet_download", "-o", out.string(), swarm->magnet(arena.rng())}, 2));
    if (auto fault = fault_in_end(ran)) return swarm->explain(*fault, kMetadataHint);
    if (auto fault = fault_in_file(ran, out, swarm->sample().content)) return swarm->explain(*fault);
    return passed(ran);
}

}  // namespace bt::grade
