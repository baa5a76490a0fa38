#include "common/app/event_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "common/app/process.h"
#include "tests/support/catch.h"

namespace bt::app {
namespace {

using telemetry::Level;

void emit(EventFile& file, std::string_view kind, std::string_view text = "", Level level = Level::Summary) {
    const telemetry::Field field("text", text);
    file.on_event({TimePoint(), level, kind, std::nullopt, {&field, 1}});
}

std::unique_ptr<EventFile> open_or_fail(const std::string& target, Level level = Level::Decision) {
    auto file = EventFile::open(target, "n", level);
    if (!file) FAIL(file.error().detail);
    return std::move(*file);
}

struct Pair {
    int read_end = -1, write_end = -1;
    ~Pair() {
        if (read_end >= 0) ::close(read_end);
        if (write_end >= 0) ::close(write_end);
    }
};

Pair make_pipe() {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    return {ends[0], ends[1]};
}

Pair make_sockets() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    return {ends[0], ends[1]};
}

std::string read_now(int descriptor) {
    ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
    std::string out;
    std::array<char, 65536> buffer{};
    for (ssize_t n = 0; (n = ::read(descriptor, buffer.data(), buffer.size())) > 0;) {
        out.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return out;
}

std::size_t lines_in(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_CASE("events become lines of a file, in order, at flush and at the end") {
    const std::string path =
        (std::filesystem::temp_directory_path() / ("events-" + std::to_string(::getpid()))).string();
    std::ofstream(path) << "old content\n";
    const auto content = [&path] {
        std::ifstream in(path);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    auto file = open_or_fail(path);
    emit(*file, "one", "a\"b");
    CHECK(content().empty());
    file->flush();
    CHECK(content() == "{\"t\":0.000000000,\"node\":\"n\",\"event\":\"one\",\"text\":\"a\\\"b\"}\n");
    emit(*file, "two");
    file.reset();
    CHECK(lines_in(content()) == 2);
    std::filesystem::remove(path);
}

TEST_CASE("a sink takes its level and below, nothing above") {
    Pair ends = make_pipe();
    const auto file = open_or_fail("fd:" + std::to_string(ends.write_end), Level::Decision);
    CHECK(file->wants(Level::Summary));
    CHECK(file->wants(Level::Decision));
    CHECK_FALSE(file->wants(Level::Wire));
    emit(*file, "wire", "", Level::Wire);
    CHECK(file->buffered() == 0);
}

TEST_CASE("a reader that does not read blocks nobody: lines are dropped, counted, and the rest is whole") {
    for (const bool sockets : {false, true}) {
        Pair ends = sockets ? make_sockets() : make_pipe();
        auto file = open_or_fail("fd:" + std::to_string(ends.write_end));
        const std::string text(1000, 'x');
        constexpr std::size_t kEvents = 12'000;  // 12 MB, more than the memory and the pipe together
        for (std::size_t i = 0; i < kEvents; ++i) emit(*file, "e", text);
        CHECK(file->buffered() <= EventFile::kMaxBuffered);
        std::string got = read_now(ends.read_end);
        for (int i = 0; i < 20'000 && file->buffered() > 0; ++i) {
            file->flush();
            got += read_now(ends.read_end);
        }
        emit(*file, "last");
        file->close();
        got += read_now(ends.read_end);
        CHECK_FALSE(got.empty());
        CHECK(got.find("\"event\":\"last\"") != std::string::npos);
        const std::size_t note = got.find("\"event\":\"events_dropped\",\"count\":");
        REQUIRE(note != std::string::npos);
        const std::size_t dropped = std::stoul(got.substr(note + 33));
        CHECK(lines_in(got) + dropped == kEvents + 2);
        CHECK(got.ends_with("}\n"));
    }
}

TEST_CASE("a reader that went away ends the sink, not the program") {
    ignore_sigpipe();
    for (const bool sockets : {false, true}) {
        Pair ends = sockets ? make_sockets() : make_pipe();
        auto file = open_or_fail("fd:" + std::to_string(ends.write_end));
        ::close(ends.read_end);
        ends.read_end = -1;
        emit(*file, "one");
        file->flush();
        CHECK(file->is_dead());
        CHECK_FALSE(file->wants(Level::Summary));
        emit(*file, "two");
        CHECK(file->buffered() == 0);
    }
}

TEST_CASE("a full device ends the sink") {
    auto file = open_or_fail("/dev/full");
    emit(*file, "one");
    file->flush();
    CHECK(file->is_dead());
}

TEST_CASE("a target that cannot be opened is refused, a pipe without a reader too") {
    CHECK(EventFile::open("fd:999", "n", Level::Wire).error().code == ErrorCode::InvalidArgument);
    CHECK(EventFile::open("fd:", "n", Level::Wire).error().code == ErrorCode::InvalidArgument);
    CHECK(EventFile::open("fd:1x", "n", Level::Wire).error().code == ErrorCode::InvalidArgument);
    CHECK(EventFile::open("fd:-1", "n", Level::Wire).error().code == ErrorCode::InvalidArgument);
    CHECK(EventFile::open("/nonexistent/events", "n", Level::Wire).error().code == ErrorCode::NotFound);
    const std::string fifo = (std::filesystem::temp_directory_path() / ("fifo-" + std::to_string(::getpid()))).string();
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK_FALSE(EventFile::open(fifo, "n", Level::Wire));
    std::filesystem::remove(fifo);
}

TEST_CASE("event levels have three names") {
    CHECK(parse_event_level("summary") == Level::Summary);
    CHECK(parse_event_level("decision") == Level::Decision);
    CHECK(parse_event_level("wire") == Level::Wire);
    CHECK_FALSE(parse_event_level("all"));
    CHECK_FALSE(parse_event_level(""));
}

}  // namespace
}  // namespace bt::app
