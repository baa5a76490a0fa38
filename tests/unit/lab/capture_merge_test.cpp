#include "lab/capture_merge.h"

#include "common/telemetry/link_capture.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::telemetry;

namespace {

struct Node {
    ByteBuffer file;
    LinkCapture capture;

    explicit Node(const std::string& name)
        : capture({name, "a test", 0,
                   [](TimePoint now) { return static_cast<std::uint64_t>(now.time_since_epoch().count()); }},
                  [this](ByteView blocks) { append(file, blocks); }) {}
    void say(std::uint32_t link, Direction direction, ByteBuffer bytes, int time) {
        capture.on_bytes(ConnectionId(link), direction, bytes, TimePoint(Duration(time)));
    }
};

struct Seen {
    std::string link;
    Direction direction;
    std::uint64_t time;
    std::uint64_t length;
    std::string comment;
    friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> with_content(const ByteBuffer& file) {
    std::vector<std::string> interfaces;
    std::vector<Seen> seen;
    PcapngReader reader(file);
    while (const auto block = reader.next()) {
        if (const auto* interface = std::get_if<Interface>(&*block)) interfaces.push_back(interface->name);
        if (const auto* packet = std::get_if<Packet>(&*block)) {
            REQUIRE(packet->interface < interfaces.size());
            if (packet->original_length == 40) continue;
            seen.push_back({interfaces[packet->interface], packet->direction, packet->time_ns,
                            packet->original_length - 40, std::string(packet->comment)});
        }
    }
    CHECK_FALSE(reader.is_damaged());
    return seen;
}

const Endpoint kClient = *Endpoint::parse("127.1.1.3:40000");
const Endpoint kSeeder = *Endpoint::parse("127.1.1.2:6881");
const Endpoint kStranger = *Endpoint::parse("127.9.9.9:5000");

void hear(Node& node, std::uint32_t link, std::string_view kind) {
    const std::initializer_list<Field> fields = {{"reason", "a reason"}};
    node.capture.hear({TimePoint(), Level::Decision, kind, ConnectionId(link), {fields.begin(), fields.size()}});
}

}  // namespace

TEST_CASE("of two nodes' captures each message is taken from the one who said it, in time order") {
    Node client("client-1"), seeder("seeder-1");
    client.capture.on_opened(ConnectionId(1), kClient, kSeeder, true, TimePoint());
    seeder.capture.on_opened(ConnectionId(9), kSeeder, kClient, false, TimePoint());
    client.say(1, Direction::Out, ByteBuffer(68, 1), 10);
    seeder.say(9, Direction::In, ByteBuffer(68, 1), 11);
    seeder.say(9, Direction::Out, ByteBuffer(68, 2), 12);
    client.say(1, Direction::In, ByteBuffer(68, 2), 13);
    hear(seeder, 9, "unchoked");
    seeder.say(9, Direction::Out, {0, 0, 0, 1, 1}, 14);
    client.say(1, Direction::In, {0, 0, 0, 1, 1}, 15);
    const auto seen = with_content(lab::merge_captures({seeder.file, client.file}));
    REQUIRE(seen.size() == 3);
    CHECK(seen[0] == Seen{"client-1 -> seeder-1", Direction::Out, 10, 68, ""});
    CHECK(seen[1] == Seen{"client-1 -> seeder-1", Direction::In, 12, 68, ""});
    CHECK(seen[2] == Seen{"client-1 -> seeder-1", Direction::In, 14, 5, "unchoked: reason=\"a reason\""});
}

TEST_CASE("of a connection to a node that was not captured both directions are taken") {
    Node client("client-1");
    client.capture.on_opened(ConnectionId(1), kClient, kStranger, false, TimePoint());
    client.say(1, Direction::In, ByteBuffer(68, 2), 3);
    client.say(1, Direction::Out, ByteBuffer(68, 1), 4);
    const auto seen = with_content(lab::merge_captures({client.file}));
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] == Seen{"127.9.9.9:5000 -> client-1", Direction::Out, 3, 68, ""});
    CHECK(seen[1] == Seen{"127.9.9.9:5000 -> client-1", Direction::In, 4, 68, ""});
}

TEST_CASE("two ports that meet again are two connections") {
    Node client("client-1"), seeder("seeder-1");
    for (int i = 0; i < 2; ++i) {
        const ConnectionId id(static_cast<std::uint32_t>(i + 1));
        client.capture.on_opened(id, kClient, kSeeder, true, TimePoint());
        seeder.capture.on_opened(id, kSeeder, kClient, false, TimePoint());
        client.say(id.value(), Direction::Out, ByteBuffer(68, 1), 10 * i);
        seeder.say(id.value(), Direction::In, ByteBuffer(68, 1), 10 * i + 1);
        client.capture.on_closed(id, TimePoint());
        seeder.capture.on_closed(id, TimePoint());
    }
    CHECK(with_content(lab::merge_captures({client.file, seeder.file})).size() == 2);
}

TEST_CASE("bad input: a capture that is cut off or no capture at all leaves the others whole") {
    Node client("client-1");
    client.capture.on_opened(ConnectionId(1), kClient, kStranger, true, TimePoint());
    client.say(1, Direction::Out, ByteBuffer(68, 1), 4);
    const ByteBuffer garbage(100, 0x7f);
    const ByteBuffer cut(client.file.begin(), client.file.end() - 3);
    CHECK(with_content(lab::merge_captures({garbage, client.file})).size() == 1);
    CHECK(with_content(lab::merge_captures({cut})).empty());
}
