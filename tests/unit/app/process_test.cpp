#include "common/app/process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/catch.h"

namespace bt::app {
namespace {

// Runs in a child, whose exit code it is.
template <class Body>
int in_child(Body body) {
    const pid_t pid = fork();
    if (pid == 0) _exit(body());
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool is_same_file(int fd, const char* path) {
    struct stat open_one {};
    struct stat named {};
    return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 && open_one.st_ino == named.st_ino &&
           open_one.st_dev == named.st_dev;
}

}  // namespace

TEST_CASE("what is closed of standard input, output and error is opened, what is open stays") {
    for (int closed = 0; closed < 8; ++closed) {
        const int wrong = in_child([closed] {
            for (int fd = 0; fd < 3; ++fd) {
                const int other = open("/dev/zero", O_RDWR);
                dup2(other, fd);
                if (other > 2) close(other);
            }
            for (int fd = 0; fd < 3; ++fd) {
                if ((closed >> fd & 1) != 0) close(fd);
            }
            open_standard_descriptors();
            for (int fd = 0; fd < 3; ++fd) {
                if (!is_same_file(fd, (closed >> fd & 1) != 0 ? "/dev/null" : "/dev/zero")) return fd + 1;
            }
            const int next = open("/dev/zero", O_RDONLY);
            return next > 2 ? 0 : 4;
        });
        CHECK(wrong == 0);
    }
}

}  // namespace bt::app
