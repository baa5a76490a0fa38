#pragma once

// What a rule can do to an answer: a list of actions, each a pure function from the honest exchange to a delivery.
//
// Rules
//  - An action works on some doors and kinds of request (kActionTable); elsewhere, and where there is no honest answer
//    to spoil, it does not apply and the rule is passed over. `other` requests (pages) are never touched.
//  - What is not the point of an action stays right: a truncated reply has the Content-Length of what is sent.
//  - HTTP answers end as the honest one would, where nothing else is said below.
// Bounds: kMaxOversize bytes, kMaxSteps steps, kMaxCopies copies, kMaxInvented peers.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/address_range.h"
#include "common/base/rng.h"
#include "tracker/exchange.h"

namespace bt::tracker {

inline constexpr std::uint64_t kMaxOversize = 16u << 20;
inline constexpr std::size_t kMaxSteps = 4'096;
inline constexpr std::uint64_t kMaxCopies = 100;
inline constexpr std::uint64_t kMaxInvented = 1'000;

enum class ActionKind : std::uint8_t {
    Failure,         // a failure reason (UDP: an error packet), with retry in over HTTP
    Warning,         // the reply with a warning message
    Status,          // an HTTP status and a line of text
    Silence,         // no answer at all; a lost datagram
    Reset,           // the connection is cut off behind so many bytes
    Drip,            // so many bytes a second, head and all
    Delay,           // the honest answer, later
    Truncate,        // only the first bytes of the body or datagram
    Oversize,        // a reply that is right but for its size
    WrongLength,     // a Content-Length that is off; then the connection is closed
    Chunked,         // chunked transfer encoding
    Gzip,            // gzip, asked for or not
    Redirect,        // to another tracker, or to itself for ever
    TransactionId,   // somebody else's
    Duplicate,       // the datagram more than once
    Reorder,         // held back until those behind it are gone
    ExpiredId,       // a connection id that is not valid, or an error that says it was too old
    AddKeys,         // keys on top of the reply's
    RemoveKeys,      // keys that are not there
    UnsortedKeys,    // the keys from z to a
    DuplicateKeys,   // each key twice
    PeersOddLength,  // compact peers with a byte too many
    PeersDuplicate,  // each peer three times
    PeersPortZero,   // each with port 0
    PeersSelf,       // the announcer alone
    PeersPrivate,    // addresses that nobody can reach from outside
    PeersInvented,   // peers that do not exist
    PeersNone,       // nobody
};
inline constexpr std::size_t kActionCount = static_cast<std::size_t>(ActionKind::PeersNone) + 1;

struct Action {
    ActionKind kind = ActionKind::Failure;
    std::string text;                       // Failure, Warning, Status, ExpiredId; Redirect: where to, "": itself
    std::optional<wire::RetryIn> retry_in;  // Failure
    int status = 503;                       // Status; Redirect
    std::optional<std::uint64_t> bytes;     // Reset, Truncate, Oversize, Drip (a second), Chunked (of a chunk)
    std::int64_t off_by = 0;                // WrongLength
    Duration wait = Duration::zero();       // Delay, Reorder
    std::uint64_t count = 0;                // Duplicate (copies in all), PeersInvented
    std::optional<AddressRange> range;      // PeersInvented: where they are from
    using Value = std::variant<std::int64_t, std::string>;
    std::vector<std::pair<std::string, Value>> keys;  // AddKeys; RemoveKeys (no values)
};

// How actions are called, and where they work.
struct ActionInfo {
    ActionKind kind;
    std::string_view name;  // "failure", "wrongLength"
    bool over_http, over_udp;
    bool connect, announce, scrape;
};
[[nodiscard]] const ActionInfo& action_info(ActionKind kind);
[[nodiscard]] std::optional<ActionKind> parse_action(std::string_view name);
[[nodiscard]] std::vector<std::string_view> action_names();

[[nodiscard]] bool applies(ActionKind kind, const Exchange& exchange);
// applies() must hold.
[[nodiscard]] std::unique_ptr<Delivery> misbehave(const Action& action, const Exchange& exchange, Rng& rng);

}  // namespace bt::tracker
