#include "common/net/datagram_batch.h"

#include <cerrno>
#include <cstring>

namespace bt::net {
namespace {

// The kernel tells errors of earlier datagrams first, each once.
constexpr int kErrorsPerFlush = 64;

void connect_parts(mmsghdr& header, iovec& part, SocketAddress& address, Byte* bytes, std::size_t size) {
    part = {bytes, size};
    header = {};
    header.msg_hdr.msg_name = &address.storage;
    header.msg_hdr.msg_namelen = sizeof address.storage;
    header.msg_hdr.msg_iov = &part;
    header.msg_hdr.msg_iovlen = 1;
}

}  // namespace

bool is_loss(int error) { return error == EAGAIN || error == ENOBUFS || error == ENOMEM; }

std::size_t ReceiveBatch::receive(int fd) {
    if (!memory_) {
        memory_ = std::make_unique_for_overwrite<Memory>();
        for (std::size_t i = 0; i < kDatagramsPerCall; ++i) {
            connect_parts(memory_->headers[i], memory_->parts[i], memory_->addresses[i], memory_->bytes + i * kSlot,
                          kSlot);
        }
    }
    for (mmsghdr& header : memory_->headers) header.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    const int count = recvmmsg(fd, memory_->headers.data(), kDatagramsPerCall, MSG_DONTWAIT, nullptr);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

MutableByteView ReceiveBatch::bytes(std::size_t i) { return {memory_->bytes + i * kSlot, memory_->headers[i].msg_len}; }

std::optional<Endpoint> ReceiveBatch::from(std::size_t i) const { return to_endpoint(memory_->addresses[i].get()); }

bool SendBatch::add(ByteView bytes, const Endpoint& to) {
    if (count_ == kDatagramsPerCall) return false;
    if (!memory_) memory_ = std::make_unique_for_overwrite<Memory>();
    const std::size_t i = count_++;
    Byte* slot = memory_->bytes + i * kRoom;
    if (!bytes.empty()) std::memcpy(slot, bytes.data(), bytes.size());
    memory_->addresses[i] = to_socket_address(to);
    connect_parts(memory_->headers[i], memory_->parts[i], memory_->addresses[i], slot, bytes.size());
    memory_->headers[i].msg_hdr.msg_namelen = memory_->addresses[i].size;
    return true;
}

void SendBatch::flush(int fd, const std::function<void(const Endpoint& to, int error)>& failed) {
    std::size_t done = 0;
    int patience = kErrorsPerFlush;
    while (done < count_) {
        const int sent =
            sendmmsg(fd, memory_->headers.data() + done, static_cast<unsigned>(count_ - done), MSG_NOSIGNAL);
        if (sent > 0) {
            done += static_cast<std::size_t>(sent);
            continue;
        }
        const int error = errno;
        if ((error == EINTR || error == ECONNREFUSED) && --patience > 0) continue;
        if (!is_loss(error)) failed(*to_endpoint(memory_->addresses[done].get()), error);
        ++done;
    }
    count_ = 0;
}

}  // namespace bt::net
