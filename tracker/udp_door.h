#pragma once

// One address at which the tracker speaks UDP: a socket, and what a listener wants sent later. What is answered says
// UdpFront.
//
// Rules
//  - An answer goes to where its question came from, at once; what finds no room on its way is lost, as every datagram
//    may be.
//  - A Delivery's steps go out when they are due, one timer for all, at most kMaxDeliveries datagrams waiting.
//  - Addresses that come back as unreachable are no concern of ours: nothing is kept about who asked.

#include <map>
#include <memory>

#include "common/env/env.h"
#include "tracker/udp_front.h"

namespace bt::tracker {

class UdpDoor final : public env::DatagramHandler {
  public:
    UdpDoor(env::Env& env, UdpFront& front);

    // Receives from now on. Error: what Env::open_datagram says.
    [[nodiscard]] Status open(const Endpoint& local);
    void close();

    [[nodiscard]] Endpoint local_endpoint() const { return socket_ ? socket_->local_endpoint() : Endpoint{}; }
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

    void on_datagram(MutableByteView bytes, const Endpoint& from) override;
    void on_unreachable(const Endpoint&, const Error&) override {}

  private:
    struct Waiting {
        ByteBuffer bytes;
        Endpoint to;
    };
    void deliver(Delivery& delivery, const Endpoint& to, TimePoint now);
    void on_timer();

    env::Env& env_;
    UdpFront& front_;
    std::unique_ptr<env::Datagram> socket_;
    std::unique_ptr<env::Timer> timer_;  // made with the first that has to wait
    std::multimap<TimePoint, Waiting> waiting_;
    ByteBuffer answer_;  // scratch
};

}  // namespace bt::tracker
