#pragma once

// One connection of a persona: handshakes, framing, what the other side has said, and the hands with which a behaviour
// acts. Plain only: a peer that requires encryption is closed.
//
// The owner sweeps links that are closed; nothing is called on them any more. A behaviour may close its link at any
// time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/output_queue.h"
#include "common/wire/extension.h"
#include "common/wire/handshake.h"
#include "common/wire/message_codec.h"
#include "lab/personas/world.h"

namespace bt::persona {

class Link final : private env::StreamHandler {
  public:
    static constexpr Duration kHandshakeWithin = seconds(30);
    static constexpr std::uint64_t kMaxBacklog = 4u << 20;     // blocks beyond it are not sent: not everybody is polite
    static constexpr Duration kUnreadFor = milliseconds(200);  // before a reset

    Link(World& world, std::unique_ptr<env::Stream> stream, bool outgoing, const PeerId& own_id,
         std::unique_ptr<Behaviour> behaviour);
    ~Link() override;

    void tick();
    [[nodiscard]] bool is_closed() const { return !stream_; }
    [[nodiscard]] bool is_open() const { return opened_ && stream_; }
    [[nodiscard]] const Endpoint& remote() const { return remote_; }
    [[nodiscard]] TimePoint now() const { return world_.env.now(); }
    [[nodiscard]] TimePoint opened_at() const { return opened_at_; }
    [[nodiscard]] World& world() { return world_; }

    // What the other side said.
    bool peer_interested = false;
    bool peer_choking = true;
    bool am_choking = true;
    bool am_interested = false;
    std::vector<bool> peer_has;
    wire::ExtensionHandshake peer_extensions;
    std::uint64_t downloaded = 0;
    std::uint64_t uploaded = 0;

    void send(const wire::Message& message);
    void send_raw(ByteView bytes);
    void send_bitfield(const std::vector<bool>& pieces);
    // The block from the content (or what was downloaded), or bytes that are wrong; false: not there.
    bool send_block(const wire::Request& request, bool corrupt = false);
    void set_choking(bool choking);
    void set_interested(bool interested);
    void pause_reading();
    // Bytes that wait to be sent.
    [[nodiscard]] std::uint64_t backlog() const { return output_.size(); }
    void close(std::string reason);
    // Closed with what the peer sent unread: the system answers with a reset.
    void reset();

  private:
    void on_connected() override;
    void on_received(MutableByteView bytes) override;
    void on_writable() override;
    void on_closed(const Error& error) override;
    void start_handshake();
    void push_handshake();
    std::size_t take_handshake(ByteView bytes);
    void open_if_ready();
    void apply(const wire::Message& message);
    void flush();

    World& world_;
    std::unique_ptr<env::Stream> stream_;
    std::unique_ptr<Behaviour> behaviour_;
    Endpoint remote_;
    bool outgoing_;
    bool connected_;
    bool opened_ = false;
    TimePoint reset_at_ = kNever;
    TimePoint begun_;
    TimePoint opened_at_{};
    ByteBuffer handshake_;            // ours
    std::size_t handshake_sent_ = 0;  // of it
    bool handshake_started_ = false;
    TimePoint next_handshake_byte_{};
    wire::HandshakeReader reader_;
    wire::MessageCodec codec_;
    OutputQueue output_;
};

}  // namespace bt::persona
