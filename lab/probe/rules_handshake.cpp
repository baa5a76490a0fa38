// Who answers a handshake, and how.

#include <algorithm>

#include "common/base/encoding.h"
#include "lab/probe/rule.h"

namespace bt::probe {
namespace {

constexpr int kRefusalPatience = 4;  // times the patience: some wait 10 s before they refuse

void answered(Probe& probe) {
    Finding& finding = probe.find("handshake.answer", "BEP 3", "A handshake for a torrent it has is answered in kind");
    finding.sent = "handshake, all reserved bits zero";
    const auto opened = probe.open();
    if (!opened) {
        finding.verdict = Verdict::Broken;
        finding.heard = opened.error().message();
        return;
    }
    finding.heard = "peer_id " + to_hex(opened->remote.peer_id);
    finding.verdict = opened->remote.info_hash == probe.metainfo().info_hash() ? Verdict::Held : Verdict::Broken;
    if (finding.verdict == Verdict::Broken) finding.heard = "another info_hash";
}

void in_two_parts(Probe& probe) {
    Finding& finding = probe.find("handshake.parts", "BEP 3", "A handshake that comes in two parts is one handshake");
    finding.sent = "48 bytes, and 20 a moment later";
    auto talk = probe.connect();
    if (!talk) return;
    const auto bytes = probe.handshake().encode();
    Status sent = talk->send(ByteView(bytes).first(48));
    // It may answer now, or wait for the rest.
    static_cast<void>(talk->hear_handshake(Wait(200)));
    if (sent) sent = talk->send(ByteView(bytes).subspan(48));
    const auto remote = talk->hear_handshake(probe.target().patience);
    finding.verdict = remote ? Verdict::Held : Verdict::Broken;
    finding.heard = remote ? "a handshake" : remote.error().message();
}

// Refusing is closing without a handshake.
void refuses(Probe& probe, Finding& finding, ByteView bytes) {
    auto talk = probe.connect();
    if (!talk || !talk->send(bytes)) return;
    const auto remote = talk->hear_handshake(kRefusalPatience * probe.target().patience);
    const bool closed = !remote && remote.error().code == ErrorCode::EndOfStream;
    finding.verdict = closed ? Verdict::Held : Verdict::Broken;
    finding.heard = remote ? "a handshake" : remote.error().message();
}

void unknown_torrent(Probe& probe) {
    Finding& finding =
        probe.find("handshake.unknown_torrent", "BEP 3", "A handshake for a torrent it does not have is not answered");
    finding.sent = "handshake with another info_hash";
    wire::Handshake handshake = probe.handshake();
    std::ranges::reverse(handshake.info_hash);
    refuses(probe, finding, handshake.encode());
}

void other_protocol(Probe& probe) {
    Finding& finding =
        probe.find("handshake.other_protocol", "BEP 3", "What does not begin as BitTorrent is not answered");
    finding.sent = "handshake of \"BitTorrent protocoL\"";
    auto bytes = probe.handshake().encode();
    bytes[19] = 'L';
    refuses(probe, finding, bytes);
}

}  // namespace

void probe_handshake(Probe& probe) {
    answered(probe);
    in_two_parts(probe);
    unknown_torrent(probe);
    other_protocol(probe);
}

void probe_first_messages(Probe& probe) {
    Finding& bitfield =
        probe.find("first.bitfield", "BEP 3", "Somebody with pieces says so at once, by a bitfield of the right size");
    Finding& before =
        probe.find("first.plain", "BEP 3/6/10", "Without extension bits of ours no extension message is sent");
    bitfield.sent = before.sent = "handshake, all reserved bits zero";
    auto opened = probe.open();
    if (opened) {
        const std::uint32_t pieces = probe.metainfo().layout().piece_count();
        const auto heard = opened->talk.hear_a<wire::Bitfield>(probe.target().patience);
        const bool right_size = heard && heard->bits.size() == (pieces + 7) / 8;
        const bool spare_bits =
            right_size && pieces % 8 != 0 && (heard->bits.back() & ((1u << (8 - pieces % 8)) - 1)) != 0;
        bitfield.verdict = right_size && !spare_bits ? Verdict::Held : Verdict::Broken;
        bitfield.heard = !heard        ? opened->talk.outcome()
                         : !right_size ? "a bitfield of " + std::to_string(heard->bits.size()) + " bytes"
                         : spare_bits  ? "a bitfield with spare bits set"
                                       : "bitfield of " + std::to_string(heard->bits.size()) + " bytes";
        // By `have` messages it is said too, one by one (lazy bitfield).
        if (!heard && opened->talk.story().find("have") != std::string::npos) bitfield.verdict = Verdict::Differs;
        const std::string& story = opened->talk.story();
        const bool plain = story.find("extended") == std::string::npos && story.find("have_") == std::string::npos &&
                           story.find("allowed_fast") == std::string::npos;
        before.verdict = plain ? Verdict::Held : Verdict::Broken;
        before.heard = story.empty() ? "nothing" : story;
    }
}

}  // namespace bt::probe
