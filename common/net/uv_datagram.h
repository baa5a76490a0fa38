#pragma once

// UDP sockets of our own, watched with uv_poll_t.
//
//  - At most kDatagramsPerTurn are received in a turn, so that a flood does not keep the streams waiting.
//  - What came back undeliverable is read from the socket's error queue, which names the address it was sent to; the
//    socket goes on. The kernel also reports it once in place of a send: that send is made again.
//  - A datagram that is longer than the receive buffer cannot come: the buffer takes any.

#include <memory>

#include "common/env/env.h"
#include "common/net/lifetime.h"
#include "common/net/socket.h"
#include "common/net/uv_loop.h"

namespace bt::net {

inline constexpr int kDatagramsPerTurn = 64;

class UvDatagram final : public env::Datagram {
  public:
    [[nodiscard]] static Result<std::unique_ptr<UvDatagram>> open(UvLoop& loop, const Endpoint& local,
                                                                  env::DatagramHandler& handler);

    [[nodiscard]] Status send_to(ByteView bytes, const Endpoint& remote) override;
    [[nodiscard]] Endpoint local_endpoint() const override { return local_endpoint_of(fd_.get()); }

  private:
    UvDatagram(UvLoop& loop, Fd fd, env::DatagramHandler& handler);
    void on_event();
    // False when a callback destroyed the socket.
    bool read_errors();
    bool read_datagrams();

    UvLoop& loop_;
    Fd fd_;
    env::DatagramHandler* handler_;
    Lifetime lifetime_;
    std::unique_ptr<Poller> poller_;
};

}  // namespace bt::net
