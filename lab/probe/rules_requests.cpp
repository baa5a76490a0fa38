// Choking and the answers to requests, over one connection.

#include "lab/probe/rule.h"

namespace bt::probe {
namespace {

constexpr std::uint32_t kPipelined = 16;

void while_choked(Probe& probe, Talk& talk) {
    Finding& finding = probe.find("request.choked", "BEP 3", "A request while it chokes us is not served");
    finding.sent = "request for the first block, before any unchoke";
    if (!talk.send(wire::Request{0, 0, std::min(kBlockSize, probe.metainfo().layout().piece_size(PieceIndex(0)))}))
        return;
    // An unchoke that it says first would make the answer right: nobody has told it that we are interested.
    const auto block = talk.hear_a<wire::Piece>(Wait(1000));
    finding.verdict = block ? Verdict::Broken : Verdict::Held;
    finding.heard = block ? "the block" : talk.outcome();
    if (block && talk.story().find("unchoke") != std::string::npos) finding.verdict = Verdict::Differs;
}

bool unchoke(Probe& probe, Talk& talk) {
    Finding& finding =
        probe.find("choke.unchoke", "BEP 3", "Somebody who says interested is unchoked while slots are free");
    finding.sent = "interested";
    const bool before = talk.story().find("unchoke") != std::string::npos;
    const bool unchoked = before || get_unchoked(probe, talk);
    finding.verdict = unchoked ? Verdict::Held : Verdict::Broken;
    finding.heard = unchoked ? "unchoke" : talk.outcome();
    return unchoked;
}

void whole_piece(Probe& probe, Talk& talk, Finding& finding, PieceIndex piece) {
    finding.sent = "requests for piece " + std::to_string(piece.value());
    const auto content = fetch_piece(probe, talk, piece);
    finding.verdict = content ? Verdict::Held : Verdict::Broken;
    finding.heard = content ? std::to_string(content->size()) + " bytes, the hash is right" : content.error().message();
}

// Of up to 16 requests that are sent at once all are answered; in which order is left open.
void pipelined(Probe& probe, Talk& talk) {
    Finding& finding = probe.find("request.pipelined", "BEP 3", "Requests that are sent together are all answered");
    Finding& order = probe.find("request.order", "practice", "… and in the order in which they were asked");
    const meta::PieceLayout& layout = probe.metainfo().layout();
    std::vector<wire::Request> asked;
    for (std::uint32_t piece = 0; piece < layout.piece_count() && asked.size() < kPipelined; ++piece) {
        asked.push_back({piece, 0, std::min(kBlockSize, layout.piece_size(PieceIndex(piece)))});
    }
    finding.sent = order.sent = std::to_string(asked.size()) + " requests at once";
    for (const wire::Request& request : asked) {
        if (!talk.send(request)) return;
    }
    std::size_t answered = 0;
    bool in_order = true;
    while (answered < asked.size()) {
        const auto block = talk.hear_a<wire::Piece>(probe.target().patience);
        if (!block) break;
        in_order = in_order && block->piece == asked[answered].piece;
        ++answered;
    }
    const bool all = answered == asked.size();
    finding.verdict = all ? Verdict::Held : Verdict::Broken;
    finding.heard = all ? "all of them" : std::to_string(answered) + " answers, then " + talk.outcome();
    if (all) order.verdict = in_order ? Verdict::Held : Verdict::Differs;
    order.heard = in_order ? "the same order" : "another order";
}

void cancelled(Probe& probe, Talk& talk) {
    Finding& finding =
        probe.find("request.cancel", "BEP 3", "A cancel is heard without a complaint, also behind the block");
    finding.sent = "request, cancel for it, then another request";
    const std::uint32_t length = std::min(kBlockSize, probe.metainfo().layout().piece_size(PieceIndex(0)));
    const std::uint32_t last = probe.metainfo().layout().piece_count() - 1;
    const std::uint32_t last_length = std::min(kBlockSize, probe.metainfo().layout().piece_size(PieceIndex(last)));
    if (!talk.send(wire::Request{0, 0, length}) || !talk.send(wire::Cancel{0, 0, length})) return;
    if (!talk.send(wire::Request{last, 0, last_length})) return;
    const auto block = talk.hear_if<wire::Piece>(probe.target().patience,
                                                 [last](const wire::Piece& heard) { return heard.piece == last; });
    finding.verdict = block ? Verdict::Held : Verdict::Broken;
    finding.heard = block ? "the block that was not cancelled" : talk.outcome();
}

// Whoever asks for what is not there may be ignored or sent away, but gets no data.
void out_of_range(Probe& probe, Talk& talk, std::string rule, std::string text, const wire::Request& request) {
    Finding& finding = probe.find(std::move(rule), "BEP 3", std::move(text));
    finding.sent = "request " + std::to_string(request.piece) + " " + std::to_string(request.begin) + " " +
                   std::to_string(request.length);
    if (!talk.send(request)) {
        finding.heard = "it was gone already";
        return;
    }
    const auto block = talk.hear_if<wire::Piece>(Wait(1500), [&](const wire::Piece& heard) {
        return heard.piece == request.piece && heard.begin == request.begin;
    });
    finding.verdict = block ? Verdict::Broken : Verdict::Held;
    finding.heard = block ? "a block of " + std::to_string(block->block.size()) + " bytes" : talk.outcome();
}

using Ask = void (*)(Probe&, Talk&);

// Over a connection of its own, unchoked.
void unchoked_again(Probe& probe, Ask ask) {
    auto opened = probe.open();
    if (opened && get_unchoked(probe, opened->talk)) ask(probe, opened->talk);
}

}  // namespace

void probe_requests(Probe& probe) {
    auto opened = probe.open();
    if (!opened) return;
    Talk& talk = opened->talk;
    while_choked(probe, talk);
    if (!unchoke(probe, talk)) return;
    whole_piece(probe, talk, probe.find("request.piece", "BEP 3", "A piece is served whole and right"), PieceIndex(0));
    whole_piece(probe, talk, probe.find("request.last_piece", "BEP 3", "The last, shorter piece is served to its end"),
                PieceIndex(probe.metainfo().layout().piece_count() - 1));
    pipelined(probe, talk);
    cancelled(probe, talk);
    unchoked_again(probe, [](Probe& asking, Talk& other) {
        out_of_range(asking, other, "request.no_such_piece", "A request for a piece that is not there brings no data",
                     {asking.metainfo().layout().piece_count(), 0, kBlockSize});
    });
    unchoked_again(probe, [](Probe& asking, Talk& other) {
        out_of_range(asking, other, "request.beyond_piece", "A request that reaches beyond its piece brings no data",
                     {0, asking.metainfo().layout().piece_size(PieceIndex(0)) - 1, kBlockSize});
    });
    unchoked_again(probe, [](Probe& asking, Talk& other) {
        out_of_range(asking, other, "request.huge", "A request for 8 MiB brings no data", {0, 0, 8u << 20});
    });
}

void probe_alive(Probe& probe) {
    Finding& finding = probe.find("alive", "BEP 3", "After all that it still serves whoever keeps to the rules");
    auto opened = probe.open();
    if (!opened || !get_unchoked(probe, opened->talk)) {
        finding.verdict = Verdict::Broken;
        finding.sent = "handshake, interested";
        finding.heard = opened ? "stayed choked" : opened.error().message();
        return;
    }
    whole_piece(probe, opened->talk, finding, PieceIndex(0));
}

}  // namespace bt::probe
