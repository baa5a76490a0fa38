#pragma once

// Server side of one HTTP connection, as a machine: requests out of bytes, responses into bytes, keep-alive and
// pipelining in order. Bodies of requests are read and dropped (limit 64 KiB).
// Limits: head 8 KiB, target 4 KiB -> the machine answers 431 or 414 itself and closes; what is not HTTP gets 400 and
// a close. Time to send a head (5 s) and idle time (30 s) are the owner's to enforce through next_deadline/on_deadline.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/output_queue.h"
#include "common/base/time.h"

namespace bt::http {

inline constexpr Duration kRequestHeadTimeout = seconds(5);
inline constexpr Duration kIdleTimeout = seconds(30);

struct Request {
    std::string method;
    std::string target;   // path[?query], as sent
    bool keep_alive = false;

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

    [[nodiscard]] OutputQueue& output();
    // Close once the output is empty.
    [[nodiscard]] bool wants_close() const;

    [[nodiscard]] TimePoint next_deadline() const;
    void on_deadline(TimePoint now);   // then wants_close()

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace bt::http
