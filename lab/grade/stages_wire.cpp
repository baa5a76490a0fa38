// `peers FILE` and `handshake FILE ip:port`: the first words with a tracker and with a peer.

#include "common/base/encoding.h"
#include "lab/grade/stage_swarm.h"

namespace bt::grade {
namespace {

// Bytes of 0x80 and more in the address, and both bytes of the port matter.
Endpoint some_endpoint(Rng& rng) {
    const auto byte = [&rng](std::uint64_t from) { return static_cast<Byte>(from + rng.below(256 - from)); };
    return {Address::v4({byte(128), byte(0), byte(0), byte(1)}), static_cast<std::uint16_t>(1024 + rng.below(64000))};
}

std::string peer_id_line(const FakePeer& peer) { return to_hex(peer.peer_id()); }

Result<Finding> shake_hands(Arena& arena, const PeerManners& manners, const std::string& hint) {
    BT_TRY_ASSIGN(const auto swarm, StageSwarm::make(arena, SampleShape{}, {manners}));
    BT_TRY_ASSIGN(const std::string path, arena.write_torrent(swarm->sample()));
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"handshake", path, swarm->peer(0).endpoint().to_string()}));
    if (auto fault = fault_in_end(ran)) return swarm->explain(*fault, hint);
    if (auto fault = fault_in_line(ran, "Peer ID: ", peer_id_line(swarm->peer(0)),
                                   "the last 20 of the 68 bytes that the peer sends, as 40 hex digits"))
        return swarm->explain(*fault);
    return passed(ran);
}

}  // namespace

Result<Finding> peers_list(Arena& arena) {
    BT_TRY_ASSIGN(const auto swarm, StageSwarm::make(arena, SampleShape{}, {}));
    std::vector<Endpoint> peers;
    for (int i = 0; i < 5; ++i) peers.push_back(some_endpoint(arena.rng()));
    swarm->announce(peers);
    BT_TRY_ASSIGN(const std::string path, arena.write_torrent(swarm->sample()));
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"peers", path}));
    if (auto fault = fault_in_end(ran)) return swarm->explain(*fault);
    for (const Endpoint& peer : peers) {
        if (auto fault =
                fault_in_line(ran, "", peer.to_string(),
                              "`peers` is compact: 6 bytes each, 4 of the address and 2 of the port, big-endian; "
                              "print them as ip:port, one a line"))
            return swarm->explain(*fault);
    }
    return passed(ran);
}

Result<Finding> peers_refused(Arena& arena) {
    BT_TRY_ASSIGN(const auto swarm, StageSwarm::make(arena, SampleShape{}, {}));
    TrackerManners manners;
    manners.failure = "not registered: " + random_word(arena.rng(), 4, 8);
    manners.max_left = swarm->sample().content.size();
    swarm->tracker().set(swarm->sample().metainfo->info_hash(), manners);
    BT_TRY_ASSIGN(const std::string path, arena.write_torrent(swarm->sample()));
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"peers", path}));
    if (ran.timed_out || ran.flooded || ran.exit.signalled) return swarm->explain(*fault_in_end(ran));
    const std::string expected = "an exit code that is not 0: the tracker said \"" + manners.failure + "\"";
    const std::string hint = "look for `failure reason` in the answer before `peers`, and tell it on standard error";
    if (swarm->tracker().asked() == 0)
        return swarm->explain(failed(ran, expected, "the tracker was not asked", "announce to the URL of the torrent"));
    if (ran.exit.code == 0) return swarm->explain(failed(ran, expected, "exit code 0 and " + shown(ran.out), hint));
    return passed(ran);
}

Result<Finding> handshake_peer(Arena& arena) {
    PeerManners manners;
    manners.closes = true;
    return shake_hands(arena, manners, "read exactly 68 bytes: what comes behind them are messages");
}

Result<Finding> handshake_parts(Arena& arena) {
    PeerManners manners;
    manners.closes = manners.cuts = true;
    return shake_hands(arena, manners,
                       "TCP cuts as it likes: one recv() may bring less than 68 bytes, so read until there are 68");
}

}  // namespace bt::grade
