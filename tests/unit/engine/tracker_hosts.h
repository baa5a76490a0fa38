#pragma once

// Trackers in a simulated world that answer as a test says, and an announcer that asks them.

#include "common/engine/announcer.h"
#include "common/env/secure_stream.h"
#include "common/wire/udp_tracker.h"
#include "tests/unit/engine/support.h"

namespace bt::test {

inline constexpr std::uint16_t kHttp = 6969;
inline constexpr std::uint16_t kUdp = 6970;

inline std::string ok(std::string_view body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
inline std::string one_minute() {
    std::string body = "d8:intervali60e12:min intervali10e5:peers6:";
    body += std::string("\x0a\x00\x00\x09\x1a\xe1", 6) + "e";
    return ok(body);
}

// Answers each connection with what `answer` says to its request; nothing said: never.
class HttpHost {
  public:
    struct Asked {
        TimePoint time;
        std::string path;
        std::string query;
        [[nodiscard]] bool has(std::string_view what) const { return query.find(what) != std::string::npos; }
    };
    using Answer = std::function<std::optional<std::string>(const Asked&)>;

    // With a TLS context it speaks https.
    HttpHost(World& world, Byte host, Answer answer, crypto::TlsServerContext* tls = nullptr)
        : env_(world.add_host("tracker-" + std::to_string(host), at(host).address)),
          answer_(std::move(answer)),
          tls_(tls) {
        open();
    }
    void open() {
        auto listening = env_.listen({env_.address(), kHttp}, [this](std::unique_ptr<env::Stream> stream) {
            if (tls_ != nullptr) stream = std::make_unique<env::SecureStream>(std::move(stream), *tls_);
            clients_.push_back(std::make_unique<Client>(*this, std::move(stream)));
        });
        listener_ = std::move(listening).value();
    }
    void shut() { listener_.reset(); }
    [[nodiscard]] SimEnv& env() { return env_; }
    std::vector<Asked> asked;
    bool hangs_up = false;  // after the answer

  private:
    struct Client final : env::StreamHandler {
        Client(HttpHost& owner, std::unique_ptr<env::Stream> s) : host(owner), stream(std::move(s)) {
            stream->set_handler(this);
        }
        void on_connected() override {}
        void on_writable() override { stream->send(output); }
        void on_closed(const Error&) override { stream.reset(); }
        void on_received(MutableByteView bytes) override {
            text += std::string(bytes.begin(), bytes.end());
            if (text.find("\r\n\r\n") == std::string::npos) return;
            const auto space = text.find(' ');
            const std::string target = text.substr(space + 1, text.find(' ', space + 1) - space - 1);
            const auto mark = target.find('?');
            host.asked.push_back(
                {host.env_.now(), target.substr(0, mark), mark == std::string::npos ? "" : target.substr(mark + 1)});
            text.clear();
            const auto answer = host.answer_(host.asked.back());
            if (!answer) return;
            output.append_bytes(to_buffer(as_bytes(*answer)));
            stream->send(output);
            if (host.hangs_up) stream.reset();
        }
        HttpHost& host;
        std::unique_ptr<env::Stream> stream;
        OutputQueue output;
        std::string text;
    };

    SimEnv& env_;
    Answer answer_;
    crypto::TlsServerContext* tls_;
    std::unique_ptr<env::Listener> listener_;
    std::vector<std::unique_ptr<Client>> clients_;
};

// Gives everybody the same connection id; what else it answers, the test says. Nothing said: silence.
class UdpHost final : public env::DatagramHandler {
  public:
    struct Asked {
        TimePoint time;
        wire::UdpRequest request;
        Endpoint from;
        [[nodiscard]] const wire::UdpAnnounceRequest* announce() const {
            return std::get_if<wire::UdpAnnounceRequest>(&request.body);
        }
    };
    using Body = std::optional<decltype(wire::UdpReply::body)>;
    using Answer = std::function<Body(const Asked&)>;
    static constexpr std::uint64_t kConnectionId = 0x1122334455667788;

    UdpHost(World& world, const Endpoint& local, Answer answer)
        : env_(world.add_host("udp-" + local.to_string(), local.address)), answer_(std::move(answer)) {
        open(local);
    }
    void open(const Endpoint& local) { socket_ = env_.open_datagram(local, *this).value(); }
    void shut() { socket_.reset(); }
    void send(ByteView bytes, const Endpoint& to) { CHECK(socket_->send_to(bytes, to)); }
    [[nodiscard]] SimEnv& env() { return env_; }

    std::vector<Asked> asked;  // without the connects
    std::vector<Asked> connects;
    std::uint32_t wrong_ids = 0;  // added to the transaction id of the next so many replies

  private:
    void on_datagram(MutableByteView bytes, const Endpoint& from) override {
        const auto request = wire::parse_udp_request(bytes);
        REQUIRE(request);
        const Asked now{env_.now(), *request, from};
        Body body;
        if (std::holds_alternative<wire::UdpConnectRequest>(request->body)) {
            connects.push_back(now);
            body = wire::UdpConnectReply{kConnectionId};
        } else {
            CHECK(request->connection_id == kConnectionId);
            asked.push_back(now);
            body = answer_(now);
        }
        if (!body) return;
        wire::UdpReply reply{request->transaction_id, *body};
        if (wrong_ids > 0) {
            --wrong_ids;
            ++reply.transaction_id;
        }
        send(wire::encode_udp_reply(reply, from.address.family()), from);
    }
    void on_unreachable(const Endpoint&, const Error&) override {}

    SimEnv& env_;
    Answer answer_;
    std::unique_ptr<env::Datagram> socket_;
};

inline UdpHost::Body udp_minute() { return wire::UdpAnnounceReply{60, 1, 2, {at(9)}}; }

struct Client final : engine::AnnouncerHost {
    using Change = std::function<void(engine::TrackerContext&, engine::AnnouncerSettings&)>;

    Client(World& world, std::vector<std::vector<std::string>> tiers, const Change& change = {})
        : env(world.add_host("client", at(1).address)), announcer(make(std::move(tiers), change)) {}

    engine::Announcer make(std::vector<std::vector<std::string>> tiers, const Change& change) {
        engine::TrackerContext context{.env = &env};
        engine::AnnouncerSettings settings{.tiers = std::move(tiers),
                                           .tracker = {.interval_floor = seconds(5)},
                                           .routes = {{at(1).address, std::nullopt}}};
        if (change) change(context, settings);
        return engine::Announcer(context, *this, std::move(settings), telemetry::Telemetry{}, Rng(4));
    }

    wire::AnnounceRequest announce_request() const override {
        wire::AnnounceRequest request;
        request.port = 6881;
        request.left = 1000;
        request.compact = true;
        request.numwant = 50;
        return request;
    }
    void on_tracker_peers(const std::vector<wire::AnnouncePeer>& found) override {
        ++answers;
        for (const auto& peer : found) peers.push_back(peer.endpoint);
    }
    void on_tracker_failed(const Error& error) override { failures.push_back({env.now(), error}); }
    void on_external_address(const Address& address) override { external = address; }
    void on_announcer_finished() override {
        ++finished;
        finished_at = env.now();
    }

    SimEnv& env;
    std::vector<Endpoint> peers;
    std::vector<std::pair<TimePoint, Error>> failures;
    int answers = 0;
    int finished = 0;
    TimePoint finished_at{};
    std::optional<Address> external;
    engine::Announcer announcer;
};

inline std::vector<std::vector<std::string>> at_tracker(Byte host = 2) {
    return {{"http://10.0.0." + std::to_string(host) + ":6969/announce"}};
}

}  // namespace bt::test
