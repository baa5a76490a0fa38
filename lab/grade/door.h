#pragma once

// A listening socket of the grader's own side of the swarm, with a thread for each connection: a peer's manners are
// then a list of steps that reads from top to bottom. Destruction hangs up on everybody and waits for the threads.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/net/socket.h"

namespace bt::grade {

class Door {
  public:
    static constexpr std::size_t kMaxConnections = 256;  // in all; later ones are hung up on

    // serve() runs in a thread of its own and returns soon after the connection has ended.
    using Serve = std::function<void(net::Fd)>;
    [[nodiscard]] static Result<std::unique_ptr<Door>> open(const Address& address, Serve serve);
    ~Door();
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

  private:
    Door(net::Fd listener, Serve serve);
    void accept_all();
    void begin(net::Fd connection);

    net::Fd listener_;
    Endpoint endpoint_;
    Serve serve_;
    std::atomic<bool> closing_ = false;
    std::mutex mutex_;
    std::vector<std::shared_ptr<net::Fd>> open_;  // second descriptors, to hang up by
    std::vector<std::jthread> threads_;
    std::jthread accepting_;
};

}  // namespace bt::grade
