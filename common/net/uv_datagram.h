#pragma once

// UDP sockets of our own, watched with uv_poll_t.
//
//  - What is sent from inside on_datagram() leaves together, when all that came in one system call has been handed out
//    (datagram_batch.h); what the kernel says against one of them then comes as on_unreachable().
//  - At most kDatagramsPerTurn are received in a turn, so that a flood does not keep the streams waiting.
//  - What came back undeliverable is read from the socket's error queue, which names the address it was sent to; the
//    socket goes on. The kernel also reports it once in place of a send: that send is made again.

#include <memory>

#include "common/env/env.h"
#include "common/net/datagram_batch.h"
#include "common/net/lifetime.h"
#include "common/net/socket.h"
#include "common/net/uv_loop.h"

namespace bt::net {

inline constexpr std::size_t kDatagramsPerTurn = 64;

class UvDatagram final : public env::Datagram {
  public:
    [[nodiscard]] static Result<std::unique_ptr<UvDatagram>> open(UvLoop& loop, const Endpoint& local,
                                                                  env::DatagramHandler& handler,
                                                                  bool shares_port = false);

    // What was sent before is still on its way.
    ~UvDatagram() override;
    UvDatagram(const UvDatagram&) = delete;
    UvDatagram& operator=(const UvDatagram&) = delete;

    [[nodiscard]] Status send_to(ByteView bytes, const Endpoint& remote) override;
    [[nodiscard]] Endpoint local_endpoint() const override { return local_endpoint_of(fd_.get()); }

  private:
    UvDatagram(UvLoop& loop, Fd fd, env::DatagramHandler& handler);
    void on_event(int status);
    // False when a callback destroyed the socket.
    bool read_errors();
    bool read_datagrams();
    bool flush_batch();

    UvLoop& loop_;
    Fd fd_;
    env::DatagramHandler* handler_;
    Address::Family family_;
    SendBatch batch_;
    bool batching_ = false;  // inside on_datagram
    Lifetime lifetime_;
    std::unique_ptr<Poller> poller_;
};

}  // namespace bt::net
