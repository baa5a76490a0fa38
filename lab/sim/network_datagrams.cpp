// The way of a datagram: uplink, delay, downlink, socket; or back as unreachable, or lost.

#include <cerrno>

#include "common/base/check.h"
#include "lab/sim/network.h"

namespace bt::sim {

struct DatagramState {
    HostId host;
    Endpoint local;
    env::DatagramHandler* handler = nullptr;  // null once the socket is closed
};

struct FlyingDatagram {
    std::shared_ptr<DatagramState> sender;
    Endpoint from;
    Endpoint to;
    ByteBuffer bytes;
};

class SimDatagram final : public env::Datagram {
  public:
    SimDatagram(Network& network, std::shared_ptr<DatagramState> state) : network_(network), state_(std::move(state)) {}
    ~SimDatagram() override {
        state_->handler = nullptr;
        auto& sockets = network_.host(state_->host).datagram_sockets;
        const auto found = sockets.find(state_->local.port);
        if (found != sockets.end() && found->second == state_) sockets.erase(found);
    }
    [[nodiscard]] Status send_to(ByteView bytes, const Endpoint& remote) override {
        return network_.send_datagram(state_, bytes, remote);
    }
    [[nodiscard]] Endpoint local_endpoint() const override { return state_->local; }

  private:
    Network& network_;
    std::shared_ptr<DatagramState> state_;
};

Result<std::unique_ptr<env::Datagram>> Network::open_datagram(HostId id, const Endpoint& local,
                                                              env::DatagramHandler& handler) {
    Host& at = host(id);
    const std::string what = "bind to " + local.to_string();
    if (!local.address.is_unspecified() && !has_address(at, local.address)) {
        return fail(system_error(EADDRNOTAVAIL, what));
    }
    if (local.port != 0 && at.datagram_sockets.contains(local.port)) return fail(system_error(EADDRINUSE, what));
    auto state = std::make_shared<DatagramState>();
    state->host = id;
    state->local = local;
    if (local.port == 0) state->local.port = allocate_port(at.datagram_sockets, at.next_dial_port, 49152);
    state->handler = &handler;
    at.datagram_sockets[state->local.port] = state;
    return std::make_unique<SimDatagram>(*this, std::move(state));
}

void Network::drop_datagram_sockets(HostId of) {
    for (auto& [port, socket] : host(of).datagram_sockets) socket->handler = nullptr;
    host(of).datagram_sockets.clear();
}

Status Network::send_datagram(const std::shared_ptr<DatagramState>& socket, ByteView bytes, const Endpoint& remote) {
    Host& at = host(socket->host);
    const std::string what = "send to " + remote.to_string();
    if (bytes.size() > env::kMaxDatagram) {
        return fail(local_error(ErrorCode::InvalidArgument,
                                what + ": " + std::to_string(bytes.size()) + " bytes do not fit into a datagram"));
    }
    if (remote.address.family() != socket->local.address.family()) {
        Error error = system_error(EAFNOSUPPORT, what);
        error.code = ErrorCode::ConnectFailed;
        return fail(std::move(error));
    }
    ++at.traffic.datagrams_sent;
    if (!at.alive || is_lost(socket->host) || at.datagram_bytes_out + bytes.size() > settings_.datagram_queue)
        return {};
    at.datagram_bytes_out += bytes.size();
    auto datagram = std::make_shared<FlyingDatagram>(
        FlyingDatagram{socket, {own_address(at, remote.address), socket->local.port}, remote, to_buffer(bytes)});
    at.turns.push_back({nullptr, 0, std::move(datagram)});
    pump(socket->host);
    return {};
}

void Network::start_datagram(const std::shared_ptr<FlyingDatagram>& datagram) {
    Host& at = host(datagram->sender->host);
    at.traffic.bytes_sent += datagram->bytes.size();
    simulator_.schedule(simulator_.now() + transmission_time(datagram->bytes.size(), at.links.uplink_bytes_per_s),
                        std::nullopt, [this, datagram] { on_datagram_sent(datagram); });
}

void Network::on_datagram_sent(const std::shared_ptr<FlyingDatagram>& datagram) {
    const HostId from = datagram->sender->host;
    Host& at = host(from);
    at.uplink_busy = false;
    at.datagram_bytes_out -= datagram->bytes.size();
    if (const auto to = find_host(datagram->to.address)) {
        simulator_.schedule(simulator_.now() + delay(from, *to), *to,
                            [this, datagram, target = *to] { on_datagram_arrived(datagram, target); });
    } else {
        return_unreachable(*datagram, simulator_.now() + 2 * settings_.default_delay, EHOSTUNREACH);
    }
    pump(from);
}

void Network::on_datagram_arrived(const std::shared_ptr<FlyingDatagram>& datagram, HostId to) {
    if (!is_reachable(to) || !is_reachable(datagram->sender->host) || is_lost(to)) return;
    Host& at = host(to);
    const std::uint64_t rate = at.links.downlink_bytes_per_s;
    const std::size_t size = datagram->bytes.size();
    if (rate == 0 && at.downlink_waiting == 0) return deliver(*datagram, to);
    if (at.datagram_bytes_in + size > settings_.datagram_queue) return;
    at.datagram_bytes_in += size;
    at.downlink_free_at = std::max(simulator_.now(), at.downlink_free_at) + transmission_time(size, rate);
    ++at.downlink_waiting;
    simulator_.schedule(at.downlink_free_at, to, [this, datagram, to] {
        --host(to).downlink_waiting;
        host(to).datagram_bytes_in -= datagram->bytes.size();
        deliver(*datagram, to);
    });
}

void Network::deliver(const FlyingDatagram& datagram, HostId to) {
    Host& at = host(to);
    if (!at.alive) return;
    const auto found = at.datagram_sockets.find(datagram.to.port);
    if (found == at.datagram_sockets.end()) {
        return return_unreachable(datagram, simulator_.now() + delay(to, datagram.sender->host), ECONNREFUSED);
    }
    ++at.traffic.datagrams_received;
    at.traffic.bytes_received += datagram.bytes.size();
    ByteBuffer bytes = datagram.bytes;  // the receiver may change its copy
    found->second->handler->on_datagram(bytes, datagram.from);
}

void Network::return_unreachable(const FlyingDatagram& datagram, TimePoint time, int error) {
    simulator_.schedule(time, datagram.sender->host, [this, socket = datagram.sender, to = datagram.to, error] {
        if (socket->handler == nullptr || !is_reachable(socket->host)) return;
        socket->handler->on_unreachable(to, system_error(error, "datagram to " + to.to_string()));
    });
}

bool Network::is_lost(HostId at) {
    const std::uint32_t loss = host(at).links.loss_per_mille;
    if (loss == 0) return false;
    if (!loss_rng_) loss_rng_ = simulator_.rng().fork(0x64617461);
    return loss_rng_->chance(loss, 1000);
}

}  // namespace bt::sim
