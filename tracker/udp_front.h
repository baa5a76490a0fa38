#pragma once

// The UDP side of the tracker without its socket (BEP 15, URL data of BEP 41): one datagram and where it came from in,
// one datagram out or none. Pure.
//
// Rules
//  - Silence before a good connection id, except the reply to a whole and right connect, which is not longer than what
//    was asked. Behind it whatever is wrong gets an error packet that names the field and the rule.
//  - What is no connect and carries an id that is not good gets nothing, whatever it is: an address that has not shown
//    that it can hear us must not be sent to.
//  - Peers are of the family that the packet came over, at most kMaxUdpPeers of them. Scrape rows stand in the order of
//    the request, zeros for what is not known, one for each hash even where it comes twice.
//  - A negative number of peers wanted is no wish. A negative `left` is a very large one: a leecher.
//  - A listener (exchange.h) sees every datagram, those that get no answer too, and may replace what is answered, but
//    not break a silence.
// Events (level decision): those of http_front.h with "door":"udp"; datagrams that get no answer are counted only.
// Cost: no allocation once the buffers have grown; nothing is built for events that nobody wants.

#include <memory>
#include <string>
#include <vector>

#include "common/telemetry/event.h"
#include "common/wire/udp_tracker.h"
#include "tracker/announce_service.h"
#include "tracker/connection_id.h"
#include "tracker/exchange.h"

namespace bt::tracker {

inline constexpr std::uint32_t kMaxUdpPeers = 74;  // of one datagram, so that 18-byte peers stay under 1,400 bytes

struct UdpCounters {
    std::uint64_t connects = 0;
    std::uint64_t announces = 0;
    std::uint64_t scrapes = 0;
    std::uint64_t refused = 0;  // error packets
    std::uint64_t silent = 0;   // no answer
};

class UdpFront {
  public:
    // The service must outlive the front.
    UdpFront(AnnounceService& service, const crypto::SipKey& key, ConnectionIdSettings ids,
             telemetry::Telemetry telemetry);

    // None: nullptr. The listener must outlive the front or be taken away.
    void set_listener(ExchangeListener* listener) { listener_ = listener; }

    // Replaces `out` by the answer. False: there is none, or take_delivery() has what goes in its place.
    bool answer(ByteView datagram, const Endpoint& from, TimePoint now, ByteBuffer& out);
    [[nodiscard]] std::unique_ptr<Delivery> take_delivery() { return std::move(delivery_); }

    void configure(ConnectionIdSettings ids) { ids_.set(ids); }

    [[nodiscard]] const UdpCounters& counters() const { return counters_; }
    [[nodiscard]] const ConnectionIds& ids() const { return ids_; }

  private:
    // What a listener is told beside the bytes.
    struct Seen {
        ExchangeKind kind = ExchangeKind::Other;
        bool has_request = false;  // request_ is what was asked
        bool has_reply = false;    // and reply_ what was said
        std::vector<InfoHash> scrape;
        std::string refusal;
    };
    bool answer_now(ByteView datagram, const Endpoint& from, TimePoint now, ByteBuffer& out);
    bool show(ByteView datagram, const Endpoint& from, TimePoint now, bool has_answer, ByteView answer);
    void announce(ByteView datagram, const Endpoint& from, std::uint32_t transaction_id, TimePoint now,
                  ByteBuffer& out);
    bool announce_quickly(const Asker& asker, std::uint32_t transaction_id, TimePoint now, ByteBuffer& out);
    void scrape(ByteView datagram, const Endpoint& from, std::uint32_t transaction_id, TimePoint now, ByteBuffer& out);
    void refuse(std::string_view kind, std::string_view reason, const Endpoint& from, std::uint32_t transaction_id,
                TimePoint now, ByteBuffer& out);
    void emit_announced(const Endpoint& from, std::size_t told, TimePoint now) const;

    AnnounceService& service_;
    ConnectionIds ids_;
    telemetry::Telemetry telemetry_;
    ExchangeListener* listener_ = nullptr;
    UdpCounters counters_;
    wire::UdpAnnounceRequest request_;  // scratch
    wire::AnnounceReply reply_;
    Seen seen_;  // filled with a listener only
    std::unique_ptr<Delivery> delivery_;
};

}  // namespace bt::tracker
