// What breaks the protocol: whoever says it is sent away, and costs nothing.

#include "lab/probe/rule.h"

namespace bt::probe {
namespace {

constexpr int kCloses = 4;  // times the patience

ByteBuffer framed(std::initializer_list<Byte> bytes) { return bytes; }

enum class Demand { MustClose, MayClose };

void breach(Probe& probe, std::string rule, std::string source, std::string text, std::string sent, ByteView bytes,
            Demand demand) {
    Finding& finding = probe.find(std::move(rule), std::move(source), std::move(text));
    finding.sent = std::move(sent);
    auto opened = probe.open();
    if (!opened || !opened->talk.send(bytes)) return;
    const bool closed = opened->talk.is_closed_within(kCloses * probe.target().patience);
    finding.heard = closed ? "closed the connection" : "went on";
    if (demand == Demand::MayClose) {
        finding.verdict = Verdict::Differs;
    } else {
        finding.verdict = closed ? Verdict::Held : Verdict::Broken;
    }
}

// Stays, as far as one can hear.
void harmless(Probe& probe, std::string rule, std::string text, std::string sent, ByteView bytes) {
    Finding& finding = probe.find(std::move(rule), "BEP 3", std::move(text));
    finding.sent = std::move(sent);
    auto opened = probe.open();
    if (!opened || !opened->talk.send(bytes)) return;
    const bool closed = opened->talk.is_closed_within(Wait(1500));
    finding.verdict = closed ? Verdict::Broken : Verdict::Held;
    finding.heard = closed ? "closed the connection" : "went on";
}

}  // namespace

void probe_refusals(Probe& probe) {
    const std::uint32_t pieces = probe.metainfo().layout().piece_count();
    harmless(probe, "keep_alive", "A keep-alive is no offence", "four zero bytes, twice", ByteBuffer(8, 0));
    breach(probe, "refuse.length", "BEP 3", "A message of 4 GiB is refused by its length", "length prefix ff ff ff ff",
           framed({0xff, 0xff, 0xff, 0xff, 7}), Demand::MustClose);
    ByteBuffer bitfield;
    wire::encode(wire::Bitfield{ByteBuffer((pieces + 7) / 8 + 1, 0)}, bitfield);
    breach(probe, "refuse.bitfield", "BEP 3", "A bitfield of the wrong size ends the connection",
           "bitfield one byte too long", bitfield, Demand::MustClose);
    ByteBuffer have;
    wire::encode(wire::Have{pieces}, have);
    breach(probe, "refuse.have", "BEP 3", "A have for a piece that is not there ends the connection, or is passed over",
           "have " + std::to_string(pieces), have, Demand::MayClose);
    breach(probe, "refuse.choke_length", "BEP 3", "A choke with a payload ends the connection, or is passed over",
           "choke of two bytes", framed({0, 0, 0, 2, 0, 0}), Demand::MayClose);
    breach(probe, "refuse.unknown_id", "BEP 3", "What an unknown message id brings is left open", "message id 200",
           framed({0, 0, 0, 1, 200}), Demand::MayClose);
}

}  // namespace bt::probe
