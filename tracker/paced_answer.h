#pragma once

// A Delivery (exchange.h) on its way over one HTTP connection: which bytes are due when, and how it ends. Pure.
//
// Use: begin(); then whenever the time has come advance(), which appends what is due; once is_over() the owner ends the
// request as end() says. Silence (no steps, Keep) is over after kSilence and ends with Close.

#include <algorithm>
#include <memory>

#include "common/base/output_queue.h"
#include "tracker/exchange.h"

namespace bt::tracker {

class PacedAnswer {
  public:
    void begin(std::unique_ptr<Delivery> delivery, TimePoint now) {
        delivery_ = std::move(delivery);
        step_ = 0;
        const bool is_silence = delivery_->steps.empty() && delivery_->end == Delivery::End::Keep;
        if (is_silence) delivery_->end = Delivery::End::Close;
        due_ = now + (is_silence ? kSilence : first_wait());
        silent_ = is_silence;
    }
    void advance(TimePoint now, OutputQueue& out) {
        while (step_ < delivery_->steps.size() && due_ <= now) {
            out.append_bytes(delivery_->steps[step_++].bytes);
            if (step_ < delivery_->steps.size()) due_ += delivery_->steps[step_].wait;
        }
        if (silent_ && due_ <= now) silent_ = false;
    }
    [[nodiscard]] bool is_active() const { return delivery_ != nullptr; }
    [[nodiscard]] bool is_over() const { return !silent_ && step_ == delivery_->steps.size(); }
    [[nodiscard]] TimePoint next_deadline() const { return is_active() && !is_over() ? due_ : kNever; }
    // Ends it. is_over() must hold.
    [[nodiscard]] Delivery::End end() {
        const Delivery::End how = delivery_->end;
        delivery_.reset();
        return how;
    }

  private:
    [[nodiscard]] Duration first_wait() const {
        return delivery_->steps.empty() ? Duration::zero() : delivery_->steps.front().wait;
    }

    std::unique_ptr<Delivery> delivery_;
    std::size_t step_ = 0;
    TimePoint due_ = kNever;
    bool silent_ = false;
};

}  // namespace bt::tracker
