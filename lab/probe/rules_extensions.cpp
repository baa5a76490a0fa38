// BEP 10, BEP 9 and BEP 6: what is agreed on by the reserved bits.

#include "common/crypto/hash.h"
#include "common/wire/extension.h"
#include "common/wire/ut_metadata.h"
#include "lab/probe/rule.h"

namespace bt::probe {
namespace {

constexpr std::string_view kOptional = "not supported";
constexpr int kUnhurried = 4;  // times the patience: Transmission serves metadata every three seconds

wire::ExtensionHandshake own_extensions() {
    wire::ExtensionHandshake own;
    own.ids.emplace(wire::kUtMetadataName, wire::kUtMetadataId);
    return own;
}

std::optional<wire::ExtensionHandshake> hear_extensions(Probe& probe, Talk& talk, Finding& finding) {
    finding.sent = "handshake with bit 0x100000, extension handshake";
    const ByteBuffer own = own_extensions().encode();
    if (!talk.send(wire::Extended{0, own})) return std::nullopt;
    const auto heard = talk.hear_if<wire::Extended>(probe.target().patience,
                                                    [](const wire::Extended& message) { return message.id == 0; });
    if (!heard) {
        finding.verdict = Verdict::Broken;
        finding.heard = talk.outcome();
        return std::nullopt;
    }
    auto theirs = wire::ExtensionHandshake::parse(heard->payload);
    finding.verdict = theirs ? Verdict::Held : Verdict::Broken;
    finding.heard = theirs ? "extension handshake of " + theirs->client_version : theirs.error().message();
    return theirs ? std::optional(std::move(*theirs)) : std::nullopt;
}

// The message of ut_metadata under our id; the views live until the next call.
std::optional<wire::MetadataMessage> hear_metadata(Probe& probe, Talk& talk) {
    const auto heard =
        talk.hear_if<wire::Extended>(kUnhurried * probe.target().patience,
                                     [](const wire::Extended& message) { return message.id == wire::kUtMetadataId; });
    if (!heard) return std::nullopt;
    const auto message = wire::parse_metadata_message(heard->payload);
    return message ? std::optional(*message) : std::nullopt;
}

void metadata(Probe& probe, Talk& talk, const wire::ExtensionHandshake& theirs) {
    Finding& whole = probe.find("metadata.data", "BEP 9", "The metadata that it offers hashes to the info_hash");
    Finding& beyond =
        probe.find("metadata.reject", "BEP 9", "A request for a block of metadata that is not there is rejected");
    const std::uint8_t id = theirs.id_of(wire::kUtMetadataName);
    const std::uint64_t size = theirs.metadata_size.value_or(0);
    if (id == 0 || size == 0 || size > wire::kMaxMetadataSize) {
        whole.verdict = Verdict::Differs;
        whole.heard = kOptional;
        beyond.heard = kOptional;
        return;
    }
    const std::uint32_t blocks = wire::metadata_block_count(size);
    whole.sent = std::to_string(blocks) + " metadata requests";
    ByteBuffer info;
    for (std::uint32_t block = 0; block < blocks; ++block) {
        if (!talk.send(wire::Extended{id, wire::encode(wire::MetadataRequest{block})})) break;
        const auto message = hear_metadata(probe, talk);
        const auto* data = message ? std::get_if<wire::MetadataData>(&*message) : nullptr;
        if (data == nullptr || data->block != block) break;
        append(info, data->bytes);
    }
    const bool right = crypto::sha1(info) == Sha1Digest(probe.metainfo().info_hash());
    whole.verdict = right ? Verdict::Held : Verdict::Broken;
    whole.heard = right ? std::to_string(info.size()) + " bytes" : talk.outcome();

    beyond.sent = "metadata request for block " + std::to_string(blocks);
    if (talk.send(wire::Extended{id, wire::encode(wire::MetadataRequest{blocks})})) {
        const auto message = hear_metadata(probe, talk);
        const bool rejected = message && std::holds_alternative<wire::MetadataReject>(*message);
        const bool gave_data = message && std::holds_alternative<wire::MetadataData>(*message);
        beyond.verdict = rejected ? Verdict::Held : gave_data ? Verdict::Broken : Verdict::Differs;
        beyond.heard = rejected ? "a reject" : gave_data ? "data" : talk.outcome();
    }
}

}  // namespace

void probe_extensions(Probe& probe) {
    Finding& finding =
        probe.find("extensions.handshake", "BEP 10", "Bit 0x100000 on both sides brings an extension handshake");
    auto opened = probe.open(true);
    if (!opened) return;
    if (!opened->remote.has_extensions()) {
        finding.verdict = Verdict::Differs;
        finding.heard = kOptional;
        return;
    }
    const auto theirs = hear_extensions(probe, opened->talk, finding);
    if (theirs) metadata(probe, opened->talk, *theirs);
}

void probe_fast(Probe& probe) {
    const char* const texts[] = {"With the fast bit on both sides the first message is bitfield, have_all or have_none",
                                 "With the fast bit a request while choked is rejected or served, not ignored"};
    Finding& first = probe.find("fast.first", "BEP 6", texts[0]);
    first.sent = "handshake with bit 0x04";
    Finding& reject = probe.find("fast.reject", "BEP 6", texts[1]);
    reject.sent = "request while choked";
    auto opened = probe.open(false, true);
    if (opened && !opened->remote.has_fast()) {
        first.verdict = reject.verdict = Verdict::Differs;
        first.heard = reject.heard = kOptional;
    } else if (opened) {
        Talk& talk = opened->talk;
        const Heard heard = talk.hear(probe.target().patience);
        const auto* message = std::get_if<wire::Message>(&heard);
        const bool right = message != nullptr && (std::holds_alternative<wire::HaveAll>(*message) ||
                                                  std::holds_alternative<wire::HaveNone>(*message) ||
                                                  std::holds_alternative<wire::Bitfield>(*message));
        first.verdict = right ? Verdict::Held : Verdict::Broken;
        first.heard = message == nullptr ? talk.outcome() : std::string(wire::message_name(*message));
        const std::uint32_t last = probe.metainfo().layout().piece_count() - 1;
        const wire::Request request{last, 0,
                                    std::min(kBlockSize, probe.metainfo().layout().piece_size(PieceIndex(last)))};
        if (talk.send(wire::HaveNone{}) && talk.send(request)) {
            const auto rejected =
                talk.hear_if<wire::RejectRequest>(kUnhurried * probe.target().patience,
                                                  [last](const wire::RejectRequest& no) { return no.piece == last; });
            const bool served = talk.story().find("piece") != std::string::npos;
            reject.verdict = rejected || served ? Verdict::Held : Verdict::Broken;
            reject.heard = rejected ? "a reject" : served ? "the block (the piece was allowed)" : talk.outcome();
        }
    }
}

}  // namespace bt::probe
