#include "lab/relay.h"

#include <algorithm>

namespace bt::lab {

// One side of a connection: its stream, and what is on its way to it from the other side.
class Relay::End final : public env::StreamHandler {
  public:
    End(Pipe& pipe, std::size_t node, LossDraw loss) : node_(node), loss_(loss), pipe_(pipe) {}

    void take(std::unique_ptr<env::Stream> stream, bool connected) {
        stream_ = std::move(stream);
        stream_->set_handler(this);
        connected_ = connected;
    }
    void on_connected() override { connected_ = true; }
    void on_received(MutableByteView bytes) override;
    void on_writable() override;
    void on_closed(const Error& error) override;

    struct Chunk {
        TimePoint due;
        ByteBuffer bytes;
    };
    std::size_t node_;
    LossDraw loss_;  // of what comes to it
    std::unique_ptr<env::Stream> stream_;
    bool connected_ = false;
    bool ended_ = false;   // closed by its own side
    bool paused_ = false;  // not read: the other side has enough
    std::deque<Chunk> coming_;
    std::uint64_t coming_size_ = 0;
    OutputQueue output_;

  private:
    Pipe& pipe_;
};

class Relay::Pipe {
  public:
    Pipe(Relay& relay, std::size_t from, std::size_t to)
        : relay_(relay),
          dialer_(*this, from, relay.loss_draw(to, from)),
          target_(*this, to, relay.loss_draw(from, to)) {}

    void begin(std::unique_ptr<env::Stream> accepted, std::uint16_t port) {
        port_ = port;
        dialer_.take(std::move(accepted), true);
        move();
    }
    // Brings on what is due. False: nothing waits for time.
    bool move();
    [[nodiscard]] bool is_dead() const { return dead_; }
    void on_bytes(End& from, ByteView bytes);

  private:
    friend class End;
    void dial();
    bool forward(End& from, End& to);
    End& other(const End& end) { return &end == &dialer_ ? target_ : dialer_; }

    Relay& relay_;
    End dialer_, target_;
    std::uint16_t port_ = 0;
    bool dead_ = false;
};

void Relay::End::on_received(MutableByteView bytes) { pipe_.on_bytes(*this, bytes); }

void Relay::End::on_writable() {
    stream_->send(output_);
    pipe_.relay_.wake();
}

void Relay::End::on_closed(const Error&) {
    ended_ = true;
    stream_.reset();
    pipe_.relay_.wake();
}

void Relay::Pipe::on_bytes(End& from, ByteView bytes) {
    End& to = other(from);
    TimePoint due = relay_.env_.now() + relay_.delay(from.node_, to.node_);
    if (const int lost = to.loss_.next(bytes.size()); lost > 0) {
        due += LossDraw::stall(lost, relay_.round_trip(from.node_, to.node_));
    }
    if (!to.coming_.empty()) due = std::max(due, to.coming_.back().due);  // never reordered
    to.coming_.push_back({due, to_buffer(bytes)});
    to.coming_size_ += bytes.size();
    if (to.coming_size_ + to.output_.size() >= kBuffer) {
        from.stream_->pause_reading();
        from.paused_ = true;
    }
    relay_.wake();
}

void Relay::Pipe::dial() {
    const RelayNode& from = relay_.nodes_[dialer_.node_];
    const RelayNode& to = relay_.nodes_[target_.node_];
    target_.take(relay_.env_.connect({to.hidden, port_}, Endpoint{from.open, 0}), false);
}

bool Relay::Pipe::forward(End& from, End& to) {
    const TimePoint now = relay_.env_.now();
    while (!to.coming_.empty() && to.coming_.front().due <= now && to.connected_) {
        ByteBuffer& bytes = to.coming_.front().bytes;
        const std::uint64_t n = std::min<std::uint64_t>(bytes.size(), relay_.allowance(from.node_, to.node_));
        if (n == 0) break;
        relay_.spend(from.node_, to.node_, n);
        to.output_.append_bytes(ByteView(bytes).first(n));
        to.coming_size_ -= n;
        if (n == bytes.size()) {
            to.coming_.pop_front();
        } else {
            bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
        }
    }
    if (to.stream_ && to.connected_ && !to.output_.empty()) to.stream_->send(to.output_);
    if (from.paused_ && from.stream_ && to.coming_size_ + to.output_.size() < kBuffer / 2) {
        from.paused_ = false;
        from.stream_->resume_reading();
    }
    return !to.coming_.empty();
}

bool Relay::Pipe::move() {
    if (dead_ || relay_.is_cut(dialer_.node_, target_.node_)) return false;
    if (!target_.stream_ && !target_.ended_) dial();
    const bool waits = static_cast<int>(forward(dialer_, target_)) + static_cast<int>(forward(target_, dialer_)) > 0;
    // A side that ended takes the other with it once all that it sent has arrived there.
    for (End* end : {&dialer_, &target_}) {
        const End& to = other(*end);
        if (end->ended_ && (to.ended_ || (to.coming_.empty() && to.output_.empty()))) dead_ = true;
    }
    return waits;
}

Relay::Relay(env::Env& env, std::vector<RelayNode> nodes, Rng rng)
    : env_(env),
      nodes_(std::move(nodes)),
      up_(nodes_.size()),
      down_(nodes_.size()),
      timer_(env.make_timer([this] { tick(); })),
      rng_(rng),
      loss_rng_(rng.fork(1)) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        by_hidden_[nodes_[i].hidden] = i;
        set_rates(i, nodes_[i].link.rate);
    }
}

Relay::~Relay() = default;

Status Relay::open(std::size_t node, std::uint16_t port) {
    if (listeners_.contains(node)) return {};
    BT_TRY_ASSIGN(listeners_[node], env_.listen({nodes_[node].open, port}, [this, node, port](auto stream) {
        on_accept(node, port, std::move(stream));
    }));
    return {};
}

void Relay::on_accept(std::size_t node, std::uint16_t port, std::unique_ptr<env::Stream> stream) {
    const auto from = by_hidden_.find(stream->remote_endpoint().address);
    if (from == by_hidden_.end()) return;  // nobody of this swarm
    pipes_.push_back(std::make_unique<Pipe>(*this, from->second, node));
    pipes_.back()->begin(std::move(stream), port);
    wake();
}

void Relay::set_cut(std::size_t a, std::size_t b, bool cut) {
    const auto link = std::minmax(a, b);
    cut ? void(cut_.insert(link)) : void(cut_.erase(link));
    wake();
}

bool Relay::is_cut(std::size_t a, std::size_t b) const { return cut_.contains(std::minmax(a, b)); }

void Relay::set_rates(std::size_t node, const RateLimits& rates) {
    up_[node].rate = rates.upload.value_or(up_[node].rate);
    down_[node].rate = rates.download.value_or(down_[node].rate);
}

Duration Relay::delay(std::size_t from, std::size_t to) {
    const Duration jitter = nodes_[from].link.jitter + nodes_[to].link.jitter;
    const Duration fixed = nodes_[from].link.delay + nodes_[to].link.delay;
    if (jitter <= Duration::zero()) return fixed;
    return fixed + Duration(static_cast<Duration::rep>(rng_.below(static_cast<std::uint64_t>(jitter.count()) + 1)));
}

// The n-th connection of two nodes draws the same in every run.
LossDraw Relay::loss_draw(std::size_t from, std::size_t to) {
    const std::uint64_t number = drawn_[{from, to}]++;
    Rng base = loss_rng_;
    Rng link = base.fork(from * kMaxNodes + to);
    return {LossDraw::together(nodes_[from].link.loss, nodes_[to].link.loss), link.fork(number)};
}

Duration Relay::round_trip(std::size_t a, std::size_t b) const {
    const Link& first = nodes_[a].link;
    const Link& second = nodes_[b].link;
    return 2 * (first.delay + first.jitter + second.delay + second.jitter);
}

std::uint64_t Relay::allowance(std::size_t from, std::size_t to) const {
    std::uint64_t allowed = UINT64_MAX;
    for (const Bucket* bucket : {&up_[from], &down_[to]}) {
        if (bucket->rate > 0) allowed = std::min(allowed, static_cast<std::uint64_t>(std::max(0.0, bucket->tokens)));
    }
    return allowed;
}

void Relay::spend(std::size_t from, std::size_t to, std::uint64_t bytes) {
    up_[from].tokens -= static_cast<double>(bytes);
    down_[to].tokens -= static_cast<double>(bytes);
}

void Relay::wake() {
    if (std::exchange(ticking_, true)) return;
    timer_->arm(env_.now());
}

void Relay::tick() {
    const double elapsed = std::min(1.0, to_seconds(env_.now() - last_tick_));
    last_tick_ = env_.now();
    for (auto* buckets : {&up_, &down_}) {
        for (Bucket& bucket : *buckets) {
            const double most = std::max(static_cast<double>(kBurst), static_cast<double>(bucket.rate) * 0.05);
            bucket.tokens = std::min(most, bucket.tokens + elapsed * static_cast<double>(bucket.rate));
        }
    }
    ticking_ = false;
    bool waits = false;
    for (std::size_t i = 0; i < pipes_.size(); ++i) waits = pipes_[i]->move() || waits;
    std::erase_if(pipes_, [](const auto& pipe) { return pipe->is_dead(); });
    if (!waits || std::exchange(ticking_, true)) return;
    timer_->arm(env_.now() + kTick);
}

}  // namespace bt::lab
