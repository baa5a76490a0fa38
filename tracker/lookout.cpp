#include "tracker/lookout.h"

namespace bt::tracker {

Lookout::Lookout(LookoutSettings settings, Subject subject, Rng rng, TimePoint start, telemetry::Telemetry telemetry)
    : subject_(std::move(subject)),
      rng_(rng),
      observer_(RuleBook(std::move(settings.rules), rng_.fork(0), start), telemetry) {
    attach(settings.pages);
}

Lookout::~Lookout() {
    subject_.http.set_listener(nullptr);
    subject_.http.set_pages(nullptr);
    subject_.udp.set_listener(nullptr);
}

void Lookout::configure(LookoutSettings settings, TimePoint now) {
    observer_.set_rules(RuleBook(std::move(settings.rules), rng_.fork(0), now));
    attach(settings.pages);
}

void Lookout::attach(const PageSettings& pages) {
    AnnounceService& service = subject_.http.service();
    if (pages.web.empty()) {
        watch_.reset();
    } else if (!watch_) {
        watch_ = std::make_unique<Watch>(service.settings().registry.peer_timeout);
    }
    observer_.set_viewer(watch_.get());
    has_pages_ = !pages.web.empty() || !pages.stats.empty();
    const auto counts = [&service](const InfoHash& info_hash, TimePoint now) { return service.scrape(info_hash, now); };
    // Always there: /health is for everybody.
    pages_ = std::make_unique<Pages>(
        pages, Pages::Sources{subject_.numbers, counts, &rates_, &observer_.rules(), watch_.get()});
    ExchangeListener* listener = observer_.is_needed() ? &observer_ : nullptr;
    subject_.http.set_pages(pages_.get());
    subject_.http.set_listener(listener);
    subject_.udp.set_listener(listener);
}

void Lookout::sample(TimePoint now) {
    rates_.sample(subject_.numbers(now));
    if (watch_) watch_->expire(now);
}

}  // namespace bt::tracker
