#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "common/app/cli.h"
#include "common/app/exit_code.h"
#include "common/app/log.h"
#include "common/app/process.h"
#include "common/app/progress_bar.h"
#include "common/base/encoding.h"
#include "tests/support/catch.h"

namespace bt::app {
namespace {

std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

ProgressStats some_stats() {
    ProgressStats stats;
    stats.name = "debian.iso";
    stats.state = "downloading";
    stats.bytes_done = 531;
    stats.bytes_total = 1000;
    stats.down_rate = 12.34e6;
    stats.peers = 4;
    stats.eta = seconds(83);
    return stats;
}

TEST_CASE("a progress line says name, share, rate, peers and time left in exactly 80 columns") {
    const std::string line = progress_line(some_stats());
    CHECK(columns(line) == 80);
    for (const char* part : {"debian.iso", "53.1%", "12.3 MB/s", "4 peers", "1:23", "=>"}) {
        CHECK(line.find(part) != std::string::npos);
    }
}

TEST_CASE("the width of a progress line does not depend on what it shows") {
    ProgressStats stats = some_stats();
    for (const std::uint64_t done : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{999}, std::uint64_t{1000}}) {
        for (const double rate : {0.0, 1.0, 999.5, 1e6, 999.96e6, 1e30}) {
            for (const std::uint32_t peers : {0u, 1u, 99u, 999u, 1000u, UINT32_MAX}) {
                for (const Duration eta : {Duration(seconds(0)), Duration(std::chrono::hours(30)), Duration::max()}) {
                    stats.bytes_done = done;
                    stats.down_rate = rate;
                    stats.peers = peers;
                    stats.eta = eta;
                    CHECK(columns(progress_line(stats)) == 80);
                    CHECK(columns(progress_line(stats, 60)) == 60);
                    CHECK(columns(progress_line(stats, 200)) == 200);
                }
            }
        }
    }
}

TEST_CASE("a long name is cut between characters, and control characters are not printed") {
    ProgressStats stats = some_stats();
    std::string name;
    for (int i = 0; i < 50; ++i) name += "ü";
    stats.name = name;
    const std::string line = progress_line(stats);
    CHECK(columns(line) == 80);
    CHECK(is_valid_utf8(line));
    CHECK(line.find("…") != std::string::npos);
    stats.name = "evil\x1b[2J";
    CHECK(progress_line(stats).find('\x1b') == std::string::npos);
}

TEST_CASE("one hundred percent is shown when all is there, not a byte before") {
    ProgressStats stats = some_stats();
    stats.bytes_total = 1'000'000;
    stats.bytes_done = 999'999;
    CHECK(progress_line(stats).find("100.0%") == std::string::npos);
    stats.bytes_done = 1'000'000;
    CHECK(progress_line(stats).find("100.0%") != std::string::npos);
}

TEST_CASE("color is around the bar only, and only where it is allowed") {
    CHECK(progress_line(some_stats()).find('\x1b') == std::string::npos);
    CHECK(progress_line(some_stats(), 80, true).find("[\x1b[32m") != std::string::npos);
    CHECK(colors_allowed(true, nullptr, "xterm"));
    CHECK(colors_allowed(true, "", nullptr));
    CHECK_FALSE(colors_allowed(true, "1", "xterm"));
    CHECK_FALSE(colors_allowed(true, nullptr, "dumb"));
    CHECK_FALSE(colors_allowed(false, nullptr, "xterm"));
}

TEST_CASE("the plain line has no cursor tricks and the same facts") {
    CHECK(plain_progress_line(some_stats()) ==
          "downloading 53.1% (531 B of 1.0 kB), down 12.3 MB/s, up 0 B/s, 4 peers, 1:23 left");
}

TEST_CASE("bytes and durations are written for people") {
    CHECK(human_bytes(0) == "0 B");
    CHECK(human_bytes(999) == "999 B");
    CHECK(human_bytes(1000) == "1.0 kB");
    CHECK(human_bytes(999'949) == "999.9 kB");
    CHECK(human_bytes(999'960) == "1.0 MB");
    CHECK(human_bytes(-5) == "0 B");
    CHECK(human_duration(seconds(5)) == "0:05");
    CHECK(human_duration(seconds(3599)) == "59:59");
    CHECK(human_duration(seconds(3600)) == "1:00:00");
    CHECK(human_duration(std::chrono::hours(76)) == "3d 4h");
}

TEST_CASE("each cause ends with its own exit code") {
    const std::pair<ErrorCode, ExitCode> cases[] = {
        {ErrorCode::InvalidArgument, ExitCode::BadArguments},
        {ErrorCode::InvalidMetainfo, ExitCode::BadTorrent},
        {ErrorCode::InvalidBencode, ExitCode::BadTorrent},
        {ErrorCode::InvalidMagnet, ExitCode::BadTorrent},
        {ErrorCode::TrackerFailure, ExitCode::TrackersFailed},
        {ErrorCode::TimedOut, ExitCode::NoProgress},
        {ErrorCode::DiskFull, ExitCode::DiskFull},
        {ErrorCode::PermissionDenied, ExitCode::DiskError},
        {ErrorCode::WrongSize, ExitCode::VerificationFailed},
        {ErrorCode::AddressInUse, ExitCode::CannotListen},
        {ErrorCode::FolderInUse, ExitCode::FolderInUse},
        {ErrorCode::InvalidConfig, ExitCode::BadConfig},
        {ErrorCode::Cancelled, ExitCode::Interrupted},
    };
    for (const auto& [error, code] : cases) CHECK(exit_code_for(local_error(error, "")) == code);
}

TEST_CASE("the help names every exit code with its number") {
    const std::string help = exit_codes_help();
    for (const char* line :
         {"    0  done", "    2  bad arguments", "   10  bad configuration", "   70  internal", "  130  interrupted"}) {
        CHECK(help.find(line) != std::string::npos);
    }
}

TEST_CASE("log lines name program and severity and let no control characters through") {
    CHECK(format_log_line("p", Severity::Info, "text") == "p: text");
    CHECK(format_log_line("p", Severity::Error, "a\nb\x1b") == "p: error: a?b?");
    CHECK(format_log_json("p", Severity::Warning, "a\"b", 1.5) ==
          "{\"time\":1.500,\"severity\":\"warning\",\"program\":\"p\",\"text\":\"a\\\"b\"}");
    CHECK(parse_severity("debug") == Severity::Debug);
    CHECK_FALSE(parse_severity("loud"));
}

TEST_CASE("a log writes what is at least as severe as its threshold") {
    const Log log("p", Severity::Warning);
    CHECK(log.wants(Severity::Error));
    CHECK(log.wants(Severity::Warning));
    CHECK_FALSE(log.wants(Severity::Info));
}

// What a forked child answers with its exit status.
int in_text_child(int (*work)()) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(work());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("die_with_parent works while the parent lives and is refused when it is another process") {
    CHECK(in_text_child([] { return die_with_parent() ? 0 : 1; }) == 0);
    CHECK(in_text_child([] { return die_with_parent(::getppid()) ? 0 : 1; }) == 0);
    CHECK(in_text_child([] { return die_with_parent(::getpid()) ? 0 : 1; }) == 1);
}

}  // namespace
}  // namespace bt::app
