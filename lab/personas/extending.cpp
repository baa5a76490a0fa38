#include "lab/personas/extending.h"

#include "common/wire/ut_metadata.h"
#include "common/wire/ut_pex.h"

namespace bt::persona {
namespace {

void send_extension_handshake(Link& link, bool metadata) {
    wire::ExtensionHandshake handshake;
    handshake.ids[std::string(wire::kUtPexName)] = wire::kUtPexId;
    if (metadata) {
        handshake.ids[std::string(wire::kUtMetadataName)] = wire::kUtMetadataId;
        handshake.metadata_size = link.world().metainfo->info_bytes().size();
    }
    handshake.client_version = "persona " + link.world().options.persona;
    const ByteBuffer payload = handshake.encode();
    link.send(wire::Extended{0, payload});
}

}  // namespace

void WrongMetadata::on_open(Link& link) {
    send_extension_handshake(link, true);
    Server::on_open(link);
}

void WrongMetadata::on_message(Link& link, const wire::Message& message) {
    const auto* extended = std::get_if<wire::Extended>(&message);
    const std::uint8_t id = link.peer_extensions.id_of(wire::kUtMetadataName);
    if (extended == nullptr || extended->id != wire::kUtMetadataId || id == 0) return Server::on_message(link, message);
    const Result<wire::MetadataMessage> asked = wire::parse_metadata_message(extended->payload);
    const auto* request = asked ? std::get_if<wire::MetadataRequest>(&*asked) : nullptr;
    const std::uint64_t size = link.world().metainfo->info_bytes().size();
    if (request == nullptr || request->block >= wire::metadata_block_count(size)) return;
    const ByteBuffer lies(wire::metadata_block_length(size, request->block), 'x');
    const ByteBuffer payload = wire::encode(wire::MetadataData{request->block, size, lies});
    link.send(wire::Extended{id, payload});
}

void PexLiar::on_open(Link& link) {
    send_extension_handshake(link, false);
    Server::on_open(link);
}

void PexLiar::on_tick(Link& link) {
    const std::uint8_t id = link.peer_extensions.id_of(wire::kUtPexName);
    if (id == 0 || (next_ && link.now() < *next_)) return;
    next_ = link.now() + link.world().options.every;
    wire::PexMessage message;
    for (unsigned i = 0; i < wire::kMaxPexPeers; ++i) {
        const std::string address =
            "127.255." + std::to_string(link.world().rng.below(250)) + '.' + std::to_string(i + 1);
        if (const auto parsed = Address::parse(address)) message.added.push_back({{*parsed, 6881}, 0});
    }
    const ByteBuffer payload = message.encode();
    link.send(wire::Extended{id, payload});
}

}  // namespace bt::persona
