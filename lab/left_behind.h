#pragma once

// How a lab's processes and its folder are known for its own, also by those who come after it was killed.
//
//  - Every process that a lab starts, and so every process that those start, has kMark=FOLDER in its environment,
//    whatever groups or sessions they make.
//  - The folder of a run has a file `lock` for as long as its lab lives: locked (flock) by the lab alone, so the kernel
//    takes the lock away when the lab dies, however that comes. A lock file that nobody holds says: left behind.
//  - A job of a cluster that the run had (slurm.h) is cancelled.
//  - A folder that was left behind goes wholly, unless its lab was told to keep what it makes; then the lock goes.

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/socket.h"

namespace bt::lab {

inline constexpr const char* kMark = "SWARMLAB_RUN";

// Kills every process with this mark until there is none; bounded in time. Answers how many it met. Cost: reads
// /proc once or twice.
std::size_t end_marked_processes(const std::filesystem::path& folder);

class RunLock {
  public:
    [[nodiscard]] static Result<RunLock> take(const std::filesystem::path& folder, bool keep);
    RunLock(RunLock&&) = default;
    RunLock& operator=(RunLock&&) = default;
    // Removes the file: the run has ended in order.
    ~RunLock();

  private:
    RunLock(std::filesystem::path path, net::Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::filesystem::path path_;
    net::Fd fd_;
};

enum class RunState : std::uint8_t {
    Ended,       // no lock file: nothing is to be done, or it is no run's folder
    Alive,       // its lab holds the lock
    LeftBehind,  // its lab was killed
};
[[nodiscard]] RunState state_of_run(const std::filesystem::path& folder);

// Ends what is left of a run whose lab was killed, and removes its folder. False where that is not so.
bool clean_left_behind(const std::filesystem::path& folder);
// All runs in an output folder; answers those that it cleaned.
std::vector<std::filesystem::path> clean_all_left_behind(const std::filesystem::path& out);

}  // namespace bt::lab
