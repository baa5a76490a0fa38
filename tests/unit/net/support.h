#pragma once

// What the tests of common/net share: a loop that runs until a condition holds, temporary folders, recording handlers.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/encoding.h"
#include "common/base/rng.h"
#include "common/crypto/hash.h"
#include "common/net/uv_env.h"
#include "common/net/uv_stream.h"
#include "tests/support/catch.h"

namespace bt::net::test {

inline constexpr Duration kPatience = seconds(20);

// Turns the loop until the condition holds; false when patience ran out.
inline bool run_until(UvLoop& loop, const std::function<bool()>& condition, Duration patience = kPatience) {
    TimerQueue timers(loop);
    bool too_late = false;
    UvTimer timer(timers, [&] { too_late = true; });
    timer.arm(loop.now() + patience);
    while (!condition() && !too_late) loop.run_turn();
    return condition();
}

class TempFolder {
  public:
    TempFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "swarmlab-test-XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

inline ByteBuffer random_bytes(std::size_t size, std::uint64_t rng_seed) {
    ByteBuffer bytes(size);
    Rng(rng_seed).fill(bytes);
    return bytes;
}

inline void write_file(const std::string& path, ByteView bytes) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary).write(as_chars(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

inline ByteBuffer read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return to_buffer(as_bytes(text));
}

struct NamedFile {
    std::string path;  // below the torrent's name
    std::size_t length = 0;
};

// A multi-file torrent "content" over `content`, cut into these files.
inline std::shared_ptr<const meta::Metainfo> make_metainfo(ByteView content, std::uint32_t piece_length,
                                                           const std::vector<NamedFile>& files) {
    std::string list;
    for (const auto& file : files) {
        std::string elements;
        for (const auto& element : std::filesystem::path(file.path)) {
            const std::string text = element.string();
            elements += std::to_string(text.size()) + ":" + text;
        }
        list += "d6:lengthi" + std::to_string(file.length) + "e4:pathl" + elements + "ee";
    }
    std::string hashes;
    for (std::size_t at = 0; at < content.size(); at += piece_length) {
        hashes +=
            to_string(crypto::sha1(content.subspan(at, std::min<std::size_t>(piece_length, content.size() - at))));
    }
    const std::string torrent = "d4:infod5:filesl" + list + "e4:name7:content12:piece lengthi" +
                                std::to_string(piece_length) + "e6:pieces" + std::to_string(hashes.size()) + ":" +
                                hashes + "ee";
    auto parsed = meta::Metainfo::parse(as_bytes(torrent));
    if (!parsed) FAIL(parsed.error().message());
    return std::make_shared<const meta::Metainfo>(std::move(*parsed));
}

// Keeps what happened to a stream; what to do in the callbacks is set by the test.
struct Recorder final : env::StreamHandler {
    bool connected = false;
    int writable = 0;
    int closed_count = 0;
    std::optional<Error> closed;
    ByteBuffer received;
    std::size_t largest_receive = 0;
    std::function<void()> when_connected;
    std::function<void(MutableByteView)> when_received;
    std::function<void()> when_writable;
    std::function<void()> when_closed;

    void on_connected() override {
        connected = true;
        if (when_connected) when_connected();
    }
    void on_received(MutableByteView bytes) override {
        append(received, bytes);
        largest_receive = std::max(largest_receive, bytes.size());
        if (when_received) when_received(bytes);
    }
    void on_writable() override {
        ++writable;
        if (when_writable) when_writable();
    }
    void on_closed(const Error& error) override {
        closed = error;
        ++closed_count;
        if (when_closed) when_closed();
    }
};

inline Endpoint loopback(std::uint16_t port = 0) { return {Address::v4({127, 0, 0, 1}), port}; }

// Two ends of one connection over real sockets.
struct Pair {
    explicit Pair(UvEnv& env) {
        auto listening = env.listen(loopback(), [this](std::unique_ptr<env::Stream> stream) {
            server = std::move(stream);
            server->set_handler(&server_events);
        });
        REQUIRE(listening);
        client = env.connect((*listening)->local_endpoint(), std::nullopt);
        client->set_handler(&client_events);
        REQUIRE(run_until(env.loop(), [&] { return server && client_events.connected; }));
    }

    Recorder server_events;
    Recorder client_events;
    std::unique_ptr<env::Stream> server;
    std::unique_ptr<env::Stream> client;
};

}  // namespace bt::net::test
