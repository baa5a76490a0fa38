#pragma once

// The ports: all that a node may ask of its world. Two worlds implement them, common/net (libuv: real sockets, disks,
// time) and lab/sim (virtual time, links, in-memory disks). Nodes cannot tell which one they live in.
//
// Rules for every port
//  - One thread. All callbacks come from the world's loop, on the thread that made the calls; never from inside the
//    call that asked for them.
//  - Destroying a port object ends it at once: no callback comes afterwards. It may be destroyed inside one of its own
//    callbacks, as the last thing that callback does with it.
//  - Errors are values (bt::Error, fault System or Remote); nothing throws.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/base/output_queue.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "common/meta/bitfield.h"
#include "common/storage/piece_buffer.h"
#include "common/storage/storage_spec.h"

namespace bt::env {

class Clock {
  public:
    virtual ~Clock() = default;
    // Never goes back. Constant during one callback is allowed (a loop's cached time).
    [[nodiscard]] virtual TimePoint now() const = 0;
};

// One-shot; arming again replaces the deadline. A deadline in the past fires at the next turn of the loop.
class Timer {
  public:
    virtual ~Timer() = default;
    virtual void arm(TimePoint deadline) = 0;
    virtual void cancel() = 0;
};

class StreamHandler {
  public:
    virtual ~StreamHandler() = default;
    // An outgoing stream is connected; accepted streams are from the start and never get this.
    virtual void on_connected() = 0;
    // Bytes arrived. They lie in the world's shared receive buffer: may be changed in place (decryption), are gone
    // when the call returns.
    virtual void on_received(MutableByteView bytes) = 0;
    // After send() left something in the queue: there is room again, call send().
    virtual void on_writable() = 0;
    // The stream is dead: refused, timed out, reset, or EndOfStream when the other side closed in order. Called at
    // most once, and never after the stream was destroyed. Bytes received before were delivered before.
    virtual void on_closed(const Error& error) = 0;
};

// A TCP-like byte stream.
class Stream {
  public:
    virtual ~Stream() = default;  // closes

    // Must be set before the loop turns next.
    virtual void set_handler(StreamHandler* handler) = 0;

    // Sends from the front of the queue, at most max_bytes, and marks what was taken. Whatever stays in the queue
    // for want of room (not because of max_bytes) is followed by on_writable() once. File ranges are read from this
    // world's Disk; a file that cannot be read ends the stream with on_closed(DiskError), later.
    // Before on_connected nothing is taken.
    virtual void send(OutputQueue& queue, std::uint64_t max_bytes = UINT64_MAX) = 0;

    // For a layer that must see what is sent (encryption): moves bytes from the front of the queue to the end of
    // `into`, at most max_bytes, file ranges read. Nothing is moved where file content has to be waited for (then
    // on_writable() follows) or cannot be read (then on_closed(DiskError)); it may be less than there is, too.
    virtual void take(OutputQueue& queue, std::uint64_t max_bytes, ByteBuffer& into) = 0;

    // Flow control towards the sender; reading is on at first. Behind max_bytes it pauses itself, before the handler
    // is given the last of them (which may resume it); at most so many are taken from the system.
    virtual void pause_reading() = 0;
    virtual void resume_reading(std::uint64_t max_bytes = UINT64_MAX) = 0;

    // From now on destroying it cuts the connection off: what is still on its way may be lost, and the other side sees
    // ConnectionReset in place of an end.
    virtual void reset_on_close() = 0;

    // A hint: the stream is destroyed as soon as the queue is empty, so that its last bytes may leave together with its
    // end. They may be late when it is not.
    virtual void closes_behind_queue() {}

    [[nodiscard]] virtual Endpoint local_endpoint() const = 0;
    [[nodiscard]] virtual Endpoint remote_endpoint() const = 0;
};

class Listener {
  public:
    virtual ~Listener() = default;                              // stops listening; accepted streams live on
    [[nodiscard]] virtual Endpoint local_endpoint() const = 0;  // with the port the kernel gave
};

using AcceptCallback = std::function<void(std::unique_ptr<Stream>)>;

inline constexpr std::size_t kMaxDatagram = 65'507;  // what fits into one over IPv4

class DatagramHandler {
  public:
    virtual ~DatagramHandler() = default;
    // One datagram, whole. The bytes lie in the world's shared receive buffer, as those of a stream.
    virtual void on_datagram(MutableByteView bytes, const Endpoint& from) = 0;
    // Something that was sent to `remote` came back as undeliverable: ConnectFailed (port, host or net unreachable) or
    // what else the network said. The socket goes on.
    virtual void on_unreachable(const Endpoint& remote, const Error& error) = 0;
};

// A UDP socket: datagrams arrive or are lost, in any order, unannounced.
class Datagram {
  public:
    virtual ~Datagram() = default;  // closes

    // Nothing is queued on our side: what finds no room on its way is lost, which is no error. Errors are what the
    // caller can do something about: more than kMaxDatagram bytes, the other address family, no route, no permission.
    // What is sent from inside on_datagram() may leave together with what follows; no route and no permission then come
    // as on_unreachable().
    [[nodiscard]] virtual Status send_to(ByteView bytes, const Endpoint& remote) = 0;

    [[nodiscard]] virtual Endpoint local_endpoint() const = 0;  // with the port that the world chose
};

// Destroying it cancels the look-up.
class Lookup {
  public:
    virtual ~Lookup() = default;
};
using LookupCallback = std::function<void(Result<std::vector<Endpoint>>)>;

// What became of a piece that was to be checked and written.
struct PieceWritten {
    storage::PieceBuffer buffer;  // back to its owner
    bool hash_ok = false;         // only then anything was written
    Status status;                // of the write; disk full, disk error …
    // SHA-1 of each block, when asked for or when the hash was wrong: finds who sent the bad one.
    std::vector<Sha1Digest> block_digests;
};

struct PiecesChecked {
    PieceIndex first;
    std::vector<bool> ok;  // one per piece asked for; missing or short files make a piece not ok, without an error
    Status status;         // a real read error (EIO, permission)
};

// Files, on the world's work pool. Every callback comes on the loop thread after the call returned; calls are served
// in parallel and may finish in any order, except that flush() covers every write that was called before it.
class Disk {
  public:
    virtual ~Disk() = default;

    // Registers content; touches nothing on disk yet. The spec's paths.size() must equal the file count.
    virtual StorageId open_storage(storage::StorageSpec spec) = 0;
    // Closes its files once its running jobs are done. File ranges of it can no longer be sent.
    virtual void close_storage(StorageId id) = 0;

    // Hash buffer.bytes() against the metainfo's hash of the piece and, if right, write it (one positioned gather
    // write per file touched, folders and files created on demand, never preallocated beyond what is written).
    virtual void write_piece(StorageId id, PieceIndex piece, storage::PieceBuffer buffer, bool want_block_digests,
                             std::function<void(PieceWritten)> done) = 0;

    // Read and hash `count` pieces from `first` on.
    virtual void check_pieces(StorageId id, PieceIndex first, std::uint32_t count,
                              std::function<void(PiecesChecked)> done) = 0;

    // Hint: this piece will be sent soon. Brings it into memory without a callback.
    virtual void prefetch(StorageId id, PieceIndex piece) = 0;

    // A stat of every file, in metainfo order; where the spec has a placement, that of the shared file behind them.
    virtual void inspect(StorageId id, std::function<void(Result<std::vector<storage::FileStat>>)> done) = 0;

    // ReadWrite only, before anything is written: creates files of length 0 (with their folders), refuses what is in the way (a folder where a
    // file belongs, no permission), cuts files that are longer than the metainfo says.
    virtual void prepare(StorageId id, storage::Existing existing, std::function<void(Status)> done) = 0;

    // Where the spec has a placement (else nothing happens): other files are wanted from now on, one flag a file, or
    // empty for all; and files whose pieces are all verified get their final names. storage/placed_files.h.
    virtual void select_files(StorageId id, std::vector<bool> wanted, std::function<void(Status)> done) = 0;
    virtual void finish_files(StorageId id, std::vector<FileIndex> files, std::function<void(Status)> done) = 0;

    // Data of everything written to this storage reaches the device.
    virtual void flush(StorageId id, std::function<void(Status)> done) = 0;

    // Small state files (resume data). save replaces atomically: write beside, flush, rename.
    virtual void load(std::string path, std::function<void(Result<ByteBuffer>)> done) = 0;
    virtual void save(std::string path, ByteBuffer bytes, std::function<void(Status)> done) = 0;
    virtual void remove(std::string path, std::function<void(Status)> done) = 0;
};

class Env : public Clock {
  public:
    [[nodiscard]] virtual std::unique_ptr<Timer> make_timer(std::function<void()> on_deadline) = 0;

    // Dials `remote`, from `source` where given (port 0: any). Failure comes as on_closed.
    [[nodiscard]] virtual std::unique_ptr<Stream> connect(const Endpoint& remote, std::optional<Endpoint> source) = 0;

    // Port 0 lets the world choose. Error: AddressInUse, PermissionDenied, ….
    [[nodiscard]] virtual Result<std::unique_ptr<Listener>> listen(const Endpoint& local, AcceptCallback on_accept) = 0;

    // Port 0 lets the world choose. The handler must outlive the socket. Error: AddressInUse, PermissionDenied, ….
    [[nodiscard]] virtual Result<std::unique_ptr<Datagram>> open_datagram(const Endpoint& local,
                                                                          DatagramHandler& handler) = 0;

    // Addresses of a host name (an address as text needs no network), IPv4 first, each with the port.
    [[nodiscard]] virtual std::unique_ptr<Lookup> resolve(const std::string& host, std::uint16_t port,
                                                          LookupCallback done) = 0;

    [[nodiscard]] virtual Disk& disk() = 0;
};

}  // namespace bt::env
