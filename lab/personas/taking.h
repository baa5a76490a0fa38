#pragma once

// Personas that download.

#include "lab/personas/link.h"

namespace bt::persona {

// Downloads with a fixed number of outstanding requests and tells what it has; serves whom may_serve() allows.
class Taker : public Behaviour {
  public:
    explicit Taker(std::uint32_t depth) : depth_(depth) {}
    void on_open(Link& link) override;
    void on_message(Link& link, const wire::Message& message) override;
    void on_tick(Link& link) override;
    void on_close(Link& link) override { give_up(link); }

  protected:
    [[nodiscard]] virtual bool may_serve(const Link&) const { return true; }

  private:
    void ask(Link& link);
    void give_up(Link& link);

    static constexpr Duration kGiveUp = seconds(5);  // on requests that nobody answers
    std::uint32_t depth_;
    std::vector<wire::Request> outstanding_;
    TimePoint last_block_{};
};

// "free-rider": takes and never gives.
class FreeRider final : public Taker {
  public:
    FreeRider() : Taker(16) {}

  private:
    [[nodiscard]] bool may_serve(const Link&) const override { return false; }
};

// "super-requester": asks for up to 5,000 blocks at once.
class SuperRequester final : public Taker {
  public:
    SuperRequester() : Taker(5000) {}
};

// "bittyrant": gives a peer no more than it had from that peer, and a first taste of 64 KiB.
class BitTyrantLike final : public Taker {
  public:
    static constexpr std::uint64_t kTaste = 64 * 1024;
    BitTyrantLike() : Taker(32) {}

  private:
    [[nodiscard]] bool may_serve(const Link& link) const override { return link.uploaded < link.downloaded + kTaste; }
};

// "request-flood": the same block, asked for a thousand times a second, choked or not.
class RequestFlood final : public Behaviour {
    void on_open(Link& link) override { link.set_interested(true); }
    void on_tick(Link& link) override;
};

// "never-reads": asks for all it can and reads nothing of it.
class NeverReads final : public Behaviour {
    void on_open(Link& link) override { link.set_interested(true); }
    void on_message(Link& link, const wire::Message& message) override;
};

}  // namespace bt::persona
