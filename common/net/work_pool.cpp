#include "common/net/work_pool.h"

#include <algorithm>

namespace bt::net {

namespace {
// How far behind the first job a partner is looked for.
constexpr std::size_t kPartnerDistance = 8;
}  // namespace

WorkPool::WorkPool(UvLoop& loop, unsigned threads) : wakeup_(loop, [this] { finish_all(); }) {
    if (threads == 0) threads = std::clamp(std::thread::hardware_concurrency(), 2u, 4u);
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

WorkPool::~WorkPool() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    something_waits_.notify_all();
    for (auto& thread : threads_) thread.join();
}

void WorkPool::submit(std::unique_ptr<Job> job, Urgency urgency) {
    bool someone_idle = false;
    {
        const std::lock_guard lock(mutex_);
        if (urgency == Urgency::Urgent) {
            waiting_.push_front(std::move(job));
        } else {
            waiting_.push_back(std::move(job));
        }
        someone_idle = idle_ > 0;
    }
    if (someone_idle) something_waits_.notify_one();
}

void WorkPool::work() {
    ByteBuffer scratch;
    for (;;) {
        std::unique_ptr<Job> first;
        std::unique_ptr<Job> second;
        {
            std::unique_lock lock(mutex_);
            ++idle_;
            something_waits_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            --idle_;
            if (stopping_) return;
            first = std::move(waiting_.front());
            waiting_.pop_front();
            if (first->can_pair()) second = take_partner();
        }
        if (second) {
            first->run_with(*second, scratch);
        } else {
            first->run(scratch);
        }
        complete(std::move(first), std::move(second));
    }
}

std::unique_ptr<WorkPool::Job> WorkPool::take_partner() {
    const std::size_t end = std::min(waiting_.size(), kPartnerDistance);
    for (std::size_t i = 0; i < end; ++i) {
        if (!waiting_[i]->can_pair()) continue;
        auto partner = std::move(waiting_[i]);
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
        return partner;
    }
    return nullptr;
}

void WorkPool::complete(std::unique_ptr<Job> first, std::unique_ptr<Job> second) {
    bool was_empty = false;
    {
        const std::lock_guard lock(mutex_);
        was_empty = done_.empty();
        done_.push_back(std::move(first));
        if (second) done_.push_back(std::move(second));
    }
    if (was_empty) wakeup_.signal();
}

void WorkPool::finish_all() {
    std::vector<std::unique_ptr<Job>> done;
    {
        const std::lock_guard lock(mutex_);
        done.swap(done_);
    }
    for (const auto& job : done) job->finish();
}

}  // namespace bt::net
