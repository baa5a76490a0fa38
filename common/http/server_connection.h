#pragma once

// Server side of one HTTP connection, as a machine: requests out of bytes, responses into bytes, keep-alive and
// pipelining in order. Bodies of requests are read and dropped (limit 64 KiB).
// Limits: head 8 KiB, target 4 KiB -> the machine answers 431 or 414 itself and closes; what is not HTTP gets 400 and
// a close, a body over the limit 413 and a close. Requests that arrive while one waits for its response are held as
// bytes, up to kMaxHeldInput: what comes beyond is dropped and the connection closes behind that response. The owner
// bounds the output: when output() has grown large, it polls no further until that is sent.
// Time to send a head (5 s) and idle time (30 s) are the owner's to enforce through
// next_deadline/on_deadline: half a request gets 408, an idle connection just closes; a body has 30 s. While a request
// waits for its response there is no deadline. Output that is still unsent at a deadline behind the close is dropped.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/output_queue.h"
#include "common/base/time.h"

namespace bt::http {

inline constexpr std::size_t kMaxRequestHead = 8 * 1024;
inline constexpr std::size_t kMaxRequestTarget = 4 * 1024;
inline constexpr std::size_t kMaxRequestBody = 64 * 1024;
inline constexpr std::size_t kMaxHeldInput = 256 * 1024;  // bytes of requests behind the one being answered
inline constexpr Duration kRequestHeadTimeout = seconds(5);
inline constexpr Duration kIdleTimeout = seconds(30);

struct Request {
    std::string method;
    std::string target;  // path[?query], as sent
    bool keep_alive = false;
    std::string head{};  // the whole head as it came, when keep_heads() asked for it

    [[nodiscard]] std::string_view path() const;
    [[nodiscard]] std::string_view query() const;  // without '?', empty if none
};

class ServerConnection {
  public:
    explicit ServerConnection(TimePoint now);
    ~ServerConnection();

    void receive(ByteView bytes, TimePoint now);
    // Next complete request that has no response yet; answer it with respond() before asking for another.
    [[nodiscard]] std::optional<Request> poll_request();
    void respond(int status, std::string_view content_type, ByteView body, TimePoint now);
    // In place of respond(): the owner has put a response of its own into output(). Closes behind it, unless keep_alive
    // is wanted and the request allows it.
    void end_response(bool keep_alive, TimePoint now);
    // True when respond() would close the connection behind the response that is due.
    [[nodiscard]] bool will_close() const;
    // From the next request on.
    void keep_heads();

    [[nodiscard]] OutputQueue& output();
    // Close once the output is empty.
    [[nodiscard]] bool wants_close() const;

    [[nodiscard]] TimePoint next_deadline() const;
    void on_deadline(TimePoint now);  // then wants_close()

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The head that respond() writes, up to and with the empty line.
[[nodiscard]] std::string response_head(int status, std::string_view content_type, std::uint64_t content_length,
                                        bool keep_alive);
[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace bt::http
