#pragma once

// Personas that lie in the extension protocol (BEP 9, 10, 11).

#include "lab/personas/serving.h"

namespace bt::persona {

// "wrong-metadata": offers metadata of the right size and sends other bytes.
class WrongMetadata final : public Server {
    void on_open(Link& link) override;
    void on_message(Link& link, const wire::Message& message) override;
};

// "pex-liar": serves, and every `every` names a hundred peers that are not there.
class PexLiar final : public Server {
    void on_open(Link& link) override;
    void on_tick(Link& link) override;
    std::optional<TimePoint> next_;
};

}  // namespace bt::persona
