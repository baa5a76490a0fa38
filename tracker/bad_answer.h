#pragma once

// The bytes behind the actions of misbehaviour.h: HTTP responses and datagrams that are wrong in one way. Pure.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tracker/exchange.h"
#include "tracker/misbehaviour.h"

namespace bt::tracker {

inline constexpr std::size_t kUdpAnnounceHead = 20;  // action, transaction id, interval, incomplete, complete

// A bencoded dictionary, entry by entry, so that it can be written in any order.
struct Entry {
    std::string key;
    ByteBuffer value;  // bencoded
};
// Nothing where the body is no dictionary.
[[nodiscard]] std::optional<std::vector<Entry>> read_entries(ByteView body);
[[nodiscard]] ByteBuffer write_entries(const std::vector<Entry>& entries);
// At its place in the order; takes the place of an entry of that key.
void add_entry(std::vector<Entry>& entries, const std::string& key, const Action::Value& value);

struct ResponseParts {
    std::optional<int> status{};  // else the honest one
    std::string more_headers{};   // each with its line end
    ByteBuffer body{};
    std::optional<std::uint64_t> claimed_length{};  // else the body's
    bool keep_alive = true;                         // as far as the request allows it
};
// One step: the whole response.
[[nodiscard]] std::unique_ptr<Delivery> http_delivery(const Exchange& exchange, const ResponseParts& parts);

[[nodiscard]] std::unique_ptr<Delivery> http_with_peers(const Exchange& exchange, const std::vector<Endpoint>& peers,
                                                        bool odd_length);
[[nodiscard]] std::unique_ptr<Delivery> udp_with_peers(const Exchange& exchange, const std::vector<Endpoint>& peers,
                                                       bool odd_length);

// Actions on the whole answer: those that work over UDP, and over HTTP all that leave the reply's keys alone.
[[nodiscard]] std::unique_ptr<Delivery> bad_datagram(const Action& action, const Exchange& exchange);
[[nodiscard]] std::unique_ptr<Delivery> bad_response(const Action& action, const Exchange& exchange);

}  // namespace bt::tracker
