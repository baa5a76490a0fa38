#pragma once

// Scripted peers that speak ut_metadata (BEP 9), honest or not.

#include <functional>
#include <memory>

#include "common/wire/extension.h"
#include "common/wire/ut_metadata.h"
#include "tests/unit/engine/support.h"

namespace bt::test {

// Speaks ut_metadata under id 9; what it says and answers is up to the test.
struct MetadataPeer {
    std::uint64_t size = 0;  // 0: not named
    std::function<void(WirePeer&, std::uint8_t their_id, std::uint32_t block)> answer;

    [[nodiscard]] WireHost::Setup setup() const {
        auto their_id = std::make_shared<std::uint8_t>(0);
        return [=, self = *this](WirePeer& peer) {
            peer.offers_extensions = true;
            peer.on_ready = [=](WirePeer& p) {
                wire::ExtensionHandshake hello;
                hello.ids.emplace("ut_metadata", std::uint8_t{9});
                if (self.size != 0) hello.metadata_size = self.size;
                p.say(wire::Extended{0, hello.encode()});
            };
            peer.on_message = [=](WirePeer& p, const wire::Message& message) {
                const auto* extended = std::get_if<wire::Extended>(&message);
                if (extended == nullptr) return;
                if (extended->id == 0) {
                    *their_id = wire::ExtensionHandshake::parse(extended->payload).value().id_of("ut_metadata");
                    return;
                }
                const auto request = wire::parse_metadata_message(extended->payload).value();
                const auto* asked = std::get_if<wire::MetadataRequest>(&request);
                REQUIRE(asked != nullptr);
                self.answer(p, *their_id, asked->block);
            };
        };
    }
};

inline void send_block(WirePeer& peer, std::uint8_t id, std::uint32_t block, ByteView info) {
    const std::size_t begin = std::size_t{block} * wire::kMetadataBlockSize;
    const auto length = wire::metadata_block_length(info.size(), block);
    peer.say(wire::Extended{id, wire::encode(wire::MetadataData{block, info.size(), info.subspan(begin, length)})});
}

[[nodiscard]] inline MetadataPeer honest(const TestTorrent& torrent) {
    const ByteView info = torrent.metainfo->info_bytes();
    return {info.size(), [info](WirePeer& p, std::uint8_t id, std::uint32_t block) { send_block(p, id, block, info); }};
}

// Alters one byte of one block.
[[nodiscard]] inline MetadataPeer liar(const TestTorrent& torrent, std::uint32_t bad_block) {
    auto info = std::make_shared<ByteBuffer>(to_buffer(torrent.metainfo->info_bytes()));
    info->at(std::size_t{bad_block} * wire::kMetadataBlockSize + 100) ^= 1;
    return {info->size(),
            [info](WirePeer& p, std::uint8_t id, std::uint32_t block) { send_block(p, id, block, *info); }};
}

}  // namespace bt::test
