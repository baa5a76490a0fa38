#pragma once

// A node's connections as a pcapng capture that Wireshark reads: one interface a connection, one packet a message,
// named addresses, and the node's decisions as comments on the packets that they led to. It taps links (LinkTap) and
// hears the node's events (hear()); bytes go to the function it was given, whole blocks at a time.
//
// Rules
//  - What is recorded is what was said, in plain, also where the link was encrypted; the comment of peer_connected says
//    which it was. TCP around it is made up (tcp_frames.h).
//  - A message that we send has the time at which it was handed to the stream, one that we hear that of its last byte.
//  - Comments: choked, unchoked, became_interested, lost_interest on that message; piece_begun on the first request of
//    that piece; metadata_requested on the next message of extensions; peer_connected on the next packet;
//    peer_disconnected, which names a ban, on the packet that ends the connection. Other events are no business of it.
//  - Blocks: as many of their bytes are kept as asked for; of those that go straight from a file to the socket none
//  are.
// Cost: a copy of what is kept, an allocation or two a packet. Only nodes that are asked to capture pay it.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/telemetry/event.h"
#include "common/telemetry/link_tap.h"
#include "common/telemetry/message_splitter.h"
#include "common/telemetry/pcapng.h"
#include "common/telemetry/tcp_frames.h"

namespace bt::telemetry {

struct CaptureSettings {
    std::string node;         // what this node is called
    std::string application;  // for people
    std::size_t block_bytes_kept = 0;
    // What a clock on the wall shows at this time of the node, in ns since 1970.
    std::function<std::uint64_t(TimePoint)> wall_time_ns;
};

class LinkCapture final : public LinkTap {
  public:
    using Write = std::function<void(ByteView)>;
    LinkCapture(CaptureSettings settings, Write write);

    void hear(const Event& event);

    void on_opened(ConnectionId id, const Endpoint& local, const Endpoint& remote, bool outgoing,
                   TimePoint now) override;
    void on_bytes(ConnectionId id, Direction direction, ByteView bytes, TimePoint now) override;
    void on_file_sent(ConnectionId id, std::uint64_t length, TimePoint now) override;
    void on_closed(ConnectionId id, TimePoint now) override;

  private:
    struct Comment {
        std::optional<Byte> message;         // id of the message it belongs to; none: any packet
        std::optional<std::uint64_t> piece;  // of a request
        std::string text;
    };
    struct Link {
        std::uint32_t interface;
        Endpoint remote;
        TcpConversation conversation;
        MessageSplitter in, out;
        std::vector<Comment> comments;
        std::string farewell;
    };

    void record(Link& link, Direction direction, ByteView kept, std::uint64_t length, TimePoint now);
    void write(const Link& link, const std::vector<TcpFrame>& frames, std::string_view comment, TimePoint now);
    [[nodiscard]] static std::string take_comments(Link& link, Direction direction, ByteView message);

    CaptureSettings settings_;
    Write write_;
    std::uint32_t interfaces_ = 0;
    std::map<ConnectionId, Link> links_;
    ByteBuffer block_;
};

}  // namespace bt::telemetry
