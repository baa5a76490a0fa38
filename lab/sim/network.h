#pragma once

// Links in virtual time: hosts with an address (or one of each family), streams and datagrams between them.
//
// Model
//  - A host's uplink sends one segment at a time (at most segment_size bytes) at its rate; the streams that have
//    something to send take turns. The segment is at the other host one delay later and passes that host's downlink,
//    first come first served, at its rate. Rate 0 is unlimited. So 1 MiB over a link of 128 KiB/s takes 8 s, one delay
//    and, behind a limited downlink, one segment's time more.
//  - A stream is byte-exact and in order. What send() took counts against send_buffer until the receiver's handler
//    has had it and the news is back one delay later: a paused or slow reader stops the sender.
//  - connect takes one round trip; nobody listening: refused after one; a host that is cut off or dead: TimedOut.
//  - Destroying a stream sends what was taken, then the other side gets EndOfStream. Bytes that reach a destroyed
//    stream, or that it left unread, come back as a reset, as TCP does it.
//  - A datagram passes uplink, delay and downlink like a segment, in turn with the streams. It is lost by chance
//    (loss_per_mille of either host), where more than datagram_queue bytes wait for a link, and where the other host is
//    cut off or dead. A port that nobody has comes back as unreachable after a round trip.
//  - Hand-shakes, acknowledgements and resets cost no rate. A host talks to itself without delay.
// Every network object must be gone before the Network, and the Network before the Simulator.
// Cost: 2 to 3 events a segment.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/env/env.h"
#include "lab/sim/simulator.h"

namespace bt::sim {

struct NetworkSettings {
    Duration default_delay = milliseconds(20);  // one way
    std::uint32_t segment_size = 16 * 1024;
    std::uint64_t send_buffer = 256 * 1024;
    Duration connect_timeout = seconds(20);
    std::uint64_t datagram_queue = 256 * 1024;  // bytes that wait for one link
};

struct LinkSettings {
    std::uint64_t uplink_bytes_per_s = 0;  // 0: unlimited
    std::uint64_t downlink_bytes_per_s = 0;
    std::uint32_t loss_per_mille = 0;  // of the datagrams that leave, and of those that arrive
};

struct HostTraffic {
    std::uint64_t bytes_sent = 0;      // through the uplink
    std::uint64_t bytes_received = 0;  // handed to handlers
    std::uint64_t streams_opened = 0;  // dialed and connected
    std::uint64_t streams_accepted = 0;
    std::uint64_t datagrams_sent = 0;  // by send_to
    std::uint64_t datagrams_received = 0;
};

// Where the file ranges of a host's streams are read.
class FileSource {
  public:
    virtual ~FileSource() = default;
    // Exactly into.size() bytes from `offset` on.
    virtual Status read_range(StorageId storage, FileIndex file, std::uint64_t offset, MutableByteView into) = 0;
};

struct Connection;
struct Side;
struct ListenerState;
struct DatagramState;
struct FlyingDatagram;

class Network {
  public:
    Network(Simulator& simulator, NetworkSettings settings);
    ~Network();
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    HostId add_host(const Address& address, LinkSettings links);
    // One of the other family for a host that is there.
    void add_address(HostId host, const Address& address);
    void set_file_source(HostId host, FileSource* source);
    // For segments that start from now on.
    void set_links(HostId host, LinkSettings links);
    // One way, in both directions.
    void set_delay(HostId a, HostId b, Duration one_way);
    [[nodiscard]] Duration delay(HostId a, HostId b) const;
    [[nodiscard]] const Address& address(HostId host) const { return hosts_[host.value()].address; }
    [[nodiscard]] std::uint32_t host_count() const { return static_cast<std::uint32_t>(hosts_.size()); }

    // What env::Env asks of its world; see there.
    [[nodiscard]] std::unique_ptr<env::Stream> connect(HostId from, const Endpoint& remote,
                                                       std::optional<Endpoint> source);
    [[nodiscard]] Result<std::unique_ptr<env::Listener>> listen(HostId host, const Endpoint& local,
                                                                env::AcceptCallback on_accept);
    [[nodiscard]] Result<std::unique_ptr<env::Datagram>> open_datagram(HostId host, const Endpoint& local,
                                                                       env::DatagramHandler& handler);

    // Scripts. Cut off: every stream of the host dies with a reset on both sides, new ones time out until heal().
    void partition(HostId host);
    void heal(HostId host);
    // The host's own side hears nothing any more, its listeners are gone, its peers see resets one delay later.
    void kill(HostId host);
    void revive(HostId host);
    // Every stream of the host dies with a reset on both sides; the host stays reachable.
    void reset_streams(HostId host);
    [[nodiscard]] bool is_alive(HostId host) const { return hosts_[host.value()].alive; }
    [[nodiscard]] bool is_reachable(HostId host) const {
        return hosts_[host.value()].alive && !hosts_[host.value()].cut_off;
    }

    [[nodiscard]] const HostTraffic& traffic(HostId host) const { return hosts_[host.value()].traffic; }
    [[nodiscard]] std::size_t open_streams(HostId host) const;  // sides that a node still holds and that live

    // Of every stream: what was taken is queued, on the way, waiting for the reader, or was delivered, and never
    // more than send_buffer is unacknowledged. Cost: O(streams + queued segments).
    void check_invariants() const;

  private:
    friend class SimStream;
    friend class SimListener;
    friend class SimDatagram;
    using ConnectionPtr = std::shared_ptr<Connection>;

    struct Turn {
        ConnectionPtr connection;
        int side = 0;
        std::shared_ptr<FlyingDatagram> datagram;  // then no connection
    };
    struct Host {
        Address address;
        std::optional<Address> second_address;
        LinkSettings links;
        FileSource* files = nullptr;
        bool alive = true;
        bool cut_off = false;
        bool uplink_busy = false;
        std::deque<Turn> turns;  // streams with something to send, in the order of their turns
        TimePoint downlink_free_at{};
        std::uint32_t downlink_waiting = 0;
        std::uint16_t next_listen_port = 40000;
        std::uint16_t next_dial_port = 49152;
        // A port of one family says nothing about the other's.
        std::map<Address::Family, std::map<std::uint16_t, std::shared_ptr<ListenerState>>> listeners;
        std::map<std::uint16_t, std::shared_ptr<DatagramState>> datagram_sockets;
        std::uint64_t datagram_bytes_out = 0;  // waiting for the uplink
        std::uint64_t datagram_bytes_in = 0;   // waiting for the downlink
        HostTraffic traffic;
    };

    [[nodiscard]] Host& host(HostId id) { return hosts_[id.value()]; }
    [[nodiscard]] static bool has_address(const Host& at, const Address& address) {
        return at.address == address || at.second_address == address;
    }
    [[nodiscard]] static bool has_family(const Host& at, Address::Family family) {
        return at.address.family() == family || (at.second_address && at.second_address->family() == family);
    }
    // What a host calls itself towards this address.
    [[nodiscard]] static const Address& own_address(const Host& at, const Address& remote) {
        const bool second = at.second_address && at.second_address->family() == remote.family();
        return second ? *at.second_address : at.address;
    }
    [[nodiscard]] std::optional<HostId> find_host(const Address& address) const;
    template <class Taken>
    [[nodiscard]] static std::uint16_t allocate_port(const Taken& taken, std::uint16_t& next, std::uint16_t first) {
        for (;;) {
            const std::uint16_t port = next;
            next = next == 65535 ? first : static_cast<std::uint16_t>(next + 1);
            if (!taken.contains(port)) return port;
        }
    }
    [[nodiscard]] static Duration transmission_time(std::size_t bytes, std::uint64_t rate_bytes_per_s);

    // Setting up and tearing down (network.cpp).
    void on_dial_arrived(const ConnectionPtr& connection, HostId target);
    void on_dial_answered(const ConnectionPtr& connection);
    void fail_later(const ConnectionPtr& connection, int side, TimePoint time, Error error);
    void fail_side(Connection& connection, int side, const Error& error);
    void sever_streams(HostId of, bool own_side_hears);
    void remember(const ConnectionPtr& connection);

    // The way of the bytes (network_streams.cpp).
    void send(const ConnectionPtr& connection, int side, OutputQueue& queue, std::uint64_t max_bytes);
    bool take_front(Connection& connection, int side, OutputQueue& queue, std::size_t bytes);
    void take(const ConnectionPtr& connection, int side, OutputQueue& queue, std::uint64_t max_bytes, ByteBuffer& into);
    [[nodiscard]] Status read_file(const Side& sender, const FileRange& range, MutableByteView into);
    void fail_unreadable(const ConnectionPtr& connection, int side);
    void enqueue(const ConnectionPtr& connection, int side);
    void pump(HostId id);
    void on_segment_sent(const ConnectionPtr& connection, int side, ByteBuffer segment);
    void on_segment_arrived(const ConnectionPtr& connection, int side, ByteBuffer segment);
    void deliver(const ConnectionPtr& connection, int side, ByteBuffer segment);
    void drain(const ConnectionPtr& connection, int reader);
    void watch_for_room(const ConnectionPtr& connection, int side);
    void on_acknowledged(const ConnectionPtr& connection, int side);
    void close(const ConnectionPtr& connection, int side);
    void answer_with_reset(const ConnectionPtr& connection, int closed_side);

    // Datagrams (network_datagrams.cpp).
    void drop_datagram_sockets(HostId of);
    [[nodiscard]] Status send_datagram(const std::shared_ptr<DatagramState>& socket, ByteView bytes,
                                       const Endpoint& remote);
    void start_datagram(const std::shared_ptr<FlyingDatagram>& datagram);
    void on_datagram_sent(const std::shared_ptr<FlyingDatagram>& datagram);
    void on_datagram_arrived(const std::shared_ptr<FlyingDatagram>& datagram, HostId to);
    void deliver(const FlyingDatagram& datagram, HostId to);
    void return_unreachable(const FlyingDatagram& datagram, TimePoint time, int error);
    [[nodiscard]] bool is_lost(HostId at);

    Simulator& simulator_;
    NetworkSettings settings_;
    std::vector<Host> hosts_;
    std::map<Address, HostId> by_address_;
    std::map<std::pair<HostId, HostId>, Duration> delays_;  // smaller id first
    std::vector<std::weak_ptr<Connection>> connections_;    // in the order of their making
    std::size_t purge_at_ = 64;
    std::optional<Rng> loss_rng_;  // forked when the first datagram may get lost
};

}  // namespace bt::sim
