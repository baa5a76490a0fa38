#pragma once

// Lines to and from another program: over a pair of pipes (our standard input and output), or a unix socket.
//
//  - Lines come as LinePipe cuts them; on_end once, when the other side has closed or what we sent is refused.
//  - What is sent waits here until the other side reads; nothing is lost, so who sends without being asked looks at
//    waiting() first.
//  - A socket's path may be longer than sockaddr_un holds. The file goes with the listener.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/net/lifetime.h"
#include "common/net/line_pipe.h"
#include "common/net/socket.h"
#include "common/net/uv_loop.h"

namespace bt::net {

class LineChannel {
  public:
    // The callbacks may destroy the channel.
    LineChannel(UvLoop& loop, Fd in, Fd out, std::function<void(std::string_view)> on_line,
                std::function<void()> on_end);
    // Over one socket.
    [[nodiscard]] static Result<std::unique_ptr<LineChannel>> over(UvLoop& loop, Fd socket,
                                                                   std::function<void(std::string_view)> on_line,
                                                                   std::function<void()> on_end);
    LineChannel(const LineChannel&) = delete;
    LineChannel& operator=(const LineChannel&) = delete;

    // The newline is added.
    void send(std::string_view line);
    [[nodiscard]] std::size_t waiting() const { return pending_.size(); }
    // Waits, for so long at most, until what was sent has gone out.
    void drain(Duration longest);

  private:
    void pump();
    void end();

    Fd out_;
    std::string pending_;
    std::function<void()> on_end_;
    std::unique_ptr<Poller> writer_;
    Deferred ended_;
    LinePipe in_;
};

class UnixListener {
  public:
    // The callback must not destroy the listener.
    [[nodiscard]] static Result<std::unique_ptr<UnixListener>> listen(UvLoop& loop, const std::string& path,
                                                                      std::function<void(Fd)> on_connection);
    ~UnixListener();
    UnixListener(const UnixListener&) = delete;
    UnixListener& operator=(const UnixListener&) = delete;

  private:
    UnixListener() = default;
    void accept_all();

    std::string path_;
    Fd fd_;
    std::function<void(Fd)> on_connection_;
    std::unique_ptr<Poller> poller_;
};

// Error: NotFound where there is no such socket, ConnectFailed where nobody listens on it.
[[nodiscard]] Result<Fd> connect_unix(const std::string& path);

// A blocking socket made of what connect_unix answers: one line out, lines in until the callback says that it was the
// last (false) or the other side closes.
[[nodiscard]] Status exchange_lines(const Fd& socket, std::string_view line,
                                    const std::function<bool(std::string_view)>& on_line);

}  // namespace bt::net
