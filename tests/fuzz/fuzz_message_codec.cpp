// Message codec: the verdict on a stream does not depend on how it was cut, and what was decoded encodes to the same
// bytes. Input: number of part sizes, the part sizes (used in turn), the stream.

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/base/check.h"
#include "common/wire/message_codec.h"

using bt::wire::Message;
using bt::wire::MessageCodec;

namespace {

struct Outcome {
    bt::ByteBuffer messages;  // encoded again
    std::uint64_t position = 0;
    std::optional<bt::Error> error;
};

void take_messages(MessageCodec& codec, Outcome& outcome) {
    for (;;) {
        const auto message = codec.next();
        if (!message) {
            outcome.error = message.error();
            return;
        }
        if (!message->has_value()) return;
        bt::wire::encode(**message, outcome.messages);
        BT_CHECK(!bt::wire::message_name(**message).empty());
    }
}

Outcome run(bt::ByteView stream, bt::ByteView sizes) {
    Outcome outcome;
    MessageCodec codec;
    for (std::size_t turn = 0; !stream.empty() && !outcome.error; ++turn) {
        std::size_t size = stream.size();
        if (!sizes.empty()) size = std::min<std::size_t>(size, 1u + sizes[turn % sizes.size()]);
        const bt::ByteBuffer part = bt::to_buffer(stream.first(size));  // own memory: no view may outlive it
        stream = stream.subspan(size);
        codec.begin(part);
        take_messages(codec, outcome);
        BT_CHECK(codec.buffered() <= 4 + bt::wire::kMaxMessageLength);
    }
    outcome.position = codec.position();
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const bt::ByteView input(data, size);
    const std::size_t count = std::min<std::size_t>(input[0], size - 1);
    const bt::ByteView sizes = input.subspan(1, count);
    const bt::ByteView stream = input.subspan(1 + count);

    const Outcome whole = run(stream, {});
    BT_CHECK(whole.position == whole.messages.size());
    BT_CHECK(bt::equal_bytes(whole.messages, stream.first(whole.messages.size())));
    const Outcome cut = run(stream, sizes);
    BT_CHECK(cut.messages == whole.messages);
    BT_CHECK(cut.position == whole.position);
    BT_CHECK(cut.error.has_value() == whole.error.has_value());
    if (whole.error) {
        BT_CHECK(whole.error->code == bt::ErrorCode::ProtocolViolation);
        BT_CHECK(whole.error->offset && *whole.error->offset < stream.size());
        BT_CHECK(cut.error->detail == whole.error->detail && cut.error->offset == whole.error->offset);
    }
    return 0;
}
