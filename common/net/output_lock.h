#pragma once

// One program at a time on the files of a download: a lock on a file beside them. The kernel gives it up with the
// process, however that ends; the file goes when the lock is dropped in order. A file system that knows no locks is
// used without one.

#include <string>

#include "common/base/result.h"
#include "common/net/socket.h"

namespace bt::net {

class OutputLock {
  public:
    // Makes the folders. Error: FolderInUse, or why the file cannot be made.
    [[nodiscard]] static Result<OutputLock> take(std::string path);

    OutputLock(OutputLock&& other) noexcept = default;
    OutputLock& operator=(OutputLock&&) = delete;
    ~OutputLock();

  private:
    OutputLock(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::string path_;
    Fd fd_;
};

}  // namespace bt::net
