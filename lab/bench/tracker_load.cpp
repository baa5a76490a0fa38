// A load of announces and scrapes for a tracker, over UDP or HTTP, closed loop: a new request leaves when an answer has
// come. Built by lab/bench/tracker.
//
//   tracker_load --mode udp|http|keepalive|fill --to IP:PORT --seconds S --rng-seed N --torrents N --peers N
//                --sources N --window N --connects W --announces W --scrapes W [--hashes FILE]
//
// Everything that is asked is decided by --rng-seed before the clock starts. Torrent k of N is chosen with the weight
// 1 + 500 * exp(-500 * k / N): few hot, a long tail. Three of four peers are seeds. Requests come from --sources
// addresses 127.90.x.y, each with a socket of its own (udp) or as the connections take turns (http). --window is
// how many requests are under way on one socket (udp) or how many connections are open (http). `fill` announces
// --peers different peers once, evenly over --torrents, over UDP. --hashes only writes the info_hashes and ends.
// Prints one line of JSON: responses by kind, seconds, latency percentiles in microseconds.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kPlanned = 1 << 17;  // requests that are repeated in turn
constexpr std::size_t kBatch = 32;
constexpr std::uint64_t kTimeoutUs = 500'000;

struct Options {
    std::string mode = "udp";
    std::string ip = "127.0.0.1";
    std::uint16_t port = 0;
    double seconds = 3;
    std::uint64_t rng_seed = 1;
    std::uint32_t torrents = 10'000, peers = 200'000, sources = 8, window = 32, numwant = 50;
    std::uint32_t connects = 50, announces = 50, scrapes = 1;
    std::string hashes;
};

struct Rng {  // splitmix64
    std::uint64_t state;
    std::uint64_t next() {
        std::uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    std::uint64_t below(std::uint64_t bound) {
        return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
    }
};

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "tracker_load: %s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(1);
}

void put16(std::uint8_t* p, std::uint64_t v) {
    p[0] = static_cast<std::uint8_t>(v >> 8), p[1] = static_cast<std::uint8_t>(v);
}
void put32(std::uint8_t* p, std::uint64_t v) { put16(p, v >> 16), put16(p + 2, v); }
void put64(std::uint8_t* p, std::uint64_t v) { put32(p, v >> 32), put32(p + 4, v); }
std::uint32_t get32(const std::uint8_t* p) {
    return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}

// Bytes below 0x80 only: npm's tracker cannot scrape others over HTTP.
void info_hash(std::uint64_t rng_seed, std::uint32_t torrent, std::uint8_t* out) {
    Rng rng{rng_seed * 1'000'003 + torrent};
    for (int i = 0; i < 20; ++i) out[i] = static_cast<std::uint8_t>(rng.next() & 0x7f);
}

// One planned request: which kind, and its bytes (udp: the datagram; http: the target).
enum Kind : std::uint8_t { kConnect, kAnnounce, kScrape };
struct Planned {
    Kind kind = kAnnounce;
    Bytes bytes;
};

sockaddr_in address(const std::string& ip, std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    inet_pton(AF_INET, ip.c_str(), &a.sin_addr);
    return a;
}

std::string source_ip(std::uint32_t n) {
    return "127.90." + std::to_string(n >> 8) + "." + std::to_string((n & 255) + 1);
}

class Plan {
  public:
    explicit Plan(const Options& options) : options_(options), rng_{options.rng_seed} {
        double sum = 0;
        for (std::uint32_t i = 0; i < options.torrents; ++i) {
            sum += 1 + 500 * std::exp(-500.0 * i / options.torrents);
            cumulative_.push_back(sum);
        }
        requests.reserve(kPlanned);
        for (std::size_t i = 0; i < kPlanned; ++i) requests.push_back(options.mode == "udp" ? datagram() : target());
    }
    std::vector<Planned> requests;

  private:
    std::uint32_t torrent() {
        const double at = static_cast<double>(rng_.next() >> 11) * 0x1p-53 * cumulative_.back();
        return static_cast<std::uint32_t>(std::upper_bound(cumulative_.begin(), cumulative_.end(), at) -
                                          cumulative_.begin());
    }
    Kind kind() {
        const std::uint64_t at = rng_.below(options_.connects + options_.announces + options_.scrapes);
        return at < options_.connects ? kConnect : at < options_.connects + options_.announces ? kAnnounce : kScrape;
    }
    std::uint16_t peer_port() {
        return static_cast<std::uint16_t>(
            1024 + rng_.below(std::min<std::uint64_t>(60'000, options_.peers / options_.sources + 1)));
    }

    Planned datagram() {
        Planned p{kind(), {}};
        if (p.kind == kConnect) {
            p.bytes.assign(16, 0);
            put64(p.bytes.data(), 0x41727101980);
        } else if (p.kind == kScrape) {
            const std::uint64_t count = 1 + rng_.below(10);
            p.bytes.assign(16 + 20 * count, 0);
            put32(p.bytes.data() + 8, 2);
            for (std::uint64_t i = 0; i < count; ++i)
                info_hash(options_.rng_seed, torrent(), p.bytes.data() + 16 + 20 * i);
        } else {
            p.bytes = announce(torrent(), peer_port(), rng_.below(4) != 0, options_.numwant);
        }
        return p;
    }
    Planned target() {
        Planned p{options_.scrapes > 0 && rng_.below(options_.announces + options_.scrapes) < options_.scrapes
                      ? kScrape
                      : kAnnounce,
                  {}};
        std::string text = p.kind == kScrape ? "/scrape?" : "/announce?";
        const std::uint64_t count = p.kind == kScrape ? 1 + rng_.below(10) : 1;
        for (std::uint64_t i = 0; i < count; ++i) {
            std::uint8_t hash[20];
            info_hash(options_.rng_seed, torrent(), hash);
            text += i == 0 ? "info_hash=" : "&info_hash=";
            for (const std::uint8_t byte : hash) {
                char hex[4];
                std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned>(byte));
                text += hex;
            }
        }
        if (p.kind == kAnnounce) {
            text += "&peer_id=-LD0001-abcdefghijkl&port=" + std::to_string(peer_port()) +
                    "&uploaded=0&downloaded=0&left=" + (rng_.below(4) != 0 ? "0" : "50") +
                    "&compact=1&numwant=" + std::to_string(options_.numwant);
        }
        p.bytes.assign(text.begin(), text.end());
        return p;
    }

  public:
    Bytes announce(std::uint32_t of, std::uint16_t port, bool is_seed, std::uint32_t numwant) {
        Bytes out(98, 0);
        put32(out.data() + 8, 1);
        info_hash(options_.rng_seed, of, out.data() + 16);
        std::memcpy(out.data() + 36, "-LD0001-abcdefghijkl", 20);
        put64(out.data() + 64, is_seed ? 0 : 50);
        put32(out.data() + 80, is_seed ? 1 : 2);
        put32(out.data() + 92, numwant);
        put16(out.data() + 96, port);
        return out;
    }

  private:
    Options options_;
    Rng rng_;
    std::vector<double> cumulative_;
};

struct Result {
    std::uint64_t connects = 0, announces = 0, scrapes = 0, errors = 0, lost = 0, peers = 0, bytes = 0;
    std::vector<std::uint32_t> latencies_us;
    double seconds = 0;

    [[nodiscard]] std::uint64_t responses() const { return connects + announces + scrapes; }
    void count(Kind kind) { ++(kind == kConnect ? connects : kind == kAnnounce ? announces : scrapes); }
    void print() {
        std::sort(latencies_us.begin(), latencies_us.end());
        const auto at = [&](double q) -> unsigned {
            if (latencies_us.empty()) return 0;
            return latencies_us[std::min(latencies_us.size() - 1,
                                         static_cast<std::size_t>(q * static_cast<double>(latencies_us.size())))];
        };
        std::printf(
            "{\"responses\":%llu,\"connects\":%llu,\"announces\":%llu,\"scrapes\":%llu,\"errors\":%llu,\"lost\":%llu,"
            "\"peers\":%llu,\"seconds\":%.6f,\"p50_us\":%u,\"p99_us\":%u,\"p999_us\":%u,\"max_us\":%u}\n",
            static_cast<unsigned long long>(responses()), static_cast<unsigned long long>(connects),
            static_cast<unsigned long long>(announces), static_cast<unsigned long long>(scrapes),
            static_cast<unsigned long long>(errors), static_cast<unsigned long long>(lost),
            static_cast<unsigned long long>(peers), seconds, at(0.5), at(0.99), at(0.999), at(1));
    }
};

std::uint64_t now_us() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count());
}

// A socket and its requests under way; the transaction id names the slot and how often it was used.
class UdpSource {
  public:
    UdpSource(const Options& options, std::uint32_t number) : window_(options.window), slots_(options.window) {
        fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const sockaddr_in local = address(source_ip(number), 0);
        const sockaddr_in remote = address(options.ip, options.port);
        const int size = 4 << 20;
        setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        if (fd_ < 0 || bind(fd_, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0 ||
            connect(fd_, reinterpret_cast<const sockaddr*>(&remote), sizeof remote) != 0) {
            die("socket");
        }
        buffers_.resize(kBatch * 2048);
        get_id();
    }
    [[nodiscard]] int fd() const { return fd_; }

    // Puts the bytes of `planned` into a slot and sends it with flush().
    void ask(std::uint32_t slot, Kind kind, const Bytes& bytes) {
        Slot& s = slots_[slot];
        s.kind = kind;
        s.bytes = bytes;
        if (kind != kConnect) put64(s.bytes.data(), id_);
        ++s.generation;
        put32(s.bytes.data() + 12, (std::uint64_t{s.generation & 0xffffu} << 16) | slot);
        s.sent_us = 0;
        to_send_.push_back(slot);
    }
    void ask_again(std::uint32_t slot) { to_send_.push_back(slot); }
    void flush() {
        const std::uint64_t now = now_us();
        std::array<mmsghdr, kBatch> headers{};
        std::array<iovec, kBatch> parts{};
        while (!to_send_.empty()) {
            const std::size_t count = std::min(kBatch, to_send_.size());
            for (std::size_t i = 0; i < count; ++i) {
                Slot& s = slots_[to_send_[i]];
                s.sent_us = now;
                parts[i] = {s.bytes.data(), s.bytes.size()};
                headers[i].msg_hdr.msg_iov = &parts[i];
                headers[i].msg_hdr.msg_iovlen = 1;
            }
            const int sent = sendmmsg(fd_, headers.data(), static_cast<unsigned>(count), 0);
            // What finds no room is sent again when its time is up.
            to_send_.erase(to_send_.begin(), to_send_.begin() + (sent > 0 ? sent : static_cast<int>(count)));
        }
    }
    // Calls free(slot) for each that may be used again.
    template <class Free>
    void receive(Result& result, Free&& free) {
        std::array<mmsghdr, kBatch> headers{};
        std::array<iovec, kBatch> parts{};
        for (std::size_t i = 0; i < kBatch; ++i) {
            parts[i] = {buffers_.data() + i * 2048, 2048};
            headers[i].msg_hdr.msg_iov = &parts[i];
            headers[i].msg_hdr.msg_iovlen = 1;
        }
        const int count = recvmmsg(fd_, headers.data(), kBatch, 0, nullptr);
        const std::uint64_t now = now_us();
        for (int i = 0; i < count; ++i) {
            const std::uint8_t* bytes = buffers_.data() + static_cast<std::size_t>(i) * 2048;
            const std::size_t size = headers[static_cast<std::size_t>(i)].msg_len;
            if (size < 8) {
                ++result.errors;
                continue;
            }
            const std::uint32_t transaction = get32(bytes + 4);
            const std::uint32_t slot = transaction & 0xffff;
            if (slot >= window_ || (slots_[slot].generation & 0xffff) != transaction >> 16 || slots_[slot].sent_us == 0)
                continue;
            Slot& s = slots_[slot];
            const std::uint32_t action = get32(bytes);
            if (action != static_cast<std::uint32_t>(s.kind)) {
                ++result.errors;
            } else {
                result.count(s.kind);
                if (s.kind == kAnnounce && size >= 20) result.peers += (size - 20) / 6;
                if (s.kind == kConnect && size >= 16) {
                    id_ = std::uint64_t{get32(bytes + 8)} << 32 | get32(bytes + 12);
                }
            }
            result.latencies_us.push_back(static_cast<std::uint32_t>(now - s.sent_us));
            s.sent_us = 0;
            free(slot);
        }
    }
    template <class Free>
    void give_up_old(Result& result, Free&& free) {
        const std::uint64_t now = now_us();
        for (std::uint32_t slot = 0; slot < window_; ++slot) {
            if (slots_[slot].sent_us == 0 || now - slots_[slot].sent_us < kTimeoutUs) continue;
            ++result.lost;
            slots_[slot].sent_us = 0;
            free(slot);
        }
    }
    [[nodiscard]] bool is_idle() const {
        return std::all_of(slots_.begin(), slots_.end(), [](const Slot& s) { return s.sent_us == 0; });
    }

  private:
    struct Slot {
        Kind kind = kConnect;
        std::uint32_t generation = 0;
        std::uint64_t sent_us = 0;
        Bytes bytes;
    };
    void get_id() {
        Bytes connect(16, 0);
        put64(connect.data(), 0x41727101980);
        for (int tries = 0; tries < 200; ++tries) {
            send(fd_, connect.data(), connect.size(), 0);
            pollfd poller{fd_, POLLIN, 0};
            poll(&poller, 1, 5);
            std::uint8_t reply[16];
            if (recv(fd_, reply, sizeof reply, 0) == 16) {
                id_ = std::uint64_t{get32(reply + 8)} << 32 | get32(reply + 12);
                return;
            }
        }
        die("no answer to a connect");
    }

    int fd_ = -1;
    std::uint32_t window_;
    std::uint64_t id_ = 0;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> to_send_;
    Bytes buffers_;
};

// next(number, source, slot) asks again, or does not when there is nothing more to ask; what was lost is asked again
// where `repeats`.
template <class Next>
void run_udp(const Options& options, Result& result, bool repeats, Next&& next) {
    std::vector<UdpSource> sources;
    sources.reserve(options.sources);
    const int poll = epoll_create1(EPOLL_CLOEXEC);
    for (std::uint32_t i = 0; i < options.sources; ++i) {
        sources.emplace_back(options, i);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = i;
        epoll_ctl(poll, EPOLL_CTL_ADD, sources.back().fd(), &event);
    }
    const auto start = Clock::now();
    const auto end =
        start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
    for (std::uint32_t i = 0; i < options.sources; ++i) {
        for (std::uint32_t slot = 0; slot < options.window; ++slot) next(i, sources[i], slot);
        sources[i].flush();
    }
    std::array<epoll_event, 64> events{};
    std::uint64_t next_look = now_us() + 100'000;
    while (Clock::now() < end) {
        const int ready = epoll_wait(poll, events.data(), static_cast<int>(events.size()), 50);
        for (int i = 0; i < ready; ++i) {
            const std::uint32_t number = events[static_cast<std::size_t>(i)].data.u32;
            sources[number].receive(result, [&](std::uint32_t slot) { next(number, sources[number], slot); });
            sources[number].flush();
        }
        if (now_us() < next_look) continue;
        next_look = now_us() + 100'000;
        bool idle = true;
        for (std::uint32_t i = 0; i < options.sources; ++i) {
            sources[i].give_up_old(result, [&](std::uint32_t slot) {
                if (repeats) {
                    sources[i].ask_again(slot);
                } else {
                    next(i, sources[i], slot);
                }
            });
            sources[i].flush();
            idle = idle && sources[i].is_idle();
        }
        if (idle) break;
    }
    result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
}

// `connections` requests under way, each on a connection of its own, or one after the other on the same.
class HttpLoad {
  public:
    HttpLoad(const Options& options, Plan& plan, Result& result) : options_(options), plan_(plan), result_(result) {
        poll_ = epoll_create1(EPOLL_CLOEXEC);
        connections_.resize(options.window);
    }
    void run() {
        const auto start = Clock::now();
        const auto end =
            start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.seconds));
        for (std::uint32_t i = 0; i < options_.window; ++i) open(i);
        std::array<epoll_event, 64> events{};
        while (Clock::now() < end) {
            const int ready = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), 50);
            for (int i = 0; i < ready; ++i) on_event(events[static_cast<std::size_t>(i)].data.u32);
        }
        result_.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    }

  private:
    struct Connection {
        int fd = -1;
        bool is_connected = false;
        Kind kind = kAnnounce;
        std::uint64_t sent_us = 0;
        std::string reply;
    };
    [[nodiscard]] bool keeps_alive() const { return options_.mode == "keepalive"; }

    void open(std::uint32_t number) {
        Connection& c = connections_[number];
        c = Connection();
        c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (c.fd < 0) die("socket");
        const int on = 1;
        setsockopt(c.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const sockaddr_in local = address(source_ip(next_source_++ % options_.sources), 0);
        if (bind(c.fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) die("bind");
        const sockaddr_in remote = address(options_.ip, options_.port);
        c.sent_us = now_us();
        if (connect(c.fd, reinterpret_cast<const sockaddr*>(&remote), sizeof remote) == 0) {
            c.is_connected = true;
            ask(c);
        } else if (errno != EINPROGRESS) {
            die("connect");
        }
        epoll_event event{};
        event.events = c.is_connected ? EPOLLIN : EPOLLOUT;
        event.data.u32 = number;
        epoll_ctl(poll_, EPOLL_CTL_ADD, c.fd, &event);
    }
    void ask(Connection& c) {
        const Planned& planned = plan_.requests[next_++ % plan_.requests.size()];
        c.kind = planned.kind;
        c.reply.clear();
        if (keeps_alive()) c.sent_us = now_us();
        std::string text = "GET ";
        text.append(planned.bytes.begin(), planned.bytes.end());
        text += " HTTP/1.1\r\nHost: tracker\r\n";
        text += keeps_alive() ? "\r\n" : "Connection: close\r\n\r\n";
        if (send(c.fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) ++result_.errors;
    }
    void on_event(std::uint32_t number) {
        Connection& c = connections_[number];
        if (!c.is_connected) {
            c.is_connected = true;
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u32 = number;
            epoll_ctl(poll_, EPOLL_CTL_MOD, c.fd, &event);
            return ask(c);
        }
        char buffer[16'384];
        const ssize_t n = recv(c.fd, buffer, sizeof buffer, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n > 0) c.reply.append(buffer, static_cast<std::size_t>(n));
        if (n > 0 && !is_complete(c.reply)) return;
        finish(c);
        if (n <= 0 || !keeps_alive()) {
            close(c.fd);
            open(number);
        } else {
            ask(c);
        }
    }
    [[nodiscard]] static bool is_complete(const std::string& reply) {
        const std::size_t body = reply.find("\r\n\r\n");
        if (body == std::string::npos) return false;
        std::size_t at = reply.find("Content-Length: ");
        if (at == std::string::npos || at > body) at = reply.find("content-length: ");
        if (at == std::string::npos || at > body) return false;  // until the other side closes
        return reply.size() >= body + 4 + std::strtoul(reply.c_str() + at + 16, nullptr, 10);
    }
    void finish(Connection& c) {
        const std::size_t body = c.reply.find("\r\n\r\n");
        const bool is_good = body != std::string::npos && c.reply.find(" 200 ") < 16 &&
                             c.reply.find("14:failure reason") == std::string::npos && c.reply.size() > body + 4;
        if (!is_good) {
            ++result_.errors;
            return;
        }
        result_.count(c.kind);
        result_.latencies_us.push_back(static_cast<std::uint32_t>(now_us() - c.sent_us));
    }

    const Options& options_;
    Plan& plan_;
    Result& result_;
    int poll_ = -1;
    std::vector<Connection> connections_;
    std::size_t next_ = 0;
    std::uint32_t next_source_ = 0;
};

Options parse(int argc, char** argv) {
    Options o;
    std::map<std::string, std::uint32_t*> numbers{{"--torrents", &o.torrents},   {"--peers", &o.peers},
                                                  {"--sources", &o.sources},     {"--window", &o.window},
                                                  {"--numwant", &o.numwant},     {"--connects", &o.connects},
                                                  {"--announces", &o.announces}, {"--scrapes", &o.scrapes}};
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = argv[i];
        const std::string value = argv[i + 1];
        if (numbers.contains(name)) {
            *numbers[name] = static_cast<std::uint32_t>(std::stoul(value));
        } else if (name == "--mode") {
            o.mode = value;
        } else if (name == "--to") {
            o.ip = value.substr(0, value.find(':'));
            o.port = static_cast<std::uint16_t>(std::stoul(value.substr(value.find(':') + 1)));
        } else if (name == "--seconds") {
            o.seconds = std::stod(value);
        } else if (name == "--rng-seed") {
            o.rng_seed = std::stoull(value);
        } else if (name == "--hashes") {
            o.hashes = value;
        } else {
            std::fprintf(stderr, "tracker_load: unknown option %s\n", name.c_str());
            std::exit(2);
        }
    }
    return o;
}

void write_hashes(const Options& options) {
    std::FILE* out = std::fopen(options.hashes.c_str(), "w");
    if (out == nullptr) die(options.hashes);
    for (std::uint32_t i = 0; i < options.torrents; ++i) {
        std::uint8_t hash[20];
        info_hash(options.rng_seed, i, hash);
        for (const std::uint8_t byte : hash) std::fprintf(out, "%02x", static_cast<unsigned>(byte));
        std::fputc('\n', out);
    }
    std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
    Options options = parse(argc, argv);
    if (!options.hashes.empty()) {
        write_hashes(options);
        return 0;
    }
    Result result;
    result.latencies_us.reserve(1 << 20);
    if (options.mode == "udp") {
        const Plan plan(options);
        std::size_t at = 0;
        run_udp(options, result, false, [&](std::uint32_t, UdpSource& source, std::uint32_t slot) {
            const Planned& planned = plan.requests[at++ % plan.requests.size()];
            source.ask(slot, planned.kind, planned.bytes);
        });
    } else if (options.mode == "fill") {
        Options nothing = options;
        nothing.mode = "udp";
        Plan plan(nothing);
        std::vector<std::uint32_t> done(options.sources);
        // Torrent by torrent would be kind to an allocator; this goes round and round.
        std::uint32_t at = 0;
        run_udp(options, result, true, [&](std::uint32_t number, UdpSource& source, std::uint32_t slot) {
            if (at == options.peers) return;
            const std::uint32_t peer = at++;
            source.ask(slot, kAnnounce,
                       plan.announce(peer % options.torrents,
                                     static_cast<std::uint16_t>(1024 + done[number]++ % 60'000), peer % 4 != 0, 0));
        });
    } else {
        Plan plan(options);
        HttpLoad(options, plan, result).run();
    }
    result.print();
}
