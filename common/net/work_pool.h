#pragma once

// Threads of our own for hashing and files: libuv's four are shared with name look-ups, and a queue of hash jobs must
// not wait behind them (nor they behind it).
//
//  - A job runs on one worker, then finishes on the loop thread; what finished since the last turn of the loop comes
//    in one wake-up.
//  - Jobs that can be run two at a time (see Job::pair_with) are, when two wait.
//  - Destruction waits for running jobs and drops the waiting ones; neither kind finishes.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "common/net/uv_loop.h"

namespace bt::net {

class WorkPool {
  public:
    class Job {
      public:
        virtual ~Job() = default;
        // On a worker. `scratch` belongs to the worker and is kept between jobs.
        virtual void run(ByteBuffer& scratch) = 0;
        [[nodiscard]] virtual bool can_pair() const { return false; }
        // Does the work of both; asked only of two jobs that can_pair().
        virtual void run_with(Job& other, ByteBuffer& scratch) {
            run(scratch);
            other.run(scratch);
        }
        // On the loop thread.
        virtual void finish() = 0;
    };

    enum class Urgency : std::uint8_t { Normal, Urgent };

    // threads 0: one per core, at least 2 and at most 4.
    explicit WorkPool(UvLoop& loop, unsigned threads = 0);
    ~WorkPool();
    WorkPool(const WorkPool&) = delete;
    WorkPool& operator=(const WorkPool&) = delete;

    void submit(std::unique_ptr<Job> job, Urgency urgency = Urgency::Normal);

  private:
    void work();
    [[nodiscard]] std::unique_ptr<Job> take_partner();
    void complete(std::unique_ptr<Job> first, std::unique_ptr<Job> second);
    void finish_all();

    Wakeup wakeup_;
    std::mutex mutex_;
    std::condition_variable something_waits_;
    std::deque<std::unique_ptr<Job>> waiting_;
    std::vector<std::unique_ptr<Job>> done_;
    unsigned idle_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace bt::net
