#include "common/net/line_channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "tests/unit/net/support.h"

using namespace bt;
using namespace bt::net;
using namespace bt::net::test;

namespace {

using Lines = std::vector<std::string>;

struct Pipes {
    Pipes() {
        int to_us[2];
        int from_us[2];
        REQUIRE(pipe2(to_us, O_CLOEXEC) == 0);
        REQUIRE(pipe2(from_us, O_CLOEXEC) == 0);
        in = Fd(to_us[0]);
        their_out = Fd(to_us[1]);
        their_in = Fd(from_us[0]);
        out = Fd(from_us[1]);
    }
    Fd in, out;              // of the channel
    Fd their_in, their_out;  // of the other side
};

// A channel over a pair of pipes, and what came of it.
struct Listening {
    explicit Listening(UvLoop& loop) {
        Pipes pipes;
        their_in = std::move(pipes.their_in);
        their_out = std::move(pipes.their_out);
        channel = std::make_unique<LineChannel>(
            loop, std::move(pipes.in), std::move(pipes.out),
            [this](std::string_view line) { lines.emplace_back(line); }, [this] { ++ends; });
    }
    void say(const std::string& text) const {
        REQUIRE(write(their_out.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    // What lies in the pipe to the other side, so far.
    [[nodiscard]] std::string heard() const {
        std::string text(1u << 20, '\0');
        fcntl(their_in.get(), F_SETFL, O_NONBLOCK);
        const ssize_t n = read(their_in.get(), text.data(), text.size());
        text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return text;
    }

    Fd their_in, their_out;
    Lines lines;
    int ends = 0;
    std::unique_ptr<LineChannel> channel;
};

}  // namespace

TEST_CASE("lines come cut at their newlines, the last one without it, and the end is told once behind them") {
    UvLoop loop;
    Listening other(loop);
    other.say("one\ntwo\n\nhal");
    REQUIRE(run_until(loop, [&] { return other.lines.size() == 3; }));
    CHECK(other.lines == Lines{"one", "two", ""});
    CHECK(other.ends == 0);
    other.say("f\nno newline");
    other.their_out.reset();
    REQUIRE(run_until(loop, [&] { return other.ends > 0; }));
    CHECK(other.lines == Lines{"one", "two", "", "half", "no newline"});
    loop.run_ready_turn();
    CHECK(other.ends == 1);
}

TEST_CASE("what is sent gets a newline, and waits while the other side does not read; nothing is lost") {
    UvLoop loop;
    Listening other(loop);
    other.channel->send("hello");
    CHECK(other.channel->waiting() == 0);
    CHECK(other.heard() == "hello\n");

    const std::string line(999, 'x');
    std::size_t sent = 0;
    while (other.channel->waiting() == 0) {
        other.channel->send(line);
        sent += line.size() + 1;
    }
    for (int i = 0; i < 10; ++i) other.channel->send(line);
    sent += 10 * (line.size() + 1);
    CHECK(other.channel->waiting() > 10 * line.size());
    std::string heard;
    REQUIRE(run_until(loop, [&] {
        heard += other.heard();
        return heard.size() >= sent;
    }));
    CHECK(heard.size() == sent);
    CHECK(std::count(heard.begin(), heard.end(), '\n') == static_cast<std::ptrdiff_t>(sent / 1000));
    CHECK(other.channel->waiting() == 0);
}

TEST_CASE("draining waits for a reader, and no longer than it was told") {
    UvLoop loop;
    Listening other(loop);
    while (other.channel->waiting() == 0) other.channel->send(std::string(5000, 'x'));
    const std::size_t left = other.channel->waiting();
    other.channel->drain(milliseconds(20));  // nobody reads
    CHECK(other.channel->waiting() == left);
    std::thread reader([&] {
        char buffer[1 << 16];
        while (read(other.their_in.get(), buffer, sizeof buffer) > 0) {
        }
    });
    other.channel->drain(kPatience);
    CHECK(other.channel->waiting() == 0);
    other.channel.reset();  // the reader's end
    reader.join();
}

TEST_CASE("a reader that is gone is the end, told from the loop and not from inside send") {
    UvLoop loop;
    Listening other(loop);
    other.their_in.reset();
    other.channel->send("to nobody");
    CHECK(other.ends == 0);
    REQUIRE(run_until(loop, [&] { return other.ends > 0; }));
    other.channel->send("again");
    CHECK(other.channel->waiting() == 0);
    other.their_out.reset();  // its end too, which is no second one
    loop.run_ready_turn();
    loop.run_ready_turn();
    CHECK(other.ends == 1);
}

TEST_CASE("a channel may be destroyed by its own lines and by its own end") {
    UvLoop loop;
    Pipes pipes;
    Lines lines;
    std::unique_ptr<LineChannel> channel;
    channel = std::make_unique<LineChannel>(
        loop, std::move(pipes.in), std::move(pipes.out),
        [&](std::string_view line) {
            lines.emplace_back(line);
            channel.reset();
        },
        [] { FAIL("an end of what is gone"); });
    REQUIRE(write(pipes.their_out.get(), "one\ntwo\n", 8) == 8);
    REQUIRE(run_until(loop, [&] { return !lines.empty(); }));
    loop.run_ready_turn();
    CHECK(lines == Lines{"one"});

    Pipes others;
    channel = std::make_unique<LineChannel>(
        loop, std::move(others.in), std::move(others.out), [](std::string_view) {}, [&] { channel.reset(); });
    others.their_out.reset();
    REQUIRE(run_until(loop, [&] { return channel == nullptr; }));
}

TEST_CASE("bad input: a line without an end comes in parts of the limit") {
    UvLoop loop;
    Listening other(loop);
    std::thread writer([&] {
        const std::string half(kMaxLine / 2, 'y');
        for (int i = 0; i < 3; ++i) {
            std::string_view rest = half;
            while (!rest.empty()) {
                const ssize_t n = write(other.their_out.get(), rest.data(), rest.size());
                if (n <= 0) return;
                rest.remove_prefix(static_cast<std::size_t>(n));
            }
        }
        other.their_out.reset();
    });
    const bool ended = run_until(loop, [&] { return other.ends > 0; });
    writer.join();
    REQUIRE(ended);
    REQUIRE(other.lines.size() == 2);
    CHECK(other.lines[0].size() == kMaxLine);
    CHECK(other.lines[1].size() == kMaxLine / 2);
}

TEST_CASE(
    "a socket on a path longer than its address holds: callers come in, ask and are answered; it goes with its "
    "listener") {
    UvLoop loop;
    const TempFolder folder;
    const std::string path = folder / (std::string(100, 'd') + "/" + std::string(90, 'e'));
    std::filesystem::create_directories(path);
    const std::string name = path + "/control.sock";
    std::vector<std::unique_ptr<LineChannel>> channels;
    Lines asked;
    auto listening = UnixListener::listen(loop, name, [&](Fd fd) {
        const std::size_t index = channels.size();
        auto channel = LineChannel::over(
            loop, std::move(fd),
            [&, index](std::string_view line) {
                asked.emplace_back(line);
                channels[index]->send("part of an answer");
                channels[index]->send("done");
            },
            [] {});
        if (!channel) return;
        channels.push_back(std::move(*channel));
    });
    REQUIRE(listening);
    Lines answers;
    Status exchanged;
    bool over = false;
    std::thread caller([&] {
        const Result<Fd> socket = connect_unix(name);
        if (socket) {
            exchanged = exchange_lines(*socket, "what is it?", [&](std::string_view line) {
                answers.emplace_back(line);
                return line != "done";
            });
        }
        over = true;
    });
    const bool came = run_until(loop, [&] { return asked.size() == 1; });
    caller.join();
    REQUIRE(came);
    CHECK(over);
    CHECK(exchanged);
    CHECK(asked == Lines{"what is it?"});
    CHECK(answers == Lines{"part of an answer", "done"});
    CHECK(std::filesystem::exists(name));
    listening->reset();
    CHECK_FALSE(std::filesystem::exists(name));
}

TEST_CASE("nobody to talk to: no such socket, a socket that nobody listens on, and a listener that hangs up") {
    UvLoop loop;
    const TempFolder folder;
    const auto missing = connect_unix(folder / "none");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == ErrorCode::NotFound);
    CHECK_FALSE(connect_unix(folder / "no folder/none"));

    const std::string stale = folder / "stale";
    {
        const Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        REQUIRE(stale.size() < sizeof address.sun_path);
        stale.copy(address.sun_path, stale.size());
        REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    const auto refused = connect_unix(stale);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::ConnectFailed);
    const auto taken = UnixListener::listen(loop, stale, [](Fd) {});
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code == ErrorCode::AddressInUse);

    const std::string name = folder / "hangs up";
    int calls = 0;
    auto listening = UnixListener::listen(loop, name, [&](Fd) { ++calls; });
    REQUIRE(listening);
    int lines = 0;
    Status exchanged;
    std::thread caller([&] {
        const Result<Fd> socket = connect_unix(name);
        if (socket) exchanged = exchange_lines(*socket, "hello", [&](std::string_view) { return ++lines > 0; });
    });
    const bool came = run_until(loop, [&] { return calls == 1; });
    caller.join();
    CHECK(came);
    CHECK(lines == 0);
}
