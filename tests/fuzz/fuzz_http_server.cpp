// HTTP server connection: requests, responses and the close do not depend on how the bytes were cut.
// Input: number of part sizes, the part sizes (used in turn), the stream.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/http/server_connection.h"

using bt::http::ServerConnection;

namespace {

struct Outcome {
    std::vector<std::string> requests;
    std::string output;
    bool closes = false;
};

void drain(ServerConnection& server, std::string& output) {
    for (std::size_t i = 0; i < server.output().segment_count(); ++i) {
        output += bt::to_string(std::get<bt::ByteView>(server.output().segment(i)));
    }
    server.output().mark_sent(server.output().size());
}

Outcome run(bt::ByteView stream, bt::ByteView sizes) {
    constexpr bt::TimePoint kNow{};
    Outcome outcome;
    ServerConnection server(kNow);
    for (std::size_t turn = 0; !stream.empty(); ++turn) {
        std::size_t size = stream.size();
        if (!sizes.empty()) size = std::min<std::size_t>(size, 1u + sizes[turn % sizes.size()]);
        const bt::ByteBuffer part = bt::to_buffer(stream.first(size));
        stream = stream.subspan(size);
        server.receive(part, kNow);
        while (const auto request = server.poll_request()) {
            BT_CHECK(request->target.size() <= bt::http::kMaxRequestTarget);
            BT_CHECK(request->path().size() + request->query().size() <= request->target.size());
            outcome.requests.push_back(request->method + " " + request->target + (request->keep_alive ? " +" : " -"));
            server.respond(200, "text/plain", bt::as_bytes(request->target), kNow);
        }
        drain(server, outcome.output);
    }
    outcome.closes = server.wants_close();
    if (!outcome.closes) {
        BT_CHECK(server.next_deadline() != bt::kNever);
        server.on_deadline(server.next_deadline());
        BT_CHECK(server.wants_close());
    }
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > bt::http::kMaxHeldInput) return 0;
    const bt::ByteView input(data, size);
    const std::size_t count = std::min<std::size_t>(input[0], size - 1);
    const bt::ByteView stream = input.subspan(1 + count);
    const Outcome whole = run(stream, {});
    const Outcome cut = run(stream, input.subspan(1, count));
    BT_CHECK(cut.requests == whole.requests);
    BT_CHECK(cut.closes == whole.closes);
    // A target that is both too long and malformed may be refused for either.
    const bool too_long =
        cut.output.find(" 414 ") != std::string::npos || whole.output.find(" 414 ") != std::string::npos;
    BT_CHECK(too_long || cut.output == whole.output);
    return 0;
}
