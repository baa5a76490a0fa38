#include "common/telemetry/link_capture.h"

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::telemetry;

namespace {

const ConnectionId kLink(3);
const Endpoint kLocal = *Endpoint::parse("127.0.0.3:40000");
const Endpoint kRemote = *Endpoint::parse("127.0.0.2:6881");

struct Seen {
    std::string comment;
    Direction direction = Direction::In;
    Byte flags = 0;
    std::uint32_t sequence = 0, acknowledged = 0;
    ByteBuffer payload;
    std::uint64_t length = 0;  // of the payload, before it was cut
    std::uint64_t time_ns = 0;
};

std::uint32_t number(ByteView bytes, std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
           bytes[at + 3];
}

struct Recorder {
    ByteBuffer file;
    LinkCapture capture;

    explicit Recorder(std::size_t block_bytes = 0)
        : capture({"client-1", "a test", block_bytes,
                   [](TimePoint now) { return 1000 + static_cast<std::uint64_t>(now.time_since_epoch().count()); }},
                  [this](ByteView blocks) { append(file, blocks); }) {}

    void hear(std::string_view kind, std::initializer_list<Field> fields) {
        capture.hear({TimePoint(), Level::Decision, kind, kLink, {fields.begin(), fields.size()}});
    }
    void say(Direction direction, ByteBuffer bytes) {
        capture.on_bytes(kLink, direction, bytes, TimePoint(Duration(5)));
    }
    // Packets with TCP over IPv4.
    [[nodiscard]] std::vector<Seen> packets() const {
        std::vector<Seen> seen;
        PcapngReader reader(file);
        while (const auto block = reader.next()) {
            const auto* packet = std::get_if<Packet>(&*block);
            if (packet == nullptr) continue;
            REQUIRE(packet->bytes.size() >= 40);
            CHECK((std::uint64_t{packet->bytes[2]} << 8 | packet->bytes[3]) == packet->original_length);
            seen.push_back({std::string(packet->comment), packet->direction, packet->bytes[33],
                            number(packet->bytes, 24), number(packet->bytes, 28), to_buffer(packet->bytes.subspan(40)),
                            packet->original_length - 40, packet->time_ns});
        }
        return seen;
    }
    // Behind SYN, SYN-ACK, ACK and both handshakes.
    [[nodiscard]] std::vector<Seen> messages() const {
        std::vector<Seen> all = packets();
        REQUIRE(all.size() >= 5);
        return {all.begin() + 5, all.end()};
    }
    void open() {
        capture.on_opened(kLink, kLocal, kRemote, true, TimePoint());
        say(Direction::Out, ByteBuffer(68, 1));
        say(Direction::In, ByteBuffer(68, 2));
    }
};

}  // namespace

TEST_CASE("a connection begins with SYN, SYN-ACK, ACK and its numbers go on with every byte") {
    Recorder recorder;
    recorder.open();
    const auto seen = recorder.packets();
    REQUIRE(seen.size() == 5);
    CHECK(seen[0].flags == 0x02);
    CHECK(seen[0].direction == Direction::Out);
    CHECK(seen[1].flags == 0x12);
    CHECK(seen[1].direction == Direction::In);
    CHECK(seen[1].acknowledged == 1);
    CHECK(seen[2].flags == 0x10);
    CHECK(seen[3].sequence == 1);
    CHECK(seen[3].length == 68);
    CHECK(seen[3].time_ns == 1005);
    CHECK(seen[4].sequence == 1);
    CHECK(seen[4].acknowledged == 69);
}

TEST_CASE("every message is a packet of its own, however its bytes came") {
    Recorder recorder;
    recorder.open();
    recorder.say(Direction::In, {0, 0, 0, 1, 1, 0, 0});
    recorder.say(Direction::In, {0, 0, 0, 0, 0, 5, 4, 0, 0, 0});
    CHECK(recorder.messages().size() == 2);
    recorder.say(Direction::In, {9});
    const auto seen = recorder.messages();
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].payload == ByteBuffer{0, 0, 0, 1, 1});
    CHECK(seen[1].payload == ByteBuffer{0, 0, 0, 0});
    CHECK(seen[2].payload == ByteBuffer{0, 0, 0, 5, 4, 0, 0, 0, 9});
    CHECK(seen[2].sequence == 69 + 5 + 4);
}

TEST_CASE("of a block as much is kept as asked for, and its length stays true") {
    Recorder recorder(4);
    recorder.open();
    ByteBuffer piece = {0, 0, 0, 17, 7, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    recorder.say(Direction::In, piece);
    recorder.say(Direction::In, {0, 0, 0, 1, 0});
    // Ours goes out straight from a file.
    recorder.say(Direction::Out, ByteBuffer(piece.begin(), piece.begin() + 13));
    recorder.capture.on_file_sent(kLink, 8, TimePoint());
    recorder.say(Direction::Out, {0, 0, 0, 1, 1});
    const auto seen = recorder.messages();
    REQUIRE(seen.size() == 4);
    CHECK(seen[0].payload == ByteBuffer(piece.begin(), piece.begin() + 17));
    CHECK(seen[0].length == 21);
    CHECK(seen[1].sequence == 69 + 21);
    CHECK(seen[2].payload == ByteBuffer(piece.begin(), piece.begin() + 13));
    CHECK(seen[2].length == 21);
    CHECK(seen[3].payload == ByteBuffer{0, 0, 0, 1, 1});
}

TEST_CASE("a message longer than a segment becomes several packets") {
    Recorder recorder;
    recorder.open();
    ByteBuffer bitfield = {0, 1, 0, 1, 5};
    bitfield.resize(4 + 65537, 0xff);
    recorder.say(Direction::In, bitfield);
    const auto seen = recorder.messages();
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].length == kMaxSegment);
    CHECK(seen[1].sequence == 69 + kMaxSegment);
    CHECK(seen[2].length == bitfield.size() - 2 * kMaxSegment);
    CHECK(seen[0].payload.size() + seen[1].payload.size() + seen[2].payload.size() == kMaxKept);
}

TEST_CASE("a decision is the comment of the message that it led to") {
    Recorder recorder;
    recorder.open();
    recorder.hear("peer_connected", {{"encryption", "rc4"}});
    recorder.hear("unchoked", {{"reason", "optimistic"}, {"down_rate", std::uint64_t{7}}});
    recorder.hear("piece_begun", {{"piece", std::uint64_t{5}}, {"reason", "rarest"}});
    recorder.hear("message_sent", {{"reason", "not a decision"}});
    const ByteBuffer request_4 = {0, 0, 0, 13, 6, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 64, 0};
    ByteBuffer request_5 = request_4;
    request_5[8] = 5;
    recorder.say(Direction::In, {0, 0, 0, 1, 1});
    recorder.say(Direction::Out, request_4);
    recorder.say(Direction::Out, request_5);
    recorder.say(Direction::Out, request_5);
    recorder.say(Direction::Out, {0, 0, 0, 1, 1});
    const auto seen = recorder.messages();
    REQUIRE(seen.size() == 5);
    CHECK(seen[0].comment == "peer_connected: encryption=\"rc4\"");
    CHECK(seen[1].comment.empty());
    CHECK(seen[2].comment == "piece_begun: piece=5, reason=\"rarest\"");
    CHECK(seen[3].comment.empty());
    CHECK(seen[4].comment == "unchoked: reason=\"optimistic\", down_rate=7");
}

TEST_CASE("a connection ends with what was half said and with the reason on its FIN") {
    Recorder recorder;
    recorder.open();
    recorder.say(Direction::In, {0, 0, 0, 5, 4, 0});
    recorder.hear("peer_disconnected", {{"reason", "banned: piece 3"}});
    recorder.capture.on_closed(kLink, TimePoint());
    recorder.say(Direction::In, {0, 0, 0, 0});
    const auto seen = recorder.messages();
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].payload == ByteBuffer{0, 0, 0, 5, 4, 0});
    CHECK(seen[1].flags == 0x11);
    CHECK(seen[1].comment == "peer_disconnected: reason=\"banned: piece 3\"");
    CHECK(seen[2].flags == 0x11);
    CHECK(seen[2].direction == Direction::In);
}

TEST_CASE("bad input: a length prefix of 4 GB costs no memory and ends with the connection") {
    Recorder recorder;
    recorder.open();
    recorder.say(Direction::In, {0xff, 0xff, 0xff, 0xff, 9});
    for (int i = 0; i < 100; ++i) recorder.say(Direction::In, ByteBuffer(1024, 0));
    CHECK(recorder.messages().empty());
    recorder.capture.on_closed(kLink, TimePoint());
    const auto seen = recorder.messages();
    REQUIRE(seen.size() == 6);
    std::uint64_t length = 0, kept = 0;
    for (const Seen& packet : seen) {
        length += packet.length;
        kept += packet.payload.size();
    }
    CHECK(length == 5 + 100 * 1024);
    CHECK(kept == kMaxKept);
}
