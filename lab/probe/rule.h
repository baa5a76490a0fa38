#pragma once

// A rule of the protocol as the probe tries it on a client that has a torrent's content: what was said, what came back,
// and what follows from that.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/rng.h"
#include "common/meta/metainfo.h"
#include "lab/probe/talk.h"

namespace bt::probe {

enum class Verdict : std::uint8_t {
    Held,
    Broken,
    Differs,   // the specification leaves it open; what the client does is told
    NotTried,  // something that has to come before did not (never unchoked, no extensions)
};
[[nodiscard]] std::string_view verdict_name(Verdict verdict);

struct Finding {
    std::string rule;    // "request.block"
    std::string source;  // "BEP 3"
    std::string text;    // the rule, in a sentence
    Verdict verdict = Verdict::NotTried;
    std::string sent, heard;
};

// What all rules share.
struct Target {
    Endpoint endpoint;
    std::shared_ptr<const meta::Metainfo> metainfo;
    Wait patience{3000};           // for an answer that should come at once
    Wait unchoke_patience{40000};  // clients look round every 10 s, optimistically every 30 s
    std::uint64_t rng_seed = 1;
};

// A connection with its handshake done, as far as the other side did it.
struct Opened {
    Talk talk;
    wire::Handshake remote;
};

// One line of questioning, over connections of its own; its findings in order.
class Probe {
  public:
    Probe(const Target& target, std::uint64_t number) : target_(target), rng_(Rng(target.rng_seed).fork(number)) {}

    [[nodiscard]] const Target& target() const { return target_; }
    [[nodiscard]] const meta::Metainfo& metainfo() const { return *target_.metainfo; }
    [[nodiscard]] Result<Talk> connect();
    // Handshake of ours with these reserved bits, the right info_hash and a peer_id of its own.
    [[nodiscard]] wire::Handshake handshake(bool extensions = false, bool fast = false);
    [[nodiscard]] Result<Opened> open(bool extensions = false, bool fast = false);

    Finding& find(std::string rule, std::string source, std::string text);
    [[nodiscard]] const std::deque<Finding>& findings() const { return findings_; }

  private:
    const Target& target_;
    Rng rng_;
    std::deque<Finding> findings_;  // references stay
};

// The lines of questioning; each may take the target's patience several times.
void probe_handshake(Probe& probe);
void probe_first_messages(Probe& probe);
void probe_requests(Probe& probe);
void probe_extensions(Probe& probe);
void probe_fast(Probe& probe);
void probe_refusals(Probe& probe);  // what breaks the protocol
// At the very end: does it still serve others?
void probe_alive(Probe& probe);

// Says interested and waits. False: it stayed choked.
[[nodiscard]] bool get_unchoked(Probe& probe, Talk& talk);
// The block as the metainfo's hash knows it cannot be checked alone; so whole pieces are asked for. Error: what came
// instead.
[[nodiscard]] Result<ByteBuffer> fetch_piece(Probe& probe, Talk& talk, PieceIndex piece);

}  // namespace bt::probe
