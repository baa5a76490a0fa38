#pragma once

// One connection of the probe to the client under test: plain calls that wait, each with a limit. It says what it is
// told to, also what no client should, and keeps what it hears; it judges nothing but the framing.

#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/net/socket.h"
#include "common/wire/handshake.h"
#include "common/wire/message_codec.h"

namespace bt::probe {

using Wait = std::chrono::milliseconds;

// What came within the time given. The views of a message live until the next call.
struct Closed {};   // by the other side, in order or not
struct Silence {};  // nothing came
struct Broken {     // bytes that are no message of the protocol
    std::string why;
};
using Heard = std::variant<wire::Message, Closed, Silence, Broken>;

class Talk {
  public:
    // Source: on loopback an address of its own, so that nobody takes two of our connections for one peer.
    // Error: the system's, TimedOut.
    [[nodiscard]] static Result<Talk> connect(const Endpoint& remote, std::optional<Address> source, Wait limit);

    // One that came to us.
    [[nodiscard]] static Talk adopt(net::Fd fd) { return Talk(std::move(fd)); }

    [[nodiscard]] Status send(ByteView bytes, Wait limit = Wait(5000));
    [[nodiscard]] Status send(const wire::Message& message);
    // The other side's handshake. Error: it closed, said something else, or nothing.
    [[nodiscard]] Result<wire::Handshake> hear_handshake(Wait limit);
    [[nodiscard]] Heard hear(Wait limit);
    // Bytes as they come, for those who speak something else; none: it closed, or said nothing.
    [[nodiscard]] ByteBuffer hear_raw(Wait limit);

    // Listens for so long, or until a message of this kind: whatever else comes is passed over.
    template <class Kind>
    [[nodiscard]] std::optional<Kind> hear_a(Wait limit) {
        return hear_if<Kind>(limit, [](const Kind&) { return true; });
    }
    template <class Kind, class Accept>
    [[nodiscard]] std::optional<Kind> hear_if(Wait limit, Accept accept) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (true) {
            last_ = hear(std::chrono::duration_cast<Wait>(end - std::chrono::steady_clock::now()));
            const auto* message = std::get_if<wire::Message>(&last_);
            if (message == nullptr) return std::nullopt;
            if (const auto* kind = std::get_if<Kind>(message); kind != nullptr && accept(*kind)) return *kind;
        }
    }
    // Whether the other side ends the connection within that time.
    [[nodiscard]] bool is_closed_within(Wait limit);
    // "closed the connection", "said nothing for 5 s", …: why the last hear_… came back without.
    [[nodiscard]] std::string outcome() const;
    // Names of the messages heard, each once, in order.
    [[nodiscard]] const std::string& story() const { return story_; }

  private:
    explicit Talk(net::Fd fd) : fd_(std::move(fd)) {}
    // False: nothing came in time, or the connection is closed.
    [[nodiscard]] bool read_more(Wait limit);
    void note(const wire::Message& message);

    net::Fd fd_;
    bool closed_ = false;
    ByteBuffer input_;  // read, not yet given to the codec
    ByteBuffer given_;  // what the codec is looking at
    wire::HandshakeReader handshake_;
    wire::MessageCodec codec_;
    Heard last_ = Silence{};
    std::string story_;
};

}  // namespace bt::probe
