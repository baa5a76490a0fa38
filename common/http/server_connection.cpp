#include "common/http/server_connection.h"

#include <llhttp.h>

#include <algorithm>

#include "common/base/check.h"

namespace bt::http {

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 204:
            return "No Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        default:
            return status < 400 ? "OK" : "Error";
    }
}

std::string response_head(int status, std::string_view content_type, std::uint64_t content_length, bool keep_alive) {
    std::string head;
    head.reserve(128);
    head += "HTTP/1.1 ";
    head += std::to_string(status);
    head += ' ';
    head += reason_phrase(status);
    head += "\r\nContent-Type: ";
    head += content_type;
    head += "\r\nContent-Length: ";
    head += std::to_string(content_length);
    head += keep_alive ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\nConnection: close\r\n\r\n";
    return head;
}

std::string_view Request::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::string_view Request::query() const {
    const std::size_t mark = target.find('?');
    return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

struct ServerConnection::Impl {
    enum class Phase : std::uint8_t {
        Idle,       // no byte of a request
        Head,       // some bytes of a head
        Body,       // head complete
        Ready,      // request complete, not handed out
        Answering,  // handed out, no response yet
        Closing,
    };

    explicit Impl(TimePoint start) : now(start), phase_start(start) {}

    void receive(ByteView bytes);
    std::size_t consume(ByteView bytes);
    void consume_held();
    void hold(ByteView bytes);
    void keep_head(ByteView slice);
    void start_request();
    void enter(Phase next) {
        phase = next;
        phase_start = now;
    }
    bool is_reading() const { return phase == Phase::Idle || phase == Phase::Head || phase == Phase::Body; }
    bool is_waiting() const { return phase == Phase::Ready || phase == Phase::Answering; }
    void refuse(int status);
    void write_response(int status, std::string_view content_type, ByteView body, bool keep_alive, bool with_body);

    // Called by llhttp, through C frames: noexcept, so that nothing is thrown through those.
    int on_target(std::string_view text) noexcept;
    int on_head_complete() noexcept;
    int on_body(std::size_t size) noexcept;
    int on_message_complete() noexcept;

    static const llhttp_settings_t& settings();

    llhttp_t parser{};
    TimePoint now;
    TimePoint phase_start;
    Phase phase = Phase::Idle;
    std::size_t head_size = 0;
    std::size_t body_size = 0;
    int refusal = 400;  // status for the error that a callback reports
    Request request;
    bool is_head_request = false;
    bool close_after_response = false;
    bool keeps_heads = false;
    ByteBuffer held;  // bytes behind the request being answered, from held_at on
    std::size_t held_at = 0;
    OutputQueue output;
};

const llhttp_settings_t& ServerConnection::Impl::settings() {
    static const llhttp_settings_t table = [] {
        llhttp_settings_t s;
        llhttp_settings_init(&s);
        s.on_url = [](llhttp_t* p, const char* at, std::size_t n) {
            return static_cast<Impl*>(p->data)->on_target({at, n});
        };
        s.on_headers_complete = [](llhttp_t* p) { return static_cast<Impl*>(p->data)->on_head_complete(); };
        s.on_body = [](llhttp_t* p, const char*, std::size_t n) { return static_cast<Impl*>(p->data)->on_body(n); };
        s.on_message_complete = [](llhttp_t* p) { return static_cast<Impl*>(p->data)->on_message_complete(); };
        return s;
    }();
    return table;
}

int ServerConnection::Impl::on_target(std::string_view text) noexcept {
    if (request.target.size() + text.size() > kMaxRequestTarget) {
        refusal = 414;
        return -1;
    }
    request.target += text;
    return 0;
}

int ServerConnection::Impl::on_head_complete() noexcept {
    enter(Phase::Body);
    // An offer to switch protocols is not taken up: the request is answered as it stands.
    parser.upgrade = 0;
    if ((parser.flags & F_CONTENT_LENGTH) != 0 && parser.content_length > kMaxRequestBody) {
        refusal = 413;
        return -1;
    }
    return 0;
}

int ServerConnection::Impl::on_body(std::size_t size) noexcept {
    body_size += size;
    if (body_size <= kMaxRequestBody) return 0;
    refusal = 413;
    return -1;
}

int ServerConnection::Impl::on_message_complete() noexcept {
    const auto method = static_cast<llhttp_method_t>(llhttp_get_method(&parser));
    request.method = llhttp_method_name(method);
    request.keep_alive = llhttp_should_keep_alive(&parser) != 0;
    is_head_request = method == HTTP_HEAD;
    enter(Phase::Ready);
    return HPE_PAUSED;
}

void ServerConnection::Impl::start_request() {
    llhttp_init(&parser, HTTP_REQUEST, &settings());
    parser.data = this;
    head_size = 0;
    body_size = 0;
    refusal = 400;
    request = Request();
    enter(Phase::Head);
}

// Takes bytes up to the end of one request; answers how many.
std::size_t ServerConnection::Impl::consume(ByteView bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && is_reading()) {
        if (phase == Phase::Idle) start_request();
        // Within the head no more is fed than the head may still have, so that its limit is exact.
        ByteView slice = bytes.subspan(taken);
        if (phase == Phase::Head) slice = slice.first(std::min(slice.size(), kMaxRequestHead - head_size));
        if (slice.empty()) {
            refuse(431);
            break;
        }
        const bool in_head = phase == Phase::Head;
        const llhttp_errno_t result = llhttp_execute(&parser, as_chars(slice.data()), slice.size());
        if (in_head && keeps_heads) keep_head(slice);
        if (result == HPE_OK) {
            taken += slice.size();
            if (phase == Phase::Head) head_size += slice.size();
        } else if (phase == Phase::Ready) {
            taken += static_cast<std::size_t>(llhttp_get_error_pos(&parser) - as_chars(slice.data()));
        } else {
            refuse(refusal);
        }
    }
    return taken;
}

// Of a slice that was fed while in the head, up to where the head ended.
void ServerConnection::Impl::keep_head(ByteView slice) {
    request.head += as_text(slice);
    if (phase == Phase::Head) return;
    const std::size_t crlf = request.head.find("\r\n\r\n");
    const std::size_t lf = request.head.find("\n\n");
    if (crlf != std::string::npos && (lf == std::string::npos || crlf < lf)) {
        request.head.resize(crlf + 4);
    } else if (lf != std::string::npos) {
        request.head.resize(lf + 2);
    }
}

void ServerConnection::Impl::receive(ByteView bytes) {
    if (is_waiting()) return hold(bytes);
    const std::size_t taken = consume(bytes);
    if (is_waiting()) hold(bytes.subspan(taken));
}

void ServerConnection::Impl::hold(ByteView bytes) {
    if (close_after_response || bytes.empty()) return;
    if (held.size() - held_at + bytes.size() > kMaxHeldInput) {
        close_after_response = true;
        held = {};
        held_at = 0;
        return;
    }
    if (held_at > held.size() / 2) {
        held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(held_at));
        held_at = 0;
    }
    append(held, bytes);
}

void ServerConnection::Impl::consume_held() {
    held_at += consume(ByteView(held).subspan(held_at));
    if (held_at == held.size() || phase == Phase::Closing) {
        held.clear();
        held_at = 0;
    }
}

void ServerConnection::Impl::write_response(int status, std::string_view content_type, ByteView body, bool keep_alive,
                                            bool with_body) {
    output.append_bytes(as_bytes(response_head(status, content_type, body.size(), keep_alive)));
    if (with_body) output.append_bytes(body);
}

void ServerConnection::Impl::refuse(int status) {
    const std::string text = std::to_string(status) + " " + std::string(reason_phrase(status)) + "\n";
    write_response(status, "text/plain", as_bytes(text), false, true);
    enter(Phase::Closing);
}

ServerConnection::ServerConnection(TimePoint now) : impl_(std::make_unique<Impl>(now)) {}
ServerConnection::~ServerConnection() = default;

void ServerConnection::receive(ByteView bytes, TimePoint now) {
    impl_->now = now;
    if (impl_->phase != Impl::Phase::Closing) impl_->receive(bytes);
}

std::optional<Request> ServerConnection::poll_request() {
    if (impl_->phase != Impl::Phase::Ready) return std::nullopt;
    impl_->enter(Impl::Phase::Answering);
    // Only keep_alive is asked for again.
    const bool keep_alive = impl_->request.keep_alive;
    std::optional<Request> request(std::move(impl_->request));
    impl_->request.keep_alive = keep_alive;
    return request;
}

void ServerConnection::respond(int status, std::string_view content_type, ByteView body, TimePoint now) {
    BT_CHECK(impl_->phase == Impl::Phase::Answering);
    BT_CHECK(content_type.find_first_of("\r\n") == std::string_view::npos);
    impl_->now = now;
    const bool keep_alive = !will_close();
    impl_->write_response(status, content_type, body, keep_alive, !impl_->is_head_request);
    impl_->enter(keep_alive ? Impl::Phase::Idle : Impl::Phase::Closing);
    impl_->consume_held();
}

void ServerConnection::end_response(bool keep_alive, TimePoint now) {
    BT_CHECK(impl_->phase == Impl::Phase::Answering);
    impl_->now = now;
    impl_->enter(keep_alive && !will_close() ? Impl::Phase::Idle : Impl::Phase::Closing);
    impl_->consume_held();
}

bool ServerConnection::will_close() const { return !impl_->request.keep_alive || impl_->close_after_response; }

void ServerConnection::keep_heads() { impl_->keeps_heads = true; }

OutputQueue& ServerConnection::output() { return impl_->output; }

bool ServerConnection::wants_close() const { return impl_->phase == Impl::Phase::Closing; }

TimePoint ServerConnection::next_deadline() const {
    switch (impl_->phase) {
        case Impl::Phase::Head:
            return impl_->phase_start + kRequestHeadTimeout;
        case Impl::Phase::Idle:
        case Impl::Phase::Body:
            return impl_->phase_start + kIdleTimeout;
        case Impl::Phase::Closing:
            return impl_->output.empty() ? kNever : impl_->phase_start + kIdleTimeout;
        case Impl::Phase::Ready:
        case Impl::Phase::Answering:
            break;
    }
    return kNever;
}

void ServerConnection::on_deadline(TimePoint now) {
    if (now < next_deadline()) return;
    impl_->now = now;
    switch (impl_->phase) {
        case Impl::Phase::Head:
        case Impl::Phase::Body:
            return impl_->refuse(408);
        case Impl::Phase::Idle:
        case Impl::Phase::Closing:
            impl_->output.clear();
            return impl_->enter(Impl::Phase::Closing);
        case Impl::Phase::Ready:
        case Impl::Phase::Answering:
            break;
    }
}

}  // namespace bt::http
