#include "common/net/uv_env.h"

#include "common/net/uv_datagram.h"
#include "common/net/uv_stream.h"

namespace bt::net {

std::unique_ptr<env::Timer> UvEnv::make_timer(std::function<void()> on_deadline) {
    return std::make_unique<UvTimer>(timers_, std::move(on_deadline));
}

std::unique_ptr<env::Stream> UvEnv::connect(const Endpoint& remote, std::optional<Endpoint> source) {
    return std::make_unique<UvStream>(loop_, disk_, remote, source);
}

Result<std::unique_ptr<env::Listener>> UvEnv::listen(const Endpoint& local, env::AcceptCallback on_accept) {
    BT_TRY_ASSIGN(std::unique_ptr<UvListener> listener,
                  UvListener::listen(loop_, disk_, timers_, local, std::move(on_accept), shares_ports_));
    return listener;
}

Result<std::unique_ptr<env::Datagram>> UvEnv::open_datagram(const Endpoint& local, env::DatagramHandler& handler) {
    BT_TRY_ASSIGN(std::unique_ptr<UvDatagram> socket, UvDatagram::open(loop_, local, handler, shares_ports_));
    return socket;
}

std::unique_ptr<env::Lookup> UvEnv::resolve(const std::string& host, std::uint16_t port, env::LookupCallback done) {
    return resolver_.resolve(host, port, std::move(done));
}

}  // namespace bt::net
