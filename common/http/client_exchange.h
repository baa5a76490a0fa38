#pragma once

// One HTTP request and its response, as a machine (llhttp inside). No redirects here: the caller sees status and
// location and makes another exchange.
//
// receive(bytes) feeds; on_end() says the peer closed (which ends a response without length). Limits: head 16 KiB,
// body 1 MiB (a larger Content-Length is refused at once), packed and unpacked. Chunked bodies are decoded. gzip is
// asked for and unpacked as it comes; any other Content-Encoding, or two of them, is refused. Interim (1xx) responses
// are passed over; bytes behind the response are ignored. Errors: InvalidHttp or LimitReached (remote), EndOfStream
// when the peer closed in the middle. Terminal.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/http/url.h"

namespace bt::http {

inline constexpr std::size_t kMaxResponseHead = 16 * 1024;
inline constexpr std::size_t kMaxResponseBody = 1u << 20;

struct Response {
    int status = 0;
    std::string location;
    ByteBuffer body;
};

class ClientExchange {
  public:
    // GET; "Connection: close".
    ClientExchange(const Url& url, std::string_view user_agent);
    ~ClientExchange();
    ClientExchange(ClientExchange&&) noexcept;
    ClientExchange& operator=(ClientExchange&&) noexcept;

    [[nodiscard]] ByteView request_bytes() const;  // all of it; send once
    [[nodiscard]] Status receive(ByteView bytes);
    [[nodiscard]] Status on_end();
    // The whole response, once it is complete.
    [[nodiscard]] const Response* response() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace bt::http
