#pragma once

// One request and its answer as a door saw them, and who may look at it: the live page, the event stream, the rules
// that make the tracker misbehave.
//
// Rules
//  - A door (or the front behind it) fills an Exchange only when it has a listener; without one it costs a comparison.
//  - Everything in it is a view that lives for the duration of on_exchange().
//  - The listener is asked after the registry was, and before a byte of the answer is on its way: it changes what is
//    said, not what is known.
//  - What it gives back, if anything, takes the place of `answer`. The door carries it out: it waits, sends, waits, and
//    ends as told, and takes no further request of that connection meanwhile. A delivery without steps that ends with
//    Keep is no answer at all: an HTTP connection stays open until the other side or the idle limit ends it.
//  - A door that dies before a delivery is through drops the rest.
// Bounds: a door carries out at most kMaxDeliveries at a time; beyond that it sends `answer` as it is.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "common/wire/http_announce.h"

namespace bt::tracker {

inline constexpr std::size_t kMaxDeliveries = 4'096;
inline constexpr Duration kSilence = seconds(60);  // after this an HTTP connection without its answer is closed

enum class Door : std::uint8_t { Http, Https, Udp };
[[nodiscard]] constexpr std::string_view door_name(Door door) {
    return door == Door::Http ? "http" : door == Door::Https ? "https" : "udp";
}

enum class ExchangeKind : std::uint8_t { Connect, Announce, Scrape, Other };
[[nodiscard]] constexpr std::string_view kind_name(ExchangeKind kind) {
    constexpr std::string_view kNames[] = {"connect", "announce", "scrape", "other"};
    return kNames[static_cast<std::size_t>(kind)];
}

struct Exchange {
    TimePoint time;
    Door door = Door::Http;
    std::optional<ConnectionId> connection;  // not over UDP
    Endpoint source;                         // whom the request counts for: behind a listed proxy its client; the
                                             // port is the socket's, 0 where nobody knows
    ExchangeKind kind = ExchangeKind::Other;

    // The request. What could not be read is absent.
    const wire::AnnounceRequest* announce = nullptr;
    std::span<const InfoHash> scrape;
    // HTTP: the head as it came, or "GET target HTTP/1.1" where that was not kept. UDP: the datagram.
    ByteView request;
    std::string_view secret;  // a passkey in it, which is shown to nobody

    // The answer.
    const wire::AnnounceReply* reply = nullptr;  // of an announce, refusals too
    std::string_view refusal;                    // why not, where the answer says no; empty: it was served
    int status = 200;                            // HTTP
    std::string_view content_type;               // HTTP
    bool keep_alive = false;                     // HTTP: the connection goes on behind the answer
    bool without_body = false;                   // HTTP: HEAD
    ByteView answer;                             // HTTP: the body. UDP: the datagram; empty: none is sent

    // The rule that was applied, for those who look after it.
    std::string_view rule, action;
};

// An answer that is not simply sent.
struct Delivery {
    enum class End : std::uint8_t { Keep, Close, Reset };
    struct Step {
        Duration wait = Duration::zero();  // behind the step before
        ByteBuffer bytes;                  // HTTP: of the stream, head and all. UDP: one datagram
    };
    std::vector<Step> steps;
    End end = End::Keep;  // HTTP only. Reset: the other side sees a connection reset, not an end
};

class ExchangeListener {
  public:
    virtual ~ExchangeListener() = default;
    // Nothing: the answer goes out as it is.
    [[nodiscard]] virtual std::unique_ptr<Delivery> on_exchange(Exchange& exchange) = 0;
};

}  // namespace bt::tracker
