#include "common/net/uv_stream.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/check.h"
#include "common/net/send_gather.h"

namespace bt::net {

namespace {

constexpr std::size_t kLeastFileBytesPerSend = 4 * kBlockSize;

}  // namespace

UvStream::UvStream(UvLoop& loop, UvDisk& disk, const Endpoint& remote, const std::optional<Endpoint>& source)
    : loop_(loop), disk_(disk), remote_(remote), file_bytes_per_send_(kLeastFileBytesPerSend), deferred_(loop, [this] {
          on_deferred();
      }) {
    auto fd = start_connect(remote, source);
    if (!fd) {
        fail_later(std::move(fd).error());
        return;
    }
    fd_ = std::move(*fd);
    set_no_delay(fd_.get());
    start_watching();
}

UvStream::UvStream(UvLoop& loop, UvDisk& disk, Fd accepted, const Endpoint& remote)
    : loop_(loop),
      disk_(disk),
      fd_(std::move(accepted)),
      remote_(remote),
      state_(State::Open),
      file_bytes_per_send_(kLeastFileBytesPerSend),
      deferred_(loop, [this] { on_deferred(); }) {
    // Most who are accepted have said something by the next turn. Where that is all they say, as with one request to a
    // tracker, the socket is never watched at all.
    is_fresh_ = true;
    deferred_.schedule();
}

UvStream::~UvStream() {
    poller_.reset();
    if (resets_on_close_ && state_ == State::Open) {
        constexpr linger kCut = {1, 0};
        setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &kCut, sizeof kCut);
        return;
    }
    // MSG_TRUNC: dropped by the kernel, not copied. Once is enough for what was on its way to us. Inside the callback
    // of a read that emptied the socket there is nothing to drop.
    if (state_ == State::Open && !is_drained_) recv(fd_.get(), nullptr, kReadPerTurn, MSG_TRUNC | MSG_DONTWAIT);
}

void UvStream::start_watching() {
    poller_ = std::make_unique<Poller>(loop_, fd_.get(), this, [](void* owner, int status, int events) {
        static_cast<UvStream*>(owner)->on_event(status, events);
    });
    if (poller_->error() != 0) {
        fail_later(socket_error(poller_->error(), "watch a socket"));
        return;
    }
    update_watch();
}

void UvStream::update_watch() {
    if (!poller_) return;
    int events = 0;
    if (state_ == State::Connecting) events = UV_WRITABLE;
    if (state_ == State::Open && !socket_failed_) {
        events = (paused_ ? 0 : UV_READABLE) | (waits_for_room_ ? UV_WRITABLE : 0);
    }
    poller_->watch(events);
}

void UvStream::on_event(int status, int events) {
    if (state_ == State::Connecting) {
        on_connect_event();
        return;
    }
    if (state_ != State::Open) return;
    // libuv stops watching a socket in error; what was received before is still to be had.
    if (status < 0) socket_failed_ = true;
    if (waits_for_room_ && (socket_failed_ || (events & UV_WRITABLE) != 0)) {
        waits_for_room_ = false;
        if (!become_writable()) return;
    }
    if (!paused_ && (socket_failed_ || (events & UV_READABLE) != 0)) receive(socket_failed_);
}

void UvStream::on_connect_event() {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        close_with(socket_error(error, "connect to " + remote_.to_string()));
        return;
    }
    state_ = State::Open;
    update_watch();
    BT_CHECK(handler_);
    handler_->on_connected();
}

bool UvStream::become_writable() {
    const Lifetime::Watch watch(lifetime_);
    BT_CHECK(handler_);
    handler_->on_writable();
    if (watch.is_over()) return false;
    update_watch();
    return state_ == State::Open;
}

void UvStream::receive(bool to_the_end) {
    const Lifetime::Watch watch(lifetime_);
    const MutableByteView buffer = loop_.receive_buffer();
    std::size_t received = 0;
    while (to_the_end || received < kReadPerTurn) {
        const std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), may_read_));
        const ssize_t n = recv(fd_.get(), buffer.data(), room, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {
            if (to_the_end) close_with(error_of_socket());
            return;
        }
        if (n < 0) {
            close_with(state_ == State::Failing ? failure_
                                                : socket_error(errno, "receive from " + remote_.to_string()));
            return;
        }
        if (n == 0) {
            const Error end = remote_error(ErrorCode::EndOfStream, remote_.to_string() + " closed the connection");
            close_with(state_ == State::Failing ? failure_ : end);
            return;
        }
        BT_CHECK(handler_);
        const auto size = static_cast<std::size_t>(n);
        if (may_read_ != UINT64_MAX && (may_read_ -= size) == 0) pause_reading();
        is_drained_ = size < room;
        handler_->on_received(buffer.first(size));
        if (watch.is_over()) return;
        is_drained_ = false;
        if (paused_ && state_ == State::Failing) deferred_.schedule();
        if (paused_ || (state_ != State::Open && !to_the_end)) return;
        // A short read has emptied the socket; the next one would only say so.
        if (!to_the_end && size < room) return;
        received += size;
    }
}

void UvStream::send(OutputQueue& queue, std::uint64_t max_bytes) {
    if (state_ != State::Open || waits_for_room_ || waits_for_device_) return;
    while (!queue.empty() && max_bytes > 0) {
        SendGather gather(disk_, loop_.send_buffer().first(file_bytes_per_send_), device_answered_);
        device_answered_ = false;
        gather.fill(queue, max_bytes);
        if (gather.size() == 0) {
            BT_CHECK(gather.obstacle());
            meet_obstacle(*gather.obstacle(), queue);
            return;
        }
        msghdr message{};
        message.msg_iov = gather.parts();
        message.msg_iovlen = gather.part_count();
        // One packet with the end on it, and one to be acknowledged, where there were two.
        const int more = closes_behind_queue_ ? MSG_MORE : 0;
        const ssize_t n = sendmsg(fd_.get(), &message, MSG_NOSIGNAL | more);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) {
            fail_later(socket_error(errno, "send to " + remote_.to_string()));
            return;
        }
        const std::size_t sent = n < 0 ? 0 : static_cast<std::size_t>(n);
        queue.mark_sent(sent);
        max_bytes -= sent;
        if (sent < gather.size()) {
            // What was read and not taken is read again next time; so read no more than was taken.
            file_bytes_per_send_ = std::clamp(sent, kLeastFileBytesPerSend, loop_.send_buffer().size());
            waits_for_room_ = true;
            update_watch();
            return;
        }
        file_bytes_per_send_ = std::min(file_bytes_per_send_ * 2, loop_.send_buffer().size());
    }
}

void UvStream::take(OutputQueue& queue, std::uint64_t max_bytes, ByteBuffer& into) {
    if (state_ != State::Open || waits_for_device_ || queue.empty() || max_bytes == 0) return;
    SendGather gather(disk_, loop_.send_buffer(), device_answered_);
    device_answered_ = false;
    gather.fill(queue, max_bytes);
    if (gather.size() == 0) {
        BT_CHECK(gather.obstacle());
        meet_obstacle(*gather.obstacle(), queue);
        return;
    }
    for (std::size_t i = 0; i < gather.part_count(); ++i) {
        const iovec& part = gather.parts()[i];
        append(into, ByteView(static_cast<const Byte*>(part.iov_base), part.iov_len));
    }
    queue.mark_sent(gather.size());
}

void UvStream::meet_obstacle(const Error& obstacle, const OutputQueue& queue) {
    if (obstacle.code == ErrorCode::LimitReached) {
        wait_for_device(std::get<FileRange>(queue.segment(0)));
    } else {
        fail_later({ErrorCode::DiskError, Fault::System, obstacle.detail, std::nullopt});
    }
}

void UvStream::wait_for_device(const FileRange& range) {
    waits_for_device_ = true;
    FileRange part = range;
    part.length = loop_.send_buffer().size();  // blocks are asked for in order: the next ones come along
    disk_.warm(part, [this, watch = Lifetime::Watch(lifetime_)] {
        if (watch.is_over() || state_ != State::Open) return;
        waits_for_device_ = false;
        device_answered_ = true;
        become_writable();
    });
}

void UvStream::pause_reading() {
    paused_ = true;
    update_watch();
}

void UvStream::resume_reading(std::uint64_t max_bytes) {
    may_read_ = max_bytes;
    paused_ = max_bytes == 0;
    if (socket_failed_ && state_ == State::Open && !paused_) deferred_.schedule();
    update_watch();
}

void UvStream::fail_later(Error error) {
    if (state_ == State::Failing || state_ == State::Closed) return;
    failure_ = std::move(error);
    // What was received before a failed send is delivered first.
    socket_failed_ = state_ == State::Open && failure_.code != ErrorCode::DiskError;
    state_ = State::Failing;
    update_watch();
    deferred_.schedule();
}

void UvStream::begin_accepted() {
    if (!paused_) {
        const Lifetime::Watch watch(lifetime_);
        receive(false);
        if (watch.is_over()) return;
    }
    if (state_ == State::Open) start_watching();
}

void UvStream::on_deferred() {
    if (std::exchange(is_fresh_, false) && state_ == State::Open) return begin_accepted();
    if (state_ == State::Open && socket_failed_ && !paused_) {
        receive(true);
        return;
    }
    if (state_ != State::Failing) return;
    if (socket_failed_ && !paused_) {
        receive(true);
    } else {
        close_with(failure_);
    }
}

void UvStream::close_with(const Error& error) {
    state_ = State::Closed;
    poller_.reset();
    BT_CHECK(handler_);
    const Error copy = error;  // the callback may destroy us
    handler_->on_closed(copy);
}

Error UvStream::error_of_socket() const {
    if (state_ == State::Failing) return failure_;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return socket_error(error != 0 ? error : ECONNRESET, "connection with " + remote_.to_string());
}

}  // namespace bt::net
