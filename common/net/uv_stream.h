#pragma once

// TCP streams and listeners over non-blocking sockets of our own, watched with uv_poll_t: libuv's own streams allocate
// per read and cannot gather file content.
//
//  - Receiving: recv into the loop's shared buffer, at most kReadPerTurn a turn, so that one fast peer does not keep
//    the others waiting.
//  - Sending: see send_gather.h. File content that is not in memory is read by the work pool; the loop never waits for
//    a device. What is read for one call grows to 256 KiB while the socket takes it all, and shrinks with it.
//  - An accepted stream is read once before it is watched.
//  - A stream whose reading is paused learns of its end when it is resumed, or when it sends.
//  - No linger: what the kernel took is still sent after destruction. Unread input is dropped first, because closing
//    over unread bytes would reset the connection and lose what was sent last.

#include <memory>
#include <optional>

#include "common/env/env.h"
#include "common/net/lifetime.h"
#include "common/net/socket.h"
#include "common/net/uv_disk.h"
#include "common/net/uv_loop.h"
#include "common/net/uv_timer.h"

namespace bt::net {

inline constexpr std::size_t kReadPerTurn = 1u << 20;
inline constexpr int kListenBacklog = 511;

class UvStream final : public env::Stream {
  public:
    // Dials; whatever goes wrong comes as on_closed.
    UvStream(UvLoop& loop, UvDisk& disk, const Endpoint& remote, const std::optional<Endpoint>& source);
    // Of an accepted socket.
    UvStream(UvLoop& loop, UvDisk& disk, Fd accepted, const Endpoint& remote);
    ~UvStream() override;
    UvStream(const UvStream&) = delete;
    UvStream& operator=(const UvStream&) = delete;

    void set_handler(env::StreamHandler* handler) override { handler_ = handler; }
    void send(OutputQueue& queue, std::uint64_t max_bytes = UINT64_MAX) override;
    void take(OutputQueue& queue, std::uint64_t max_bytes, ByteBuffer& into) override;
    void pause_reading() override;
    void resume_reading(std::uint64_t max_bytes = UINT64_MAX) override;
    void reset_on_close() override { resets_on_close_ = true; }
    void closes_behind_queue() override { closes_behind_queue_ = true; }
    [[nodiscard]] Endpoint local_endpoint() const override { return local_endpoint_of(fd_.get()); }
    [[nodiscard]] Endpoint remote_endpoint() const override { return remote_; }

  private:
    enum class State : std::uint8_t {
        Connecting,
        Open,
        Failing,  // on_closed(failure_) is on its way
        Closed,
    };
    void start_watching();
    void update_watch();
    void on_event(int status, int events);
    void on_connect_event();
    // False when the stream was destroyed or closed by it.
    bool become_writable();
    void receive(bool to_the_end);
    void on_deferred();
    // The first turn of an accepted stream.
    void begin_accepted();
    void fail_later(Error error);
    void close_with(const Error& error);
    // The front of the queue could not be read.
    void meet_obstacle(const Error& obstacle, const OutputQueue& queue);
    void wait_for_device(const FileRange& range);
    [[nodiscard]] Error error_of_socket() const;

    UvLoop& loop_;
    UvDisk& disk_;
    env::StreamHandler* handler_ = nullptr;
    Fd fd_;
    Endpoint remote_;
    State state_ = State::Connecting;
    bool paused_ = false;
    std::uint64_t may_read_ = UINT64_MAX;  // until it pauses itself
    bool waits_for_room_ = false;
    bool waits_for_device_ = false;
    bool device_answered_ = false;  // the next read takes what it takes
    bool resets_on_close_ = false;
    bool closes_behind_queue_ = false;
    bool is_fresh_ = false;       // accepted, and not looked at yet
    bool is_drained_ = false;     // by the read whose callback is running
    bool socket_failed_ = false;  // libuv gave up watching: only receiving to the end is left
    std::size_t file_bytes_per_send_;
    Lifetime lifetime_;
    Error failure_;
    Deferred deferred_;
    std::unique_ptr<Poller> poller_;
};

class UvListener final : public env::Listener {
  public:
    [[nodiscard]] static Result<std::unique_ptr<UvListener>> listen(UvLoop& loop, UvDisk& disk, TimerQueue& timers,
                                                                    const Endpoint& local,
                                                                    env::AcceptCallback on_accept,
                                                                    bool shares_port = false);
    [[nodiscard]] Endpoint local_endpoint() const override { return local_endpoint_of(fd_.get()); }

  private:
    UvListener(UvLoop& loop, UvDisk& disk, TimerQueue& timers, Fd fd, env::AcceptCallback on_accept);
    void accept_all();

    UvLoop& loop_;
    UvDisk& disk_;
    Fd fd_;
    std::shared_ptr<env::AcceptCallback> on_accept_;
    UvTimer retry_;  // after the process ran out of descriptors
    Lifetime lifetime_;
    std::unique_ptr<Poller> poller_;
};

}  // namespace bt::net
