#include "common/net/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/net/file_table.h"

namespace bt::net {

namespace {

Status write_all(int fd, ByteView bytes, const std::string& path) {
    while (!bytes.empty()) {
        const ssize_t n = write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(system_error(errno, "write " + path));
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

Status write_beside(const std::string& path, const std::string& beside, ByteView bytes) {
    const Fd fd(open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (!fd.is_open()) return fail(system_error(errno, "make " + beside));
    BT_TRY(write_all(fd.get(), bytes, beside));
    if (fdatasync(fd.get()) != 0) return fail(system_error(errno, "flush " + beside));
    if (std::rename(beside.c_str(), path.c_str()) != 0) return fail(system_error(errno, "replace " + path));
    return {};
}

}  // namespace

Result<ByteBuffer> load_file(const std::string& path, std::uint64_t max_size) {
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd.is_open()) return fail(system_error(errno, "open " + path));
    struct stat status {};
    if (fstat(fd.get(), &status) != 0) return fail(system_error(errno, "stat " + path));
    if (!S_ISREG(status.st_mode)) {
        return fail(Error{ErrorCode::DiskError, Fault::System, path + " is not a regular file", std::nullopt});
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > max_size) {
        return fail(Error{ErrorCode::LimitReached, Fault::System,
                          path + " is larger than " + std::to_string(max_size) + " bytes", std::nullopt});
    }
    ByteBuffer bytes(static_cast<std::size_t>(size));
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n = read(fd.get(), bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(system_error(errno, "read " + path));
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    bytes.resize(done);
    return bytes;
}

Status replace_file(const std::string& path, ByteView bytes) {
    BT_TRY(make_folders_of(path));
    const std::string beside = path + ".new";
    if (auto written = write_beside(path, beside, bytes); !written) {
        unlink(beside.c_str());
        return written;
    }
    const std::size_t slash = path.find_last_of('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    const Fd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.is_open() || fsync(fd.get()) != 0) return fail(system_error(errno, "flush " + folder));
    return {};
}

Status remove_file(const std::string& path) {
    if (unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
    return fail(system_error(errno, "remove " + path));
}

}  // namespace bt::net
