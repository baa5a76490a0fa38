#pragma once

// One system call's worth of output: the front of an OutputQueue as a list for sendmsg.
//
// File ranges are read into the loop's send buffer, ranges that follow one another in a file with one call, so that
// header, block, header, block, … goes out with one read and one send. Measured on loopback (16 KiB blocks in order
// from the page cache, one core for each end), sender's CPU s/GB:
//                                        nearly idle machine   both cores contended (receiver is the brake)
//   sendfile, and a send per header          0.41 to 0.54          0.25 to 0.30
//   a read and a send per block              0.44 to 0.49          0.29 to 0.32
//   a read and a send per 16 blocks          0.18 to 0.38          0.26 to 0.37
// So it wins where the sender is the brake, and where it is not there is nothing to win.

#include <sys/uio.h>

#include <array>
#include <optional>

#include "common/base/output_queue.h"
#include "common/net/uv_disk.h"

namespace bt::net {

class SendGather {
  public:
    // buffer: for file content. wait_for_device: read the first range whatever it takes.
    SendGather(UvDisk& disk, MutableByteView buffer, bool wait_for_device)
        : disk_(disk), buffer_(buffer), wait_for_device_(wait_for_device) {}

    void fill(const OutputQueue& queue, std::uint64_t max_bytes);

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] iovec* parts() { return parts_.data(); }
    [[nodiscard]] std::size_t part_count() const { return count_; }
    // Why a file range ends the list, if one does: LimitReached where it is not in memory yet.
    [[nodiscard]] const std::optional<Error>& obstacle() const { return obstacle_; }

  private:
    void add(Byte* bytes, std::size_t size);
    // Reads what was added of `run_`; cuts the list where the file content ends early.
    void end_run();

    UvDisk& disk_;
    MutableByteView buffer_;
    bool wait_for_device_;
    std::array<iovec, 64> parts_;
    std::size_t count_ = 0;
    std::size_t size_ = 0;
    std::size_t used_ = 0;  // of the buffer
    FileRange run_;         // not read yet; ends at used_
    bool cut_ = false;      // nothing may be added
    std::optional<Error> obstacle_;
};

}  // namespace bt::net
