#include "lab/sim/network.h"

#include <algorithm>
#include <cerrno>

#include "common/base/check.h"
#include "lab/sim/connection.h"

namespace bt::sim {

Network::Network(Simulator& simulator, NetworkSettings settings) : simulator_(simulator), settings_(settings) {
    BT_CHECK(settings_.segment_size > 0 && settings_.send_buffer > 0);
}

Network::~Network() = default;

HostId Network::add_host(const Address& address, LinkSettings links) {
    const HostId id(host_count());
    const bool is_new = by_address_.emplace(address, id).second;
    BT_CHECK(is_new);
    hosts_.emplace_back();
    hosts_.back().address = address;
    hosts_.back().links = links;
    return id;
}

void Network::add_address(HostId id, const Address& address) {
    BT_CHECK(address.family() != host(id).address.family() && !host(id).second_address);
    const bool is_new = by_address_.emplace(address, id).second;
    BT_CHECK(is_new);
    host(id).second_address = address;
}

void Network::set_file_source(HostId id, FileSource* source) { host(id).files = source; }

void Network::set_links(HostId id, LinkSettings links) { host(id).links = links; }

void Network::set_delay(HostId a, HostId b, Duration one_way) {
    BT_CHECK(a != b && one_way >= Duration::zero());
    delays_[std::minmax(a, b)] = one_way;
}

Duration Network::delay(HostId a, HostId b) const {
    if (a == b) return Duration::zero();
    const auto found = delays_.find(std::minmax(a, b));
    return found == delays_.end() ? settings_.default_delay : found->second;
}

std::optional<HostId> Network::find_host(const Address& address) const {
    const auto found = by_address_.find(address);
    if (found == by_address_.end()) return std::nullopt;
    return found->second;
}

void Network::remember(const ConnectionPtr& connection) {
    if (connections_.size() >= purge_at_) {
        std::erase_if(connections_, [](const auto& known) { return known.expired(); });
        purge_at_ = std::max<std::size_t>(64, 2 * connections_.size());
    }
    connections_.push_back(connection);
}

std::unique_ptr<env::Stream> Network::connect(HostId from, const Endpoint& remote, std::optional<Endpoint> source) {
    auto connection = std::make_shared<Connection>();
    connection->dialed_at = simulator_.now();
    Host& at = host(from);
    Side& side = connection->sides[0];
    side.host = from;
    side.exists = true;
    side.remote = remote;
    side.local = {own_address(at, remote.address), source ? source->port : std::uint16_t{0}};
    if (side.local.port == 0) {
        side.local.port = allocate_port(at.listeners[side.local.address.family()], at.next_dial_port, 49152);
    }
    remember(connection);

    const TimePoint now = simulator_.now();
    const auto target = find_host(remote.address);
    const std::string what = "connect to " + remote.to_string();
    if (source && !source->address.is_unspecified() && !has_address(at, source->address)) {
        fail_later(connection, 0, now, system_error(EADDRNOTAVAIL, "bind to " + source->to_string()));
    } else if (!target) {
        fail_later(connection, 0, now + 2 * settings_.default_delay, system_error(EHOSTUNREACH, what));
    } else {
        simulator_.schedule(now + delay(from, *target), *target,
                            [this, connection, to = *target] { on_dial_arrived(connection, to); });
    }
    return std::make_unique<SimStream>(*this, std::move(connection), 0);
}

void Network::on_dial_arrived(const ConnectionPtr& connection, HostId target) {
    Side& dialer = connection->sides[0];
    if (connection->severed || !dialer.is_held) return;
    const std::string what = "connect to " + dialer.remote.to_string();
    if (!is_reachable(target) || !is_reachable(dialer.host)) {
        const TimePoint gives_up = connection->dialed_at + settings_.connect_timeout;
        fail_later(connection, 0, gives_up, system_error(ETIMEDOUT, what));
        return;
    }
    const TimePoint answered_at = simulator_.now() + delay(dialer.host, target);
    const auto& listeners = host(target).listeners[dialer.remote.address.family()];
    const auto found = listeners.find(dialer.remote.port);
    if (found == listeners.end()) {
        fail_later(connection, 0, answered_at, system_error(ECONNREFUSED, what));
        return;
    }
    Side& accepted = connection->sides[1];
    accepted.host = target;
    accepted.local = dialer.remote;
    accepted.remote = dialer.local;
    accepted.exists = true;
    accepted.connected = true;
    ++host(target).traffic.streams_accepted;
    simulator_.schedule(answered_at, dialer.host, [this, connection] { on_dial_answered(connection); });
    const std::shared_ptr<ListenerState> listener = found->second;
    listener->on_accept(std::make_unique<SimStream>(*this, connection, 1));
    BT_CHECK(!accepted.is_held || accepted.handler != nullptr);
}

void Network::on_dial_answered(const ConnectionPtr& connection) {
    Side& dialer = connection->sides[0];
    if (connection->severed || !dialer.is_held) return;
    dialer.connected = true;
    ++host(dialer.host).traffic.streams_opened;
    BT_CHECK(dialer.handler != nullptr);
    dialer.handler->on_connected();
    drain(connection, 0);  // bytes that overtook the answer because the delay was changed
}

void Network::fail_later(const ConnectionPtr& connection, int side, TimePoint time, Error error) {
    const HostId where = connection->sides[static_cast<std::size_t>(side)].host;
    simulator_.schedule(time, where,
                        [this, connection, side, error = std::move(error)] { fail_side(*connection, side, error); });
}

void Network::fail_side(Connection& connection, int index, const Error& error) {
    Side& side = connection.sides[static_cast<std::size_t>(index)];
    connection.sever();
    if (!side.is_held || side.dead) return;
    side.dead = true;
    BT_CHECK(side.handler != nullptr);
    side.handler->on_closed(error);
}

Result<std::unique_ptr<env::Listener>> Network::listen(HostId id, const Endpoint& local,
                                                       env::AcceptCallback on_accept) {
    Host& at = host(id);
    const std::string what = "listen on " + local.to_string();
    const bool is_ours = local.address.is_unspecified() ? has_family(at, local.address.family())
                                                        : has_address(at, local.address);
    if (!is_ours) return fail(system_error(EADDRNOTAVAIL, what));
    auto& listeners = at.listeners[local.address.family()];
    if (local.port != 0 && listeners.contains(local.port)) return fail(system_error(EADDRINUSE, what));
    auto state = std::make_shared<ListenerState>();
    state->local = local;
    if (local.port == 0) state->local.port = allocate_port(listeners, at.next_listen_port, 40000);
    state->on_accept = std::move(on_accept);
    listeners[state->local.port] = state;
    return std::make_unique<SimListener>(*this, id, std::move(state));
}

SimListener::~SimListener() {
    auto& listeners = network_.host(host_).listeners[state_->local.address.family()];
    const auto found = listeners.find(state_->local.port);
    if (found != listeners.end() && found->second == state_) listeners.erase(found);
}

void Network::sever_streams(HostId of, bool own_side_hears) {
    const Error reset = system_error(ECONNRESET, "stream");
    for (std::size_t i = 0; i < connections_.size(); ++i) {
        const ConnectionPtr connection = connections_[i].lock();
        if (!connection || connection->severed || !connection->sides[0].exists) continue;
        auto& sides = connection->sides;
        const bool concerned = sides[0].host == of || (sides[1].exists && sides[1].host == of);
        // A dial that nobody has answered finds out for itself, unless the dialer is the one to die.
        if (!concerned || (!sides[1].exists && own_side_hears)) continue;
        connection->sever();
        for (int side = 0; side < 2; ++side) {
            Side& end = sides[static_cast<std::size_t>(side)];
            if (!end.exists || end.dead) continue;
            const bool own = end.host == of;
            if (own && !own_side_hears) {
                end.dead = true;
                continue;
            }
            const Duration after = own_side_hears ? Duration::zero() : delay(sides[0].host, sides[1].host);
            fail_later(connection, side, simulator_.now() + after, reset);
        }
    }
}

void Network::partition(HostId id) {
    host(id).cut_off = true;
    sever_streams(id, true);
}

void Network::heal(HostId id) { host(id).cut_off = false; }

void Network::kill(HostId id) {
    Host& at = host(id);
    at.alive = false;
    at.listeners.clear();
    drop_datagram_sockets(id);
    sever_streams(id, false);
}

void Network::revive(HostId id) { host(id).alive = true; }

void Network::reset_streams(HostId id) { sever_streams(id, true); }

std::size_t Network::open_streams(HostId id) const {
    std::size_t count = 0;
    for (const auto& known : connections_) {
        const ConnectionPtr connection = known.lock();
        if (!connection) continue;
        for (const Side& side : connection->sides) {
            if (side.exists && side.host == id && side.is_held && side.connected && !side.dead) ++count;
        }
    }
    return count;
}

void Network::check_invariants() const {
    for (const auto& known : connections_) {
        if (const ConnectionPtr connection = known.lock()) connection->check_invariants(settings_.send_buffer);
    }
}

}  // namespace bt::sim
