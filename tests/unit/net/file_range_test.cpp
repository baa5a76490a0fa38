#include "common/net/send_gather.h"
#include "tests/unit/net/support.h"

using namespace bt;
using namespace bt::net;
using namespace bt::net::test;

namespace {

// Three files of odd lengths, on a real disk, and their bytes in one buffer.
struct Content {
    explicit Content(UvEnv& env) {
        const std::vector<NamedFile> files = {{"a", 300001}, {"b/c", 7}, {"d", 699992}};
        metainfo = make_metainfo(bytes, 65536, files);
        const auto paths = storage::paths_in(*metainfo, folder.path());
        std::size_t at = 0;
        for (std::size_t i = 0; i < files.size(); ++i) {
            write_file(paths[i], ByteView(bytes).subspan(at, files[i].length));
            at += files[i].length;
        }
        storage = env.disk().open_storage({metainfo, paths, storage::Access::ReadOnly});
    }
    void append_to(OutputQueue& queue, std::uint64_t offset, std::uint64_t length) const {
        for (const auto& span : metainfo->file_map().spans(offset, length)) {
            queue.append_file({storage, span.file, span.offset, span.length});
        }
    }

    TempFolder folder;
    ByteBuffer bytes = random_bytes(1000000, 7);
    std::shared_ptr<const meta::Metainfo> metainfo;
    StorageId storage;
};

void send_all(UvEnv& env, Pair& pair, OutputQueue& queue, std::size_t expected) {
    pair.client_events.when_writable = [&] { pair.client->send(queue); };
    pair.client->send(queue);
    const bool arrived = run_until(env.loop(), [&] { return pair.server_events.received.size() >= expected; });
    REQUIRE(arrived);
}

}  // namespace

TEST_CASE("file ranges cut anywhere arrive between the bytes around them") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    const Content content(env);
    Rng rng(11);
    OutputQueue queue;
    ByteBuffer expected;
    for (int i = 0; i < 300; ++i) {
        const ByteBuffer header = random_bytes(static_cast<std::size_t>(rng.below(40)), rng.next());
        const std::uint64_t offset = rng.below(content.bytes.size());
        const std::uint64_t length = 1 + rng.below(std::min<std::uint64_t>(50000, content.bytes.size() - offset));
        queue.append_bytes(header);
        content.append_to(queue, offset, length);
        append(expected, header);
        append(expected, ByteView(content.bytes).subspan(offset, length));
    }
    send_all(env, pair, queue, expected.size());
    CHECK(pair.server_events.received == expected);
    CHECK(queue.empty());
}

TEST_CASE("blocks that follow one another leave in one go with their headers between them") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    const Content content(env);
    OutputQueue queue;
    ByteBuffer expected;
    for (std::uint64_t at = 0; at < 10 * kBlockSize; at += kBlockSize) {
        queue.append_bytes(as_bytes("thirteen-byte"));
        content.append_to(queue, at, kBlockSize);
        append(expected, "thirteen-byte");
        append(expected, ByteView(content.bytes).subspan(at, kBlockSize));
    }
    SendGather gather(env.disk(), loop.send_buffer(), true);
    gather.fill(queue, UINT64_MAX);
    CHECK(gather.part_count() == 20);
    CHECK(gather.size() == expected.size());
    CHECK_FALSE(gather.obstacle());
    send_all(env, pair, queue, expected.size());
    CHECK(pair.server_events.received == expected);
}

TEST_CASE("nothing stands behind a block that was read only in part") {
    UvLoop loop;
    UvEnv env(loop);
    const Content content(env);
    std::filesystem::resize_file(content.folder / "content/d", kBlockSize + 5000);
    OutputQueue queue;
    for (std::uint64_t at = 0; at < 3 * kBlockSize; at += kBlockSize) {
        queue.append_bytes(as_bytes("thirteen-byte"));
        queue.append_file({content.storage, FileIndex(2), at, kBlockSize});
    }
    SendGather gather(env.disk(), loop.send_buffer(), true);
    gather.fill(queue, UINT64_MAX);
    REQUIRE(gather.part_count() == 4);  // two headers, a block, the start of another; not the third header
    CHECK(gather.parts()[3].iov_len == 5000);
    CHECK(gather.size() == 13 + kBlockSize + 13 + 5000);
}

TEST_CASE("a file range may be sent a few bytes at a time") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    const Content content(env);
    OutputQueue queue;
    content.append_to(queue, 299990, 30);  // touches all three files
    std::uint64_t left = queue.size();
    while (left > 0) {
        pair.client_events.writable = 0;
        pair.client->send(queue, 7);
        if (queue.size() == left) {  // not in memory yet
            REQUIRE(run_until(loop, [&] { return pair.client_events.writable > 0; }));
            continue;
        }
        CHECK(left - queue.size() <= 7);
        left = queue.size();
    }
    REQUIRE(run_until(loop, [&] { return pair.server_events.received.size() == 30; }));
    CHECK(equal_bytes(pair.server_events.received, ByteView(content.bytes).subspan(299990, 30)));
}

TEST_CASE("a full socket keeps its place in the middle of a file range") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    const Content content(env);
    OutputQueue queue;
    ByteBuffer expected;
    for (int i = 0; i < 20; ++i) {
        content.append_to(queue, 3, 999990);
        append(expected, ByteView(content.bytes).subspan(3, 999990));
    }
    pair.server->pause_reading();
    pair.client_events.when_writable = [&] { pair.client->send(queue); };
    pair.client->send(queue);
    for (int i = 0; i < 20; ++i) loop.run_ready_turn();
    CHECK(queue.size() > 0);
    pair.server->resume_reading();
    REQUIRE(run_until(loop, [&] { return pair.server_events.received.size() == expected.size(); }));
    CHECK(pair.server_events.received == expected);
}

TEST_CASE("a file that cannot be read ends the stream later, after the bytes before it") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    const Content content(env);
    OutputQueue queue;
    queue.append_bytes(as_bytes("before"));
    SECTION("missing") {
        std::filesystem::remove(content.folder / "content/d");
        content.append_to(queue, 400000, 10);
    }
    SECTION("cut short") {
        std::filesystem::resize_file(content.folder / "content/d", 1000);
        content.append_to(queue, 400000, 10);
    }
    SECTION("storage closed") {
        content.append_to(queue, 0, 10);
        env.disk().close_storage(content.storage);
    }
    pair.client_events.when_writable = [&] { pair.client->send(queue); };
    pair.client->send(queue);
    CHECK_FALSE(pair.client_events.closed);
    REQUIRE(run_until(loop, [&] { return pair.client_events.closed.has_value(); }));
    CHECK(pair.client_events.closed->code == ErrorCode::DiskError);
    CHECK(pair.client_events.closed->fault == Fault::System);
    pair.client.reset();
    REQUIRE(run_until(loop, [&] { return pair.server_events.closed.has_value(); }));
    CHECK(to_string(pair.server_events.received) == "before");
}

TEST_CASE("content that is not in memory is brought there by the pool, not by the loop") {
    UvLoop loop;
    UvEnv env(loop);
    const Content content(env);
    bool warm = false;
    env.disk().warm({content.storage, FileIndex(2), 0, 100000}, [&] { warm = true; });
    CHECK_FALSE(warm);
    REQUIRE(run_until(loop, [&] { return warm; }));
    ByteBuffer into(1000);
    const auto read = env.disk().read_now({content.storage, FileIndex(2), 0, 1000}, into);
    REQUIRE(read);
    CHECK(*read == 1000);
    CHECK(equal_bytes(into, ByteView(content.bytes).subspan(300008, 1000)));
}

TEST_CASE("a stream may go away while the pool reads for it") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    const Content content(env);
    bool later = false;
    for (int i = 0; i < 10; ++i) env.disk().prefetch(content.storage, PieceIndex(static_cast<std::uint32_t>(i)));
    OutputQueue queue;
    content.append_to(queue, 0, 1000);
    pair.client->send(queue);
    pair.client.reset();
    env.disk().warm({content.storage, FileIndex(0), 0, 1}, [&] { later = true; });
    CHECK(run_until(loop, [&] { return later; }));
    CHECK_FALSE(pair.client_events.closed);
}

TEST_CASE("what is taken instead of sent is the same bytes, in steps of any size") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    const Content content(env);
    Rng rng(12);
    OutputQueue queue;
    ByteBuffer expected;
    for (int i = 0; i < 100; ++i) {
        const ByteBuffer header = random_bytes(static_cast<std::size_t>(rng.below(40)), rng.next());
        const std::uint64_t offset = rng.below(content.bytes.size() - 20000);
        queue.append_bytes(header);
        content.append_to(queue, offset, 20000);
        append(expected, header);
        append(expected, ByteView(content.bytes).subspan(offset, 20000));
    }
    ByteBuffer taken;
    while (!queue.empty()) {
        pair.client_events.writable = 0;
        const std::size_t before = taken.size();
        const std::uint64_t most = 1 + rng.below(90000);
        pair.client->take(queue, most, taken);
        CHECK(taken.size() - before <= most);
        if (taken.size() > before) continue;
        REQUIRE(run_until(loop, [&] { return pair.client_events.writable > 0; }));  // not in memory yet
    }
    CHECK(taken == expected);
}

TEST_CASE("taking from a file that cannot be read ends the stream as sending does") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    const Content content(env);
    std::filesystem::remove(content.folder / "content/d");
    OutputQueue queue;
    content.append_to(queue, 400000, 10);
    ByteBuffer taken;
    pair.client_events.when_writable = [&] { pair.client->take(queue, UINT64_MAX, taken); };
    pair.client->take(queue, UINT64_MAX, taken);
    REQUIRE(run_until(loop, [&] { return pair.client_events.closed.has_value(); }));
    CHECK(pair.client_events.closed->code == ErrorCode::DiskError);
    CHECK(taken.empty());
}
