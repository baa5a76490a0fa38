#pragma once

// A peer that misbehaves by script: it speaks the wire protocol through our codec, claims to have every piece,
// unchokes whoever is interested, and passes each block through a function before it is sent.

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/wire/handshake.h"
#include "common/wire/message_codec.h"
#include "lab/sim/sim_env.h"
#include "tests/sim/support/test_torrent.h"

namespace bt::sim {

class ScriptedSeed {
  public:
    // Changes the block as it likes; answers whether it did.
    using Alter = std::function<bool(const BlockRequest& request, MutableByteView block)>;

    ScriptedSeed(SimEnv& env, const TestTorrent& torrent, std::uint16_t port, Alter alter)
        : env_(env), torrent_(torrent), alter_(std::move(alter)) {
        auto listening = env.listen({env.address(), port}, [this](std::unique_ptr<env::Stream> stream) {
            sessions_.push_back(std::make_unique<Session>(*this, std::move(stream)));
        });
        listener_ = std::move(listening).value();
    }
    [[nodiscard]] Endpoint endpoint() const { return listener_->local_endpoint(); }
    [[nodiscard]] std::size_t connections_made() const { return sessions_.size(); }
    [[nodiscard]] std::uint64_t blocks_altered() const { return blocks_altered_; }
    [[nodiscard]] std::uint64_t blocks_served() const { return blocks_served_; }

  private:
    class Session final : public env::StreamHandler {
      public:
        Session(ScriptedSeed& seed, std::unique_ptr<env::Stream> stream) : seed_(seed), stream_(std::move(stream)) {
            stream_->set_handler(this);
        }

      private:
        void on_connected() override {}
        void on_writable() override { stream_->send(output_); }
        void on_closed(const Error&) override { stream_.reset(); }
        void on_received(MutableByteView bytes) override {
            ByteView rest = bytes;
            if (!reader_.handshake()) {
                const auto taken = reader_.receive(rest);
                if (!taken) return stream_.reset();
                rest = rest.subspan(*taken);
                if (!reader_.handshake()) return;
                greet();
            }
            codec_.begin(rest);
            for (auto message = codec_.next(); message; message = codec_.next()) {
                if (!*message) return stream_->send(output_);
                if (std::holds_alternative<wire::Interested>(**message)) say(wire::Unchoke{});
                if (const auto* request = std::get_if<wire::Request>(&**message)) serve(*request);
            }
            stream_.reset();  // what our engine says must be legal, so this makes the story fail
        }
        void greet() {
            wire::Handshake own;
            own.info_hash = seed_.torrent_.metainfo->info_hash();
            own.peer_id.fill(static_cast<Byte>('x'));
            output_.append_bytes(own.encode());
            meta::Bitfield all(seed_.torrent_.metainfo->layout().piece_count());
            all.set_all();
            say(wire::Bitfield{all.wire()});
        }
        void serve(const wire::Request& request) {
            const ByteView piece = seed_.torrent_.piece(PieceIndex(request.piece));
            ByteBuffer block = to_buffer(piece.subspan(request.begin, request.length));
            ++seed_.blocks_served_;
            const BlockRequest wanted{PieceIndex(request.piece), request.begin, request.length};
            if (seed_.alter_(wanted, block)) ++seed_.blocks_altered_;
            say(wire::Piece{request.piece, request.begin, block});
        }
        void say(const wire::Message& message) {
            ByteBuffer bytes;
            wire::encode(message, bytes);
            output_.append_bytes(bytes);
        }

        ScriptedSeed& seed_;
        std::unique_ptr<env::Stream> stream_;
        wire::HandshakeReader reader_;
        wire::MessageCodec codec_;
        OutputQueue output_;
    };

    SimEnv& env_;
    const TestTorrent& torrent_;
    Alter alter_;
    std::unique_ptr<env::Listener> listener_;
    std::vector<std::unique_ptr<Session>> sessions_;
    std::uint64_t blocks_altered_ = 0;
    std::uint64_t blocks_served_ = 0;
};

}  // namespace bt::sim
