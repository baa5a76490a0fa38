#pragma once

// --on-complete: a command for /bin/sh -c, once for each torrent when all that was wanted of it is there (also when it
// lay there already: SWARM_DOWNLOADED is 0 then).
//
// Environment, beside ours
//   SWARM_NAME        the torrent's name: a file or folder below SWARM_DIR
//   SWARM_INFO_HASH   40 hex digits
//   SWARM_DIR         the output folder, as an absolute path where it can be had
//   SWARM_LENGTH      bytes of the whole content
//   SWARM_DOWNLOADED  bytes of payload that came in this run
// The name comes from outside: quote it ("$SWARM_NAME"). Standard input is empty; what the command prints becomes
// messages, line by line. Its exit code is told and changes nothing. Commands of several torrents run side by side.
// At most kMaxLines lines of each command are passed on.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/types.h"
#include "common/net/child_process.h"

namespace bt::client {

struct CompletedTorrent {
    std::string name;
    InfoHash info_hash{};
    std::string dir;
    std::uint64_t length = 0;
    std::uint64_t downloaded = 0;
};

class CompletionCommands {
  public:
    static constexpr std::uint32_t kMaxLines = 1000;

    // on_idle: the last one that ran has ended.
    CompletionCommands(net::UvLoop& loop, std::string command, std::function<void(const std::string&)> on_message,
                       std::function<void()> on_idle);
    ~CompletionCommands();

    // Nothing where the command is empty.
    void start(const CompletedTorrent& torrent);
    void kill_all();
    [[nodiscard]] std::size_t running() const { return running_; }

  private:
    struct Run;
    void on_line(Run& run, std::string_view line);
    void on_exit(Run& run, const net::ChildExit& exit);

    net::UvLoop& loop_;
    std::string command_;
    std::function<void(const std::string&)> on_message_;
    std::function<void()> on_idle_;
    std::vector<std::unique_ptr<Run>> runs_;
    std::size_t running_ = 0;
};

}  // namespace bt::client
