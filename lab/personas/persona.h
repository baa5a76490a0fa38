#pragma once

// Scripted special peers: what a persona does on each of its connections. The wire is real (common/wire over env
// ports); only the manners are not. Behaviours are told what comes, and act through their Link; they hold no clock of
// their own: on_tick() comes every kTick.
//
// The personas and what they do stand in personas.cpp; docs/formats.md lists them.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/wire/message.h"

namespace bt::persona {

class Link;
class World;

inline constexpr Duration kTick = milliseconds(20);

struct ScriptStep {
    enum class Kind : std::uint8_t { Send, SendRaw, Expect, Wait, Close };
    Kind kind = Kind::Close;
    std::string message;  // Send, Expect: "unchoke", "piece", …
    std::uint32_t piece = 0, begin = 0, length = 16384;
    std::string bytes;  // SendRaw, and the payload of Send where it has one
    Duration time{};    // Wait; Expect: at the latest
};

struct Options {
    std::string persona;
    double part = 1;                     // of the blocks, or of the pieces, that are touched
    std::optional<std::uint32_t> piece;  // only this one
    std::uint64_t rate = 4096;           // bytes per second of what is slow
    Duration every = seconds(1);         // between two of what is repeated
    std::vector<ScriptStep> script;
};

class Behaviour {
  public:
    virtual ~Behaviour() = default;
    // Between two bytes of our handshake; zero: all at once.
    [[nodiscard]] virtual Duration handshake_step() const { return Duration::zero(); }
    // Both handshakes are through.
    virtual void on_open(Link&) {}
    virtual void on_message(Link&, const wire::Message&) {}
    virtual void on_tick(Link&) {}
    virtual void on_close(Link&) {}
};

struct PersonaInfo {
    std::string_view name;
    std::string_view summary;
    bool has_content;  // says so to the tracker
};
[[nodiscard]] const std::vector<PersonaInfo>& personas();
[[nodiscard]] const PersonaInfo* find_persona(std::string_view name);
// One for each connection; the name is that of a persona.
[[nodiscard]] std::unique_ptr<Behaviour> make_behaviour(const Options& options);

}  // namespace bt::persona
