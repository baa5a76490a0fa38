#include "common/http/client_exchange.h"

#include <llhttp.h>

#include <algorithm>

#include "common/base/check.h"
#include "common/http/gzip_decoder.h"

namespace bt::http {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [fold](char x, char y) { return fold(x) == fold(y); });
}

ByteBuffer make_request(const Url& url, std::string_view user_agent) {
    BT_CHECK(user_agent.find_first_of("\r\n") == std::string_view::npos);
    std::string text = "GET " + url.target + " HTTP/1.1\r\nHost: " + url.host_header() + "\r\nUser-Agent: ";
    text += user_agent;
    text += "\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    return to_buffer(as_bytes(text));
}

}  // namespace

struct ClientExchange::Impl {
    Impl(const Url& url, std::string_view user_agent);

    Status receive(ByteView bytes);
    Status finish();
    Status judge(llhttp_errno_t result, std::uint64_t offset);

    // Called by llhttp, through C frames: noexcept, so that nothing is thrown through those.
    int on_name(std::string_view text) noexcept;
    int on_value(std::string_view text) noexcept;
    int on_value_complete() noexcept;
    int on_head_complete() noexcept;
    int on_body(std::string_view text) noexcept;
    int on_message_complete() noexcept;
    // HPE_USER: a -1 would come back from llhttp_finish() as an llhttp_errno_t that there is none of.
    int refuse(ErrorCode code, std::string detail) noexcept {
        refusal = remote_error(code, std::move(detail));
        return HPE_USER;
    }
    int refuse_unless(const Status& status) noexcept {
        if (status) return 0;
        refusal = status.error();
        return HPE_USER;
    }

    static const llhttp_settings_t& settings();

    ByteBuffer request;
    llhttp_t parser{};
    std::size_t head_size = 0;
    std::uint64_t received = 0;
    bool in_head = true;
    bool done = false;
    std::string name;
    std::string value;
    std::size_t body_size = 0;  // as it came over the wire
    std::optional<GzipDecoder> gzip;
    Response response;
    std::optional<Error> refusal;  // from a callback
    std::optional<Error> error;
};

const llhttp_settings_t& ClientExchange::Impl::settings() {
    static const llhttp_settings_t table = [] {
        llhttp_settings_t s;
        llhttp_settings_init(&s);
        s.on_header_field = [](llhttp_t* p, const char* at, std::size_t n) {
            return static_cast<Impl*>(p->data)->on_name({at, n});
        };
        s.on_header_value = [](llhttp_t* p, const char* at, std::size_t n) {
            return static_cast<Impl*>(p->data)->on_value({at, n});
        };
        s.on_header_value_complete = [](llhttp_t* p) { return static_cast<Impl*>(p->data)->on_value_complete(); };
        s.on_headers_complete = [](llhttp_t* p) { return static_cast<Impl*>(p->data)->on_head_complete(); };
        s.on_body = [](llhttp_t* p, const char* at, std::size_t n) {
            return static_cast<Impl*>(p->data)->on_body({at, n});
        };
        s.on_message_complete = [](llhttp_t* p) { return static_cast<Impl*>(p->data)->on_message_complete(); };
        return s;
    }();
    return table;
}

ClientExchange::Impl::Impl(const Url& url, std::string_view user_agent) : request(make_request(url, user_agent)) {
    llhttp_init(&parser, HTTP_RESPONSE, &settings());
    parser.data = this;
}

int ClientExchange::Impl::on_name(std::string_view text) noexcept {
    if (in_head) name += text;
    return 0;
}

int ClientExchange::Impl::on_value(std::string_view text) noexcept {
    if (in_head) value += text;
    return 0;
}

int ClientExchange::Impl::on_value_complete() noexcept {
    if (in_head && response.location.empty() && equal_ignoring_case(name, "location")) response.location = value;
    const bool is_encoded = in_head && equal_ignoring_case(name, "content-encoding") && !value.empty() &&
                            !equal_ignoring_case(value, "identity");
    if (is_encoded) {
        const bool is_gzip = equal_ignoring_case(value, "gzip") || equal_ignoring_case(value, "x-gzip");
        if (!is_gzip || gzip) return refuse(ErrorCode::InvalidHttp, "body is encoded in a way that was not asked for");
        gzip.emplace();
    }
    name.clear();
    value.clear();
    return 0;
}

int ClientExchange::Impl::on_head_complete() noexcept {
    in_head = false;
    response.status = llhttp_get_status_code(&parser);
    if (parser.upgrade != 0) return refuse(ErrorCode::InvalidHttp, "server wants to switch protocols");
    if ((parser.flags & F_CONTENT_LENGTH) != 0 && parser.content_length > kMaxResponseBody) {
        return refuse(ErrorCode::LimitReached, "body of " + std::to_string(parser.content_length) +
                                                   " bytes, over the limit of " + std::to_string(kMaxResponseBody));
    }
    return 0;
}

int ClientExchange::Impl::on_body(std::string_view text) noexcept {
    body_size += text.size();
    if (body_size > kMaxResponseBody) {
        return refuse(ErrorCode::LimitReached, "body over the limit of " + std::to_string(kMaxResponseBody) + " bytes");
    }
    if (!gzip) {
        append(response.body, text);
        return 0;
    }
    return refuse_unless(gzip->receive(as_bytes(text), response.body, kMaxResponseBody));
}

int ClientExchange::Impl::on_message_complete() noexcept {
    if (response.status / 100 != 1) {
        if (gzip && refuse_unless(gzip->finish()) != 0) return HPE_USER;
        done = true;
        return HPE_PAUSED;
    }
    // An interim response: the real one follows. The limit of the head counts on over both.
    in_head = true;
    gzip.reset();
    response = Response();
    return 0;
}

// llhttp's answer as ours.
Status ClientExchange::Impl::judge(llhttp_errno_t result, std::uint64_t offset) {
    if (done || result == HPE_OK) return {};
    if (refusal) {
        error = std::move(refusal);
    } else {
        const char* reason = llhttp_get_error_reason(&parser);
        error = remote_error(ErrorCode::InvalidHttp, std::string("not an HTTP response: ") +
                                                         (reason != nullptr ? reason : llhttp_errno_name(result)));
    }
    error->offset = offset;
    return fail(*error);
}

Status ClientExchange::Impl::receive(ByteView bytes) {
    while (!bytes.empty() && !done) {
        // Within the head no more is fed than the head may still have, so that its limit is exact.
        const bool was_in_head = in_head;
        const ByteView slice = was_in_head ? bytes.first(std::min(bytes.size(), kMaxResponseHead - head_size)) : bytes;
        if (slice.empty()) {
            error = remote_error(ErrorCode::LimitReached,
                                 "response head over the limit of " + std::to_string(kMaxResponseHead) + " bytes",
                                 received);
            return fail(*error);
        }
        const llhttp_errno_t result = llhttp_execute(&parser, as_chars(slice.data()), slice.size());
        std::uint64_t offset = received;
        if (result != HPE_OK) {
            const char* at = llhttp_get_error_pos(&parser);
            if (at != nullptr) offset += static_cast<std::uint64_t>(at - as_chars(slice.data()));
        }
        BT_TRY(judge(result, offset));
        if (was_in_head) head_size += slice.size();
        received += slice.size();
        bytes = bytes.subspan(slice.size());
    }
    return {};
}

Status ClientExchange::Impl::finish() {
    if (done) return {};
    const bool body_ends_here = llhttp_message_needs_eof(&parser) != 0 && !in_head;
    if (body_ends_here) {
        const llhttp_errno_t result = llhttp_finish(&parser);
        BT_TRY(judge(result, received));
        if (done) return {};
    }
    error = remote_error(
        ErrorCode::EndOfStream,
        received == 0 ? "server closed without an answer" : "server closed in the middle of its answer", received);
    return fail(*error);
}

ClientExchange::ClientExchange(const Url& url, std::string_view user_agent)
    : impl_(std::make_unique<Impl>(url, user_agent)) {}
ClientExchange::~ClientExchange() = default;
ClientExchange::ClientExchange(ClientExchange&&) noexcept = default;
ClientExchange& ClientExchange::operator=(ClientExchange&&) noexcept = default;

ByteView ClientExchange::request_bytes() const { return impl_->request; }

Status ClientExchange::receive(ByteView bytes) {
    if (impl_->error) return fail(*impl_->error);
    return impl_->receive(bytes);
}

Status ClientExchange::on_end() {
    if (impl_->error) return fail(*impl_->error);
    return impl_->finish();
}

const Response* ClientExchange::response() const { return impl_->done ? &impl_->response : nullptr; }

}  // namespace bt::http
