#pragma once

// Host names to addresses with getaddrinfo, on threads of our own: a process that ends while libuv's threads sit in a
// look-up would have to wait for the name server's time-out, because libuv joins its threads at exit.
//
//  - An address as text needs no network, and is still answered later.
//  - At most kMaxLookupThreads threads; they end when nothing waits.
//  - Destruction does not wait for look-ups that run; their answers are dropped.

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "common/env/env.h"
#include "common/net/uv_loop.h"

namespace bt::net {

inline constexpr unsigned kMaxLookupThreads = 4;

class UvResolver {
  public:
    explicit UvResolver(UvLoop& loop);
    ~UvResolver();
    UvResolver(const UvResolver&) = delete;
    UvResolver& operator=(const UvResolver&) = delete;

    // The look-up is destroyed before the resolver.
    [[nodiscard]] std::unique_ptr<env::Lookup> resolve(const std::string& host, std::uint16_t port,
                                                       env::LookupCallback done);

  private:
    class TextLookup;
    class NameLookup;
    struct Shared;

    void deliver();

    UvLoop& loop_;
    std::shared_ptr<Shared> shared_;  // with the threads
    std::unordered_map<std::uint64_t, NameLookup*> lookups_;
    std::uint64_t next_lookup_ = 0;
};

}  // namespace bt::net
