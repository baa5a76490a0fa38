#pragma once

// Honest exchanges to look at and to spoil: they own what an Exchange only views.

#include <string>

#include "common/base/encoding.h"
#include "common/http/server_connection.h"
#include "common/wire/udp_tracker.h"
#include "tracker/exchange.h"

namespace bt::test {

inline InfoHash hash_of(Byte fill) {
    InfoHash hash;
    hash.fill(fill);
    return hash;
}

inline PeerId peer_id_of(std::string_view text) {
    PeerId id{};
    id.fill('-');
    std::copy_n(text.begin(), std::min(text.size(), id.size()), id.begin());
    return id;
}

struct HonestExchange {
    wire::AnnounceRequest announce;
    wire::AnnounceReply reply;
    std::string request;
    ByteBuffer answer;
    tracker::Exchange exchange;

    explicit HonestExchange(tracker::Door door = tracker::Door::Http, const char* source = "127.0.0.7:50000") {
        announce.info_hash = hash_of(0xab);
        announce.peer_id = peer_id_of("-XX0001-");
        announce.port = 6881;
        announce.left = 10;
        reply.interval_s = 30;
        reply.complete = 1;
        reply.incomplete = 2;
        reply.peers = {{*Endpoint::parse("127.0.0.1:7001"), peer_id_of("-AA")},
                       {*Endpoint::parse("127.0.0.2:7002"), peer_id_of("-BB")}};
        exchange.door = door;
        exchange.source = *Endpoint::parse(source);
        exchange.content_type = "text/plain";
        exchange.keep_alive = true;
        set_announce();
    }
    HonestExchange(const HonestExchange&) = delete;
    HonestExchange& operator=(const HonestExchange&) = delete;

    [[nodiscard]] bool is_udp() const { return exchange.door == tracker::Door::Udp; }

    void set_announce(bool compact = true) {
        exchange.kind = tracker::ExchangeKind::Announce;
        exchange.announce = &announce;
        exchange.reply = &reply;
        if (is_udp()) {
            wire::UdpAnnounceReply body{reply.interval_s, 2, 1, {}};
            for (const auto& peer : reply.peers) body.peers.push_back(peer.endpoint);
            set_answer(wire::encode_udp_reply({0x01020304, body}, exchange.source.address.family()));
        } else {
            request = "GET /announce?" + wire::to_query(announce) + " HTTP/1.1\r\nHost: tracker.test:80\r\n\r\n";
            exchange.request = as_bytes(request);
            set_answer(wire::encode_announce_reply(reply, compact, false));
        }
    }
    void set_connect() {
        exchange.kind = tracker::ExchangeKind::Connect;
        exchange.announce = nullptr;
        exchange.reply = nullptr;
        set_answer(wire::encode_udp_reply({0x01020304, wire::UdpConnectReply{0x1122334455667788}},
                                          exchange.source.address.family()));
    }
    void set_answer(ByteBuffer bytes) {
        answer = std::move(bytes);
        exchange.answer = answer;
    }
};

}  // namespace bt::test
