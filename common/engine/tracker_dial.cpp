#include "common/engine/tracker_dial.h"

#include <algorithm>

namespace bt::engine {

TrackerDial::TrackerDial(const TrackerContext& context, const TrackerRoute& route, TimePoint deadline,
                         TrackerAnswered done)
    : context_(context),
      route_(route),
      deadline_(deadline),
      done_(std::move(done)),
      timer_(context.env->make_timer([this] { on_timer(); })) {
    arm();
}

void TrackerDial::shorten(TimePoint deadline) {
    deadline_ = std::min(deadline_, deadline);
    arm();
}

void TrackerDial::look_up(const std::string& host, std::uint16_t port) {
    addresses_.clear();
    address_deadline_ = kNever;
    lookup_ = context_.env->resolve(
        host, port, [this, host](Result<std::vector<Endpoint>> found) { on_lookup(host, std::move(found)); });
    arm();
}

void TrackerDial::on_lookup(const std::string& host, Result<std::vector<Endpoint>> found) {
    if (!found) return finish(fail(found.error()));
    addresses_ = std::move(*found);
    // An address of the other family cannot be reached from the one we are bound to.
    std::erase_if(addresses_, [&](const Endpoint& remote) { return !route_.takes(remote); });
    if (addresses_.empty()) {
        return finish(fail(remote_error(ErrorCode::NotFound, "no usable address for " + host)));
    }
    try_next();
}

void TrackerDial::try_next() {
    const Endpoint remote = addresses_.front();
    addresses_.erase(addresses_.begin());
    address_deadline_ = addresses_.empty() ? kNever : context_.env->now() + kAddressTimeout;
    arm();
    try_address(remote);
}

void TrackerDial::keep_address() {
    addresses_.clear();
    address_deadline_ = kNever;
    arm();
}

void TrackerDial::leave_address(const Error& error) {
    if (addresses_.empty()) return finish(fail(error));
    try_next();
}

void TrackerDial::refuse(Error error) {
    refusal_ = std::move(error);
    timer_->arm(context_.env->now());
}

void TrackerDial::finish(Result<TrackerAnswer> answer) {
    timer_->cancel();
    const TrackerAnswered done = std::move(done_);
    done(std::move(answer));
}

void TrackerDial::on_timer() {
    const TimePoint now = context_.env->now();
    if (refusal_) return finish(fail(Error(*refusal_)));
    if (deadline_ <= now) return finish(fail(remote_error(ErrorCode::TimedOut, "no answer in time")));
    if (address_deadline_ <= now) return try_next();
    arm();
}

void TrackerDial::arm() {
    if (!refusal_) timer_->arm(std::min(deadline_, address_deadline_));
}

}  // namespace bt::engine
