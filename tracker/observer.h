#pragma once

// Whoever looks at the exchanges of all doors, in one place: the rules bend, the events tell, the live page remembers.
//
// Rules
//  - is_needed() says whether a door must fill exchanges at all: with no rules, no live page and no sink for level wire
//    nothing here costs anything. Asked again after each change.
//  - A rule that was applied is an event, so that nobody takes what was meant for a fault:
//    misbehaved {"rule","action","door","request","source","info_hash","peer_id"} (decision).
//  - Level wire shows each exchange with its bytes, as text where HTTP is (\xNN for what is not printable), as hex
//  where
//    UDP is, cut at kMaxShownBytes: request_seen {"door","source","request",…fields…,"raw","size"} and
//    answer_seen {"door","source","request",…fields…,"reason","rule","raw","size"}.

#include <memory>

#include "common/telemetry/event.h"
#include "tracker/exchange.h"
#include "tracker/rules.h"

namespace bt::tracker {

inline constexpr std::size_t kMaxShownBytes = 4'096;

// Another one who looks, after the rules.
class ExchangeViewer {
  public:
    virtual ~ExchangeViewer() = default;
    // `delivery`: what goes out in place of the answer, or nullptr.
    virtual void on_seen(const Exchange& exchange, const Delivery* delivery) = 0;
};

class Observer final : public ExchangeListener {
  public:
    Observer(RuleBook rules, telemetry::Telemetry telemetry) : rules_(std::move(rules)), telemetry_(telemetry) {}

    // Must outlive the observer or be taken away (nullptr).
    void set_viewer(ExchangeViewer* viewer) { viewer_ = viewer; }
    // Counting begins anew.
    void set_rules(RuleBook rules) { rules_ = std::move(rules); }

    [[nodiscard]] bool is_needed() const {
        return !rules_.empty() || viewer_ != nullptr || telemetry_.wants(telemetry::Level::Wire);
    }
    [[nodiscard]] std::unique_ptr<Delivery> on_exchange(Exchange& exchange) override;
    [[nodiscard]] const RuleBook& rules() const { return rules_; }

  private:
    void emit_misbehaved(const Exchange& exchange) const;
    void emit_request(const Exchange& exchange) const;
    void emit_answer(const Exchange& exchange, const Delivery* delivery) const;

    RuleBook rules_;
    telemetry::Telemetry telemetry_;
    ExchangeViewer* viewer_ = nullptr;
};

// The request with stars where a passkey stands.
[[nodiscard]] ByteBuffer without_secret(const Exchange& exchange);
// Bytes for people: printable ASCII as it is, \\, \r, \n, \t, else \xNN; at most kMaxShownBytes of them.
[[nodiscard]] std::string escaped(ByteView bytes);

}  // namespace bt::tracker
