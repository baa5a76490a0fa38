#include "common/telemetry/link_capture.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace bt::telemetry {
namespace {

constexpr std::size_t kIdAt = 4;          // of a message
constexpr std::size_t kPieceAt = 5;       // of a request
constexpr std::size_t kMaxComments = 64;  // that wait for their packet, a link

struct KindOfComment {
    std::string_view event;
    std::optional<Byte> message;
};
constexpr Byte kChoke = 0, kUnchoke = 1, kInterested = 2, kNotInterested = 3, kRequest = 6, kExtended = 20;
constexpr KindOfComment kKinds[] = {
    {"choked", kChoke},
    {"unchoked", kUnchoke},
    {"became_interested", kInterested},
    {"lost_interest", kNotInterested},
    {"piece_begun", kRequest},
    {"metadata_requested", kExtended},
    {"peer_connected", std::nullopt},
};

// {"t":…,"node":…,"event":"unchoked","conn":3,"reason":"optimistic"} without what the packet says already.
std::string comment_of(const Event& event) {
    std::string text(event.kind);
    const char* separator = ": ";
    for (const Field& field : event.fields) {
        text += separator;
        text += field.key;
        text += '=';
        append_field_value(text, field);
        separator = ", ";
    }
    return text;
}

std::optional<std::uint64_t> piece_of(const Event& event) {
    for (const Field& field : event.fields) {
        if (field.key != "piece") continue;
        if (const auto* piece = std::get_if<std::uint64_t>(&field.value)) return *piece;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> piece_of_request(ByteView message) {
    if (message.size() < kPieceAt + 4) return std::nullopt;
    return std::uint64_t{message[kPieceAt]} << 24 | std::uint64_t{message[kPieceAt + 1]} << 16 |
           std::uint64_t{message[kPieceAt + 2]} << 8 | message[kPieceAt + 3];
}

}  // namespace

LinkCapture::LinkCapture(CaptureSettings settings, Write write)
    : settings_(std::move(settings)), write_(std::move(write)) {
    append_section(block_, settings_.application);
    write_(block_);
}

void LinkCapture::hear(const Event& event) {
    if (!event.connection) return;
    const auto link = links_.find(*event.connection);
    if (event.kind == "peer_disconnected") {
        if (link != links_.end()) link->second.farewell = comment_of(event);
        return;
    }
    const auto kind = std::ranges::find(kKinds, event.kind, &KindOfComment::event);
    if (kind == std::end(kKinds) || link == links_.end() || link->second.comments.size() >= kMaxComments) return;
    link->second.comments.push_back({kind->message, piece_of(event), comment_of(event)});
}

void LinkCapture::on_opened(ConnectionId id, const Endpoint& local, const Endpoint& remote, bool outgoing,
                            TimePoint now) {
    block_.clear();
    append_interface(block_, settings_.node + (outgoing ? " -> " : " <- ") + remote.to_string(),
                     "connection " + std::to_string(id.value()) + " of " + settings_.node);
    append_name(block_, local.address, settings_.node);
    write_(block_);
    const auto [link, is_new] = links_.insert_or_assign(id, Link{interfaces_++,
                                                                 remote,
                                                                 TcpConversation(local, remote, outgoing),
                                                                 MessageSplitter(settings_.block_bytes_kept),
                                                                 MessageSplitter(settings_.block_bytes_kept),
                                                                 {},
                                                                 {}});
    write(link->second, link->second.conversation.open(), {}, now);
}

void LinkCapture::on_bytes(ConnectionId id, Direction direction, ByteView bytes, TimePoint now) {
    const auto found = links_.find(id);
    if (found == links_.end()) return;
    Link& link = found->second;
    MessageSplitter& splitter = direction == Direction::In ? link.in : link.out;
    splitter.receive(bytes, [&](ByteView kept, std::uint64_t length) { record(link, direction, kept, length, now); });
}

void LinkCapture::on_file_sent(ConnectionId id, std::uint64_t length, TimePoint now) {
    const auto found = links_.find(id);
    if (found == links_.end()) return;
    Link& link = found->second;
    link.out.skip(length, [&](ByteView kept, std::uint64_t whole) { record(link, Direction::Out, kept, whole, now); });
}

void LinkCapture::on_closed(ConnectionId id, TimePoint now) {
    const auto found = links_.find(id);
    if (found == links_.end()) return;
    Link& link = found->second;
    link.in.finish([&](ByteView kept, std::uint64_t length) { record(link, Direction::In, kept, length, now); });
    link.out.finish([&](ByteView kept, std::uint64_t length) { record(link, Direction::Out, kept, length, now); });
    write(link, link.conversation.close(Direction::Out), link.farewell, now);
    links_.erase(found);
}

void LinkCapture::record(Link& link, Direction direction, ByteView kept, std::uint64_t length, TimePoint now) {
    const std::string comment = take_comments(link, direction, kept);
    write(link, link.conversation.say(direction, kept, length), comment, now);
}

std::string LinkCapture::take_comments(Link& link, Direction direction, ByteView message) {
    std::string text;
    const std::optional<Byte> id = message.size() > kIdAt ? std::optional(message[kIdAt]) : std::nullopt;
    std::erase_if(link.comments, [&](const Comment& comment) {
        const bool belongs = !comment.message || (direction == Direction::Out && comment.message == id &&
                                                  (id != kRequest || comment.piece == piece_of_request(message)));
        if (belongs) text += (text.empty() ? "" : "; ") + comment.text;
        return belongs;
    });
    return text;
}

// The comment stands on the first packet.
void LinkCapture::write(const Link& link, const std::vector<TcpFrame>& frames, std::string_view comment,
                        TimePoint now) {
    block_.clear();
    const std::uint64_t time = settings_.wall_time_ns(now);
    for (const TcpFrame& frame : frames) {
        append_packet(block_, {link.interface, time, frame.bytes, frame.original_length, frame.direction,
                               std::exchange(comment, {})});
    }
    write_(block_);
}

}  // namespace bt::telemetry
