#include "tracker/udp_door.h"

namespace bt::tracker {

UdpDoor::UdpDoor(env::Env& env, UdpFront& front) : env_(env), front_(front) {}

Status UdpDoor::open(const Endpoint& local) {
    BT_TRY_ASSIGN(socket_, env_.open_datagram(local, *this));
    return {};
}

void UdpDoor::close() {
    socket_.reset();
    timer_.reset();
    waiting_.clear();
}

void UdpDoor::on_datagram(MutableByteView bytes, const Endpoint& from) {
    const TimePoint now = env_.now();
    if (front_.answer(bytes, from, now, answer_)) {
        (void)socket_->send_to(answer_, from);
    } else if (const auto delivery = front_.take_delivery()) {
        deliver(*delivery, from, now);
    }
}

void UdpDoor::deliver(Delivery& delivery, const Endpoint& to, TimePoint now) {
    TimePoint due = now;
    for (Delivery::Step& step : delivery.steps) {
        due += step.wait;
        if (due <= now) {
            (void)socket_->send_to(step.bytes, to);
        } else if (waiting_.size() < kMaxDeliveries) {
            waiting_.emplace(due, Waiting{std::move(step.bytes), to});
        }
    }
    if (waiting_.empty()) return;
    if (!timer_) timer_ = env_.make_timer([this] { on_timer(); });
    timer_->arm(waiting_.begin()->first);
}

void UdpDoor::on_timer() {
    const TimePoint now = env_.now();
    while (!waiting_.empty() && waiting_.begin()->first <= now) {
        const auto first = waiting_.begin();
        (void)socket_->send_to(first->second.bytes, first->second.to);
        waiting_.erase(first);
    }
    if (!waiting_.empty()) timer_->arm(waiting_.begin()->first);
}

}  // namespace bt::tracker
