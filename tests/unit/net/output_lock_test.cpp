#include "common/net/output_lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/net/support.h"

using namespace bt;
using namespace bt::net;
using namespace bt::net::test;

TEST_CASE("a lock is held once, leaves no file behind, and can be taken again") {
    const TempFolder folder;
    const std::string path = folder / "made/.n.lock";
    {
        const auto lock = OutputLock::take(path);
        REQUIRE(lock);
        CHECK(std::filesystem::exists(path));
        const auto second = OutputLock::take(path);
        REQUIRE_FALSE(second);
        CHECK(second.error().code == ErrorCode::FolderInUse);
        CHECK(second.error().detail.find(path) != std::string::npos);
        CHECK(OutputLock::take(folder / "other").has_value());
        CHECK(std::filesystem::exists(path));
    }
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(OutputLock::take(path).has_value());
}

TEST_CASE("bad input: the lock of a killed process is free, whatever file it left") {
    const TempFolder folder;
    const std::string path = folder / ".n.lock";
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const auto lock = OutputLock::take(path);
        _exit(lock ? 0 : 1);  // no destructor runs, as with kill -9
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    CHECK(std::filesystem::exists(path));
    CHECK(OutputLock::take(path).has_value());
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("bad input: a folder or a link where the lock belongs is an error") {
    const TempFolder folder;
    std::filesystem::create_directories(folder / "lock");
    CHECK_FALSE(OutputLock::take(folder / "lock"));
    std::filesystem::create_symlink(folder / "elsewhere", folder / "link");
    CHECK_FALSE(OutputLock::take(folder / "link"));
    CHECK_FALSE(std::filesystem::exists(folder / "elsewhere"));
}
