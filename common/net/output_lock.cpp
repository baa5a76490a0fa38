#include "common/net/output_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/net/file_table.h"

namespace bt::net {
namespace {

// Its last holder may have removed it between our open and our lock.
bool is_still_at(int fd, const std::string& path) {
    struct stat ours {};
    struct stat there {};
    return fstat(fd, &ours) == 0 && stat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
           ours.st_dev == there.st_dev;
}

}  // namespace

Result<OutputLock> OutputLock::take(std::string path) {
    BT_TRY(make_folders_of(path));
    while (true) {
        Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
        if (!fd.is_open()) return fail(system_error(errno, "make " + path));
        if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            return fail(
                Error{ErrorCode::FolderInUse, Fault::System,
                      "another download of this torrent into the same folder is running (it holds " + path + ")",
                      std::nullopt});
        }
        if (is_still_at(fd.get(), path)) return OutputLock(std::move(path), std::move(fd));
    }
}

OutputLock::~OutputLock() {
    if (fd_.is_open()) unlink(path_.c_str());
}

}  // namespace bt::net
