// The way of a stream's bytes: send buffer, uplink, delay, downlink, reader, acknowledgement.

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/check.h"
#include "lab/sim/connection.h"
#include "lab/sim/network.h"

namespace bt::sim {
namespace {

[[nodiscard]] Side& side_of(Connection& connection, int side) {
    return connection.sides[static_cast<std::size_t>(side)];
}
[[nodiscard]] Side& other_side(Connection& connection, int side) { return side_of(connection, 1 - side); }

[[nodiscard]] std::uint64_t unacknowledged(const Pipe& pipe) { return pipe.accepted - pipe.acknowledged; }

void settle_acknowledgements(Pipe& pipe, TimePoint now) {
    while (!pipe.acknowledgements.empty() && pipe.acknowledgements.front().time <= now) {
        pipe.acknowledged += pipe.acknowledgements.front().bytes;
        pipe.acknowledgements.pop_front();
    }
}

// Memory for `bytes` more at the end of the queue, in the last segment where there is room.
[[nodiscard]] MutableByteView extend(Pipe& pipe, std::size_t bytes, std::size_t segment_size) {
    if (pipe.queue.empty() || pipe.queue.back().size() >= segment_size) pipe.queue.emplace_back();
    ByteBuffer& last = pipe.queue.back();
    const std::size_t step = std::min(bytes, segment_size - last.size());
    last.resize(last.size() + step);
    pipe.queued += step;
    pipe.accepted += step;
    return MutableByteView(last).last(step);
}

}  // namespace

Duration Network::transmission_time(std::size_t bytes, std::uint64_t rate_bytes_per_s) {
    if (rate_bytes_per_s == 0) return Duration::zero();
    const std::uint64_t nanoseconds = (std::uint64_t{bytes} * 1'000'000'000u + rate_bytes_per_s - 1) / rate_bytes_per_s;
    return Duration(static_cast<Duration::rep>(nanoseconds));
}

// Moves `bytes` of the queue's first segment into the pipe; false when a file could not be read.
bool Network::take_front(Connection& connection, int side, OutputQueue& queue, std::size_t bytes) {
    Side& sender = side_of(connection, side);
    const OutputQueue::Segment front = queue.segment(0);
    std::size_t done = 0;
    while (done < bytes) {
        const MutableByteView into = extend(sender.out, bytes - done, settings_.segment_size);
        if (const auto* view = std::get_if<ByteView>(&front)) {
            std::copy_n(view->begin() + static_cast<std::ptrdiff_t>(done), into.size(), into.begin());
        } else {
            FileRange range = std::get<FileRange>(front);
            range.offset += done;
            if (!read_file(sender, range, into)) return false;
        }
        done += into.size();
    }
    queue.mark_sent(bytes);
    return true;
}

void Network::send(const ConnectionPtr& connection, int side, OutputQueue& queue, std::uint64_t max_bytes) {
    Side& sender = side_of(*connection, side);
    if (!sender.connected || sender.dead || connection->severed) return;
    Pipe& pipe = sender.out;
    settle_acknowledgements(pipe, simulator_.now());
    std::uint64_t room = settings_.send_buffer - unacknowledged(pipe);
    std::uint64_t allowed = max_bytes;
    while (!queue.empty() && room > 0 && allowed > 0) {
        const OutputQueue::Segment front = queue.segment(0);
        const std::uint64_t length = std::holds_alternative<ByteView>(front) ? std::get<ByteView>(front).size()
                                                                             : std::get<FileRange>(front).length;
        const std::uint64_t step = std::min({length, room, allowed});
        if (!take_front(*connection, side, queue, static_cast<std::size_t>(step))) {
            fail_unreadable(connection, side);
            return;
        }
        room -= step;
        allowed -= step;
    }
    if (!queue.empty() && allowed > 0) {
        sender.wants_room = true;
        watch_for_room(connection, side);
    }
    enqueue(connection, side);
}

// Into memory: there is always room, and nothing is on its way yet.
void Network::take(const ConnectionPtr& connection, int side, OutputQueue& queue, std::uint64_t max_bytes,
                   ByteBuffer& into) {
    const Side& sender = side_of(*connection, side);
    if (!sender.connected || sender.dead || connection->severed) return;
    while (!queue.empty() && max_bytes > 0) {
        const OutputQueue::Segment front = queue.segment(0);
        std::uint64_t step = 0;
        if (const auto* bytes = std::get_if<ByteView>(&front)) {
            step = std::min<std::uint64_t>(bytes->size(), max_bytes);
            append(into, bytes->first(static_cast<std::size_t>(step)));
        } else {
            const FileRange& range = std::get<FileRange>(front);
            step = std::min(range.length, max_bytes);
            const std::size_t before = into.size();
            into.resize(before + static_cast<std::size_t>(step));
            if (!read_file(sender, range, MutableByteView(into).subspan(before))) {
                into.resize(before);
                fail_unreadable(connection, side);
                return;
            }
        }
        queue.mark_sent(step);
        max_bytes -= step;
    }
}

Status Network::read_file(const Side& sender, const FileRange& range, MutableByteView into) {
    FileSource* files = host(sender.host).files;
    BT_CHECK(files != nullptr);
    return files->read_range(range.storage, range.file, range.offset, into);
}

// What could not be read must not reach the other side.
void Network::fail_unreadable(const ConnectionPtr& connection, int side) {
    connection->sever();
    fail_later(connection, side, simulator_.now(),
               Error{ErrorCode::DiskError, Fault::System, "cannot read the file to send", std::nullopt});
    const HostId sender = side_of(*connection, side).host;
    const HostId receiver = other_side(*connection, side).host;
    fail_later(connection, 1 - side, simulator_.now() + delay(sender, receiver), system_error(ECONNRESET, "stream"));
}

void Network::enqueue(const ConnectionPtr& connection, int side) {
    Side& sender = side_of(*connection, side);
    if (sender.out.has_turn || sender.out.queue.empty()) return;
    sender.out.has_turn = true;
    host(sender.host).turns.push_back({connection, side, nullptr});
    pump(sender.host);
}

void Network::pump(HostId id) {
    Host& at = host(id);
    while (!at.uplink_busy && !at.turns.empty()) {
        const Turn turn = std::move(at.turns.front());
        at.turns.pop_front();
        if (turn.datagram) {
            at.uplink_busy = true;
            start_datagram(turn.datagram);
            continue;
        }
        Pipe& pipe = side_of(*turn.connection, turn.side).out;
        if (pipe.queue.empty()) {  // severed meanwhile
            pipe.has_turn = false;
            continue;
        }
        ByteBuffer segment = std::move(pipe.queue.front());
        pipe.queue.pop_front();
        pipe.queued -= segment.size();
        pipe.in_flight += segment.size();
        at.uplink_busy = true;
        at.traffic.bytes_sent += segment.size();
        const TimePoint sent_at = simulator_.now() + transmission_time(segment.size(), at.links.uplink_bytes_per_s);
        simulator_.schedule(sent_at, std::nullopt, [this, turn, moved = std::move(segment)]() mutable {
            on_segment_sent(turn.connection, turn.side, std::move(moved));
        });
    }
}

void Network::on_segment_sent(const ConnectionPtr& connection, int side, ByteBuffer segment) {
    Side& sender = side_of(*connection, side);
    Pipe& pipe = sender.out;
    host(sender.host).uplink_busy = false;
    if (!connection->severed) {
        const HostId to = other_side(*connection, side).host;
        pipe.last_arrival = std::max(pipe.last_arrival, simulator_.now() + delay(sender.host, to));
        simulator_.schedule(pipe.last_arrival, to, [this, connection, side, moved = std::move(segment)]() mutable {
            on_segment_arrived(connection, side, std::move(moved));
        });
    }
    pipe.has_turn = false;
    enqueue(connection, side);
    pump(sender.host);
}

void Network::on_segment_arrived(const ConnectionPtr& connection, int side, ByteBuffer segment) {
    if (connection->severed) return;
    const HostId to = other_side(*connection, side).host;
    Host& at = host(to);
    const std::uint64_t rate = at.links.downlink_bytes_per_s;
    if (rate == 0 && at.downlink_waiting == 0) {
        deliver(connection, side, std::move(segment));
        return;
    }
    const TimePoint start = std::max(simulator_.now(), at.downlink_free_at);
    at.downlink_free_at = start + transmission_time(segment.size(), rate);
    ++at.downlink_waiting;
    simulator_.schedule(at.downlink_free_at, to, [this, connection, side, to, moved = std::move(segment)]() mutable {
        --host(to).downlink_waiting;
        deliver(connection, side, std::move(moved));
    });
}

void Network::deliver(const ConnectionPtr& connection, int side, ByteBuffer segment) {
    if (connection->severed) return;
    Pipe& pipe = side_of(*connection, side).out;
    Side& reader = other_side(*connection, side);
    pipe.in_flight -= segment.size();
    pipe.waiting += segment.size();
    const bool is_end = segment.empty();
    pipe.arrived.push_back(std::move(segment));
    if (reader.is_held) {
        drain(connection, 1 - side);
    } else if (!is_end) {
        answer_with_reset(connection, 1 - side);
    }
}

void Network::drain(const ConnectionPtr& connection, int reader_index) {
    Side& reader = side_of(*connection, reader_index);
    Side& sender = other_side(*connection, reader_index);
    Pipe& pipe = sender.out;
    // Each call below may pause, send, or destroy the stream.
    while (reader.is_held && !reader.dead && reader.connected && reader.reading && !pipe.arrived.empty()) {
        ByteBuffer segment = std::move(pipe.arrived.front());
        pipe.arrived.pop_front();
        if (segment.empty()) {
            const Error end = sender.resets_on_close ? system_error(ECONNRESET, "stream")
                                                     : remote_error(ErrorCode::EndOfStream, "closed by the other side");
            fail_side(*connection, reader_index, end);
            return;
        }
        if (segment.size() > reader.may_read) {
            const auto cut = segment.begin() + static_cast<std::ptrdiff_t>(reader.may_read);
            pipe.arrived.emplace_front(cut, segment.end());
            segment.erase(cut, segment.end());
        }
        if (reader.may_read != UINT64_MAX && (reader.may_read -= segment.size()) == 0) reader.reading = false;
        pipe.waiting -= segment.size();
        pipe.delivered += segment.size();
        host(reader.host).traffic.bytes_received += segment.size();
        pipe.acknowledgements.push_back({simulator_.now() + delay(reader.host, sender.host), segment.size()});
        if (sender.wants_room) watch_for_room(connection, 1 - reader_index);
        BT_CHECK(reader.handler != nullptr);
        reader.handler->on_received(segment);
    }
}

void Network::watch_for_room(const ConnectionPtr& connection, int side) {
    Side& sender = side_of(*connection, side);
    if (sender.room_event_waits || sender.out.acknowledgements.empty()) return;
    sender.room_event_waits = true;
    simulator_.schedule(sender.out.acknowledgements.front().time, sender.host,
                        [this, connection, side] { on_acknowledged(connection, side); });
}

void Network::on_acknowledged(const ConnectionPtr& connection, int side) {
    Side& sender = side_of(*connection, side);
    sender.room_event_waits = false;
    settle_acknowledgements(sender.out, simulator_.now());
    if (connection->severed || sender.dead || !sender.is_held || !sender.wants_room) return;
    if (unacknowledged(sender.out) >= settings_.send_buffer) {
        watch_for_room(connection, side);
        return;
    }
    sender.wants_room = false;
    sender.handler->on_writable();
}

void Network::close(const ConnectionPtr& connection, int side) {
    Side& closing = side_of(*connection, side);
    closing.is_held = false;
    closing.handler = nullptr;
    if (connection->severed || closing.dead) return;
    if (!other_side(*connection, side).exists) {  // the dial is on its way
        connection->sever();
        return;
    }
    if (other_side(*connection, side).out.waiting > 0) {
        answer_with_reset(connection, side);
        return;
    }
    closing.out.ended = true;
    closing.out.queue.emplace_back();
    enqueue(connection, side);
}

void Network::answer_with_reset(const ConnectionPtr& connection, int closed_side) {
    Side& closed = side_of(*connection, closed_side);
    if (closed.reset_sent) return;
    closed.reset_sent = true;
    closed.out.queue.clear();
    closed.out.queued = 0;
    closed.out.ended = true;
    const Side& other = other_side(*connection, closed_side);
    fail_later(connection, 1 - closed_side, simulator_.now() + delay(closed.host, other.host),
               system_error(ECONNRESET, "stream"));
}

void Connection::sever() {
    severed = true;
    for (Side& side : sides) {
        side.out.queue.clear();
        side.out.arrived.clear();
        side.out.queued = 0;
    }
}

void Connection::check_invariants(std::uint64_t send_buffer) const {
    for (const Side& side : sides) {
        const Pipe& pipe = side.out;
        BT_CHECK(pipe.delivered <= pipe.accepted && pipe.acknowledged <= pipe.delivered);
        BT_CHECK(pipe.accepted - pipe.acknowledged <= send_buffer);
        if (severed || side.reset_sent) continue;
        BT_CHECK(pipe.accepted == pipe.queued + pipe.in_flight + pipe.waiting + pipe.delivered);
        std::uint64_t queued = 0;
        for (const ByteBuffer& segment : pipe.queue) queued += segment.size();
        std::uint64_t unread = 0;
        for (const ByteBuffer& segment : pipe.arrived) unread += segment.size();
        BT_CHECK(queued == pipe.queued && unread == pipe.waiting);
        BT_CHECK(pipe.has_turn || pipe.queue.empty());
        std::uint64_t unknown = 0;
        for (const auto& acknowledgement : pipe.acknowledgements) unknown += acknowledgement.bytes;
        BT_CHECK(pipe.acknowledged + unknown == pipe.delivered);
    }
}

SimStream::SimStream(Network& network, std::shared_ptr<Connection> connection, int side)
    : network_(network), connection_(std::move(connection)), side_(side) {
    this->side().is_held = true;
}

SimStream::~SimStream() { network_.close(connection_, side_); }

void SimStream::send(OutputQueue& queue, std::uint64_t max_bytes) {
    network_.send(connection_, side_, queue, max_bytes);
}

void SimStream::take(OutputQueue& queue, std::uint64_t max_bytes, ByteBuffer& into) {
    network_.take(connection_, side_, queue, max_bytes, into);
}

void SimStream::resume_reading(std::uint64_t max_bytes) {
    side().may_read = max_bytes;
    const bool was_reading = std::exchange(side().reading, max_bytes > 0);
    if (was_reading || !side().reading) return;
    network_.simulator_.post(side().host, [network = &network_, connection = connection_, reader = side_] {
        if (!connection->severed) network->drain(connection, reader);
    });
}

}  // namespace bt::sim
