// HTTP client exchange and URLs: the outcome does not depend on how the response was cut; a Location resolves to a URL
// that is its own canonical form. Input: number of part sizes, the part sizes (used in turn), the response.

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/base/check.h"
#include "common/http/client_exchange.h"

using bt::http::ClientExchange;
using bt::http::Url;

namespace {

struct Outcome {
    std::optional<bt::http::Response> response;
    std::optional<bt::ErrorCode> error;
};

const Url& base() {
    static const Url url = Url::parse("http://127.0.0.1:6969/announce").value();
    return url;
}

Outcome run(bt::ByteView stream, bt::ByteView sizes) {
    Outcome outcome;
    ClientExchange client(base(), "fuzz");
    bt::Status status;
    for (std::size_t turn = 0; !stream.empty() && status; ++turn) {
        std::size_t size = stream.size();
        if (!sizes.empty()) size = std::min<std::size_t>(size, 1u + sizes[turn % sizes.size()]);
        const bt::ByteBuffer part = bt::to_buffer(stream.first(size));
        stream = stream.subspan(size);
        status = client.receive(part);
    }
    if (status) status = client.on_end();
    if (!status) outcome.error = status.error().code;
    if (client.response() != nullptr) outcome.response = *client.response();
    BT_CHECK(outcome.error.has_value() != outcome.response.has_value());
    return outcome;
}

void check_url(const bt::Result<Url>& url) {
    if (!url) return;
    const auto again = Url::parse(url->to_string());
    BT_CHECK(again.has_value() && again->to_string() == url->to_string());
    BT_CHECK(again->host == url->host && again->port == url->port && again->target == url->target);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const bt::ByteView input(data, size);
    const std::size_t count = std::min<std::size_t>(input[0], size - 1);
    const bt::ByteView stream = input.subspan(1 + count);
    const Outcome whole = run(stream, {});
    const Outcome cut = run(stream, input.subspan(1, count));
    BT_CHECK(cut.error == whole.error);
    if (whole.response) {
        BT_CHECK(cut.response->status == whole.response->status);
        BT_CHECK(cut.response->body == whole.response->body && cut.response->location == whole.response->location);
        check_url(base().resolve(whole.response->location));
    }
    check_url(Url::parse(bt::as_text(stream)));
    return 0;
}
