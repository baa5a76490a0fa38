#include "lab/probe/talk.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace bt::probe {
namespace {

using Clock = std::chrono::steady_clock;

Wait left_until(Clock::time_point end) { return std::chrono::duration_cast<Wait>(end - Clock::now()); }

bool wait_for(int fd, short events, Clock::time_point end) {
    while (true) {
        pollfd poller{fd, events, 0};
        const auto limit = std::max<Wait::rep>(0, left_until(end).count() + 1);
        const int count = ::poll(&poller, 1, static_cast<int>(limit));
        if (count > 0) return true;
        if (count == 0 || errno != EINTR) return false;
    }
}

Error timed_out(std::string what) { return remote_error(ErrorCode::TimedOut, std::move(what)); }

}  // namespace

Result<Talk> Talk::connect(const Endpoint& remote, std::optional<Address> source, Wait limit) {
    std::optional<Endpoint> from;
    if (source) from = Endpoint{*source, 0};
    BT_TRY_ASSIGN(net::Fd fd, net::start_connect(remote, from));
    if (!wait_for(fd.get(), POLLOUT, Clock::now() + limit))
        return fail(timed_out("no connection to " + remote.to_string()));
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return fail(net::socket_error(error, remote.to_string()));
    net::set_no_delay(fd.get());
    return Talk(std::move(fd));
}

Status Talk::send(ByteView bytes, Wait limit) {
    const auto end = Clock::now() + limit;
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN) {
            if (!wait_for(fd_.get(), POLLOUT, end)) return fail(timed_out("nothing is taken from us"));
        } else if (errno != EINTR) {
            return fail(net::socket_error(errno, "sending"));
        }
    }
    return {};
}

Status Talk::send(const wire::Message& message) {
    ByteBuffer bytes;
    wire::encode(message, bytes);
    return send(bytes);
}

bool Talk::read_more(Wait limit) {
    if (closed_ || limit.count() < 0 || !wait_for(fd_.get(), POLLIN, Clock::now() + limit)) return false;
    std::array<Byte, 65536> part;
    const ssize_t size = ::recv(fd_.get(), part.data(), part.size(), 0);
    if (size > 0) append(input_, ByteView(part.data(), static_cast<std::size_t>(size)));
    closed_ = size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
    return !closed_;
}

Result<wire::Handshake> Talk::hear_handshake(Wait limit) {
    const auto end = Clock::now() + limit;
    while (true) {
        BT_TRY_ASSIGN(const std::size_t taken, handshake_.receive(input_));
        input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(taken));
        if (const auto handshake = handshake_.handshake()) return *handshake;
        if (read_more(left_until(end))) continue;
        if (closed_) return fail(remote_error(ErrorCode::EndOfStream, "closed the connection"));
        if (left_until(end).count() <= 0) return fail(timed_out("no handshake"));
    }
}

Heard Talk::hear(Wait limit) {
    const auto end = Clock::now() + limit;
    while (true) {
        auto message = codec_.next();
        if (!message) return Broken{message.error().message()};
        if (*message) {
            note(**message);
            return **message;
        }
        if (input_.empty() && !read_more(left_until(end))) {
            if (closed_) return Closed{};
            if (left_until(end).count() <= 0) return Silence{};
            continue;
        }
        given_ = std::exchange(input_, {});
        codec_.begin(given_);
    }
}

ByteBuffer Talk::hear_raw(Wait limit) {
    if (input_.empty()) static_cast<void>(read_more(limit));
    return std::exchange(input_, {});
}

bool Talk::is_closed_within(Wait limit) {
    const auto end = Clock::now() + limit;
    while (true) {
        last_ = hear(left_until(end));
        if (std::holds_alternative<Closed>(last_)) return true;
        if (!std::holds_alternative<wire::Message>(last_)) return false;
    }
}

std::string Talk::outcome() const {
    if (std::holds_alternative<Closed>(last_)) return "closed the connection";
    if (const auto* broken = std::get_if<Broken>(&last_)) return "said what is no message: " + broken->why;
    return story_.empty() ? "said nothing" : "said " + story_;
}

void Talk::note(const wire::Message& message) {
    const std::string name(wire::message_name(message));
    if (story_.find(name) == std::string::npos) story_ += (story_.empty() ? "" : ", ") + name;
}

}  // namespace bt::probe
