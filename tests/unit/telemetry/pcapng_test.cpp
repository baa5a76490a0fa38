#include "common/telemetry/pcapng.h"

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::telemetry;

namespace {

ByteBuffer a_file() {
    ByteBuffer file;
    append_section(file, "a test");
    append_interface(file, "client-1 -> 127.0.0.2:6881", "connection 1");
    append_name(file, *Address::parse("127.0.0.2"), "seeder-1");
    append_name(file, *Address::parse("::1"), "six");
    const ByteBuffer bytes = {1, 2, 3, 4, 5};
    append_packet(file, {0, 1'700'000'000'123'456'789, bytes, 40, Direction::Out, "unchoked: reason=\"free_slot\""});
    append_packet(file, {7, 5, {}, 0, Direction::In, {}});
    return file;
}

// Everything but what the reader passes over.
std::vector<Block> read_all(ByteView file, bool& damaged) {
    PcapngReader reader(file);
    std::vector<Block> blocks;
    while (auto block = reader.next()) {
        if (!std::holds_alternative<std::monostate>(*block)) blocks.push_back(*block);
    }
    damaged = reader.is_damaged();
    return blocks;
}

}  // namespace

TEST_CASE("what is written to a capture is read back") {
    const ByteBuffer file = a_file();
    bool damaged = true;
    const auto blocks = read_all(file, damaged);
    CHECK_FALSE(damaged);
    REQUIRE(blocks.size() == 5);
    CHECK(std::get<Interface>(blocks[0]).name == "client-1 -> 127.0.0.2:6881");
    CHECK(std::get<Interface>(blocks[0]).description == "connection 1");
    CHECK(std::get<NameRecord>(blocks[1]).address == Address::parse("127.0.0.2"));
    CHECK(std::get<NameRecord>(blocks[1]).name == "seeder-1");
    CHECK(std::get<NameRecord>(blocks[2]).address == Address::parse("::1"));
    const auto& packet = std::get<Packet>(blocks[3]);
    CHECK(packet.interface == 0);
    CHECK(packet.time_ns == 1'700'000'000'123'456'789);
    CHECK(to_buffer(packet.bytes) == ByteBuffer{1, 2, 3, 4, 5});
    CHECK(packet.original_length == 40);
    CHECK(packet.direction == Direction::Out);
    CHECK(packet.comment == "unchoked: reason=\"free_slot\"");
    const auto& second = std::get<Packet>(blocks[4]);
    CHECK(second.interface == 7);
    CHECK(second.direction == Direction::In);
    CHECK(second.comment.empty());
}

TEST_CASE("a section starts with the block type, byte order magic and version of the format") {
    ByteBuffer file;
    append_section(file, "x");
    REQUIRE(file.size() >= 28);
    CHECK(to_buffer(ByteView(file).first(4)) == ByteBuffer{0x0a, 0x0d, 0x0d, 0x0a});
    CHECK(to_buffer(ByteView(file).subspan(8, 8)) == ByteBuffer{0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0});
    CHECK(file.size() % 4 == 0);
    CHECK(file[4] == file.size());
    CHECK(file[file.size() - 4] == file.size());
}

TEST_CASE("a capture that is cut off anywhere gives the whole blocks before and says that it is damaged") {
    const ByteBuffer file = a_file();
    bool damaged = false;
    const std::size_t all = read_all(file, damaged).size();
    std::size_t whole = 0;
    for (std::size_t length = 0; length < file.size(); ++length) {
        const std::size_t count = read_all(ByteView(file).first(length), damaged).size();
        CHECK(count <= all);
        CHECK(count >= whole);
        whole = count;
    }
    CHECK(damaged);
    CHECK(whole == all - 1);
}

TEST_CASE("bad input: a block that lies about its length ends the capture") {
    ByteBuffer file = a_file();
    const std::size_t section = file[4];
    for (const Byte lie : {Byte{0}, Byte{4}, Byte{11}, Byte{13}, Byte{0xfc}}) {
        ByteBuffer bad = file;
        bad[section + 4] = lie;
        bool damaged = false;
        CHECK(read_all(bad, damaged).empty());
        CHECK(damaged);
    }
}
