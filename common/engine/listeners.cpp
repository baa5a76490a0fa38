#include "common/engine/listeners.h"

namespace bt::engine {

Status Listeners::open(env::Env& env, const Endpoint& local, Families families, const env::AcceptCallback& on_accept) {
    const bool both = families == Families::Both && local.address.is_v4() && local.address.is_unspecified();
    Error error;
    for (int tries = 0; tries < (local.port == 0 ? kPortTries : 1); ++tries) {
        BT_TRY_ASSIGN(auto first, env.listen(local, on_accept));
        if (!both) {
            listeners_.push_back(std::move(first));
            return {};
        }
        auto second = env.listen({Address::v6({}), first->local_endpoint().port}, on_accept);
        if (second || second.error().code != ErrorCode::AddressInUse) {
            listeners_.push_back(std::move(first));
            if (second) listeners_.push_back(std::move(*second));
            return {};
        }
        error = second.error();
    }
    return fail(error);
}

std::vector<Endpoint> Listeners::endpoints() const {
    std::vector<Endpoint> all;
    for (const auto& listener : listeners_) all.push_back(listener->local_endpoint());
    return all;
}

}  // namespace bt::engine
