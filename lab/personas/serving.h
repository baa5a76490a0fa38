#pragma once

// Personas that have the content, or say so.

#include <deque>

#include "lab/personas/link.h"

namespace bt::persona {

// An honest seed: claims every piece, unchokes whoever is interested, answers every request.
class Server : public Behaviour {
  public:
    void on_open(Link& link) override;
    void on_message(Link& link, const wire::Message& message) override;

  protected:
    virtual void on_request(Link& link, const wire::Request& request) { (void)link.send_block(request); }
};

// "corrupt-block": as many of the blocks as `part` says (of `piece` only, where given) have all bits turned over.
class CorruptServer final : public Server {
    void on_request(Link& link, const wire::Request& request) override;
};

// "liar": claims every piece and unchokes, but answers nothing.
class Liar final : public Server {
    void on_request(Link&, const wire::Request&) override {}
};

// "choke-forever": claims every piece, never unchokes.
class ChokeForever final : public Behaviour {
    void on_open(Link& link) override;
};

// "silent": nothing behind the handshake.
class Silent final : public Behaviour {};

// "slow": `rate` bytes a second, in order of the requests. "slow-handshake": also its handshake, a byte at a time.
class SlowServer final : public Server {
  public:
    explicit SlowServer(bool slow_handshake) : slow_handshake_(slow_handshake) {}

  private:
    [[nodiscard]] Duration handshake_step() const override {
        return slow_handshake_ ? milliseconds(200) : Duration::zero();
    }
    void on_request(Link& link, const wire::Request& request) override;
    void on_message(Link& link, const wire::Message& message) override;
    void on_tick(Link& link) override;

    bool slow_handshake_;
    std::deque<wire::Request> waiting_;
    double budget_ = 0;
    std::optional<TimePoint> last_;
};

// "flapping": serves, and chokes and unchokes every `every`.
class Flapping final : public Server {
    void on_tick(Link& link) override;
    std::optional<TimePoint> next_;
};

// "drop-mid-block": the connection ends in the middle of a block, every time.
class DropMidBlock final : public Server {
    void on_request(Link& link, const wire::Request& request) override;
};

// "reset": one block, then a reset.
class Reset final : public Server {
    void on_request(Link& link, const wire::Request& request) override;
};

// "oversize-message": a length of 4 GiB, once somebody is interested.
class Oversize final : public Server {
    void on_request(Link& link, const wire::Request& request) override;
};

}  // namespace bt::persona
