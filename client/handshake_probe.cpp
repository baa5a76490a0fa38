#include "client/handshake_probe.h"

#include <algorithm>

#include "common/wire/extension.h"

namespace bt::client {

HandshakeProbe::HandshakeProbe(env::Env& env, ProbeSettings settings, Done done)
    : env_(&env),
      settings_(std::move(settings)),
      done_(std::move(done)),
      deadline_(env.now() + settings_.timeout),
      timer_(env.make_timer([this] { on_timer(); })) {}

void HandshakeProbe::start() {
    std::optional<Endpoint> source;
    if (settings_.source) source = Endpoint{*settings_.source, 0};
    link_ = std::make_unique<engine::PeerLink>(*env_, static_cast<engine::LinkOwner&>(*this), ConnectionId(1),
                                               env_->connect(settings_.remote, source), settings_.remote,
                                               settings_.own_peer_id, settings_.info_hash);
    on_link_turn_end();
}

void HandshakeProbe::fill_handshake(wire::Handshake& own) const {
    if (settings_.extensions) own.set_extensions();
}

// Only asked of accepted links.
Result<InfoHash> HandshakeProbe::on_info_hash(engine::PeerLink&, const InfoHash&) { return settings_.info_hash; }

Result<swarm::PeerConnection*> HandshakeProbe::on_handshake(engine::PeerLink& link, const wire::Handshake& remote) {
    greeting_.peer_id = remote.peer_id;
    if (!settings_.extensions || !remote.has_extensions()) return finish(greeting_);
    connection_.session =
        std::make_unique<swarm::PeerSession>(link.id(), no_layout_, true, swarm::PipelineSettings{}, env_->now());
    wire::ExtensionHandshake own;
    own.ids.emplace(wire::kUtMetadataName, wire::kUtMetadataId);
    connection_.session->send_extension_handshake(own);
    return &connection_;
}

Status HandshakeProbe::on_message(engine::PeerLink&, const wire::Message& message) {
    if (!std::holds_alternative<wire::Extended>(message)) return {};
    BT_TRY_ASSIGN(const auto event, connection_.session->on_message(message, meta::Bitfield(), env_->now()));
    if (!std::holds_alternative<swarm::PeerExtensionsKnown>(event)) return {};
    const std::uint8_t id = connection_.session->extensions()->id_of(wire::kUtMetadataName);
    if (id != 0) greeting_.metadata_id = id;
    return finish(greeting_);
}

std::unexpected<Error> HandshakeProbe::finish(Greeting greeting) {
    outcome_ = greeting;
    return fail(local_error(ErrorCode::Cancelled, "all that was asked is known"));
}

void HandshakeProbe::on_link_failed(engine::PeerLink& link, const Error& error) {
    // Its greeting may have come all at once: then ours still waits here, and it is to have it.
    if (outcome_) link.flush();
    if (!outcome_) outcome_ = fail(error);
    link.close();
}

void HandshakeProbe::on_link_turn_end() {
    if (!outcome_) link_->flush();
    timer_->arm(outcome_ ? env_->now() : std::min(deadline_, link_->deadline()));
}

void HandshakeProbe::on_timer() {
    if (!outcome_) {
        const bool by_link = link_->deadline() <= env_->now();
        outcome_ = fail(by_link ? link_->timeout_error()
                                : remote_error(ErrorCode::TimedOut, "the peer does not say all it was asked for"));
        link_->close();
    }
    const Done told = std::move(done_);
    told(std::move(*outcome_));
}

}  // namespace bt::client
