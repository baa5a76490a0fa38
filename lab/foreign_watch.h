#pragma once

// Sees what another program does and says it in our events, so that the rest of the lab knows no difference: `ready`,
// `stats` with the progress, `completed`.
//
// Rules
//  - Ready: a line of its output fits, or its TCP address listens (looked up in /proc/net/tcp; nobody connects).
//    Then its adapter's command is run, once, again and again every kRetry until it ends with 0.
//  - Progress and completion are what lies on the disk: pieces are read and hashed, at most kHashPerPoll bytes a poll,
//    each until it was right once. Or a line of its output fits; or the adapter's poll command says more.
//  - A seeder is ready when it listens; whether it has checked its files shows when it serves.
// Every kPoll. An adapter that writes our events itself is not watched at all.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "common/meta/metainfo.h"
#include "common/net/child_process.h"
#include "common/net/uv_loop.h"
#include "common/net/uv_timer.h"
#include "lab/plan.h"

namespace bt::lab {

class ForeignWatch {
  public:
    static constexpr Duration kPoll = milliseconds(100);
    static constexpr Duration kRetry = milliseconds(300);
    static constexpr std::uint64_t kHashPerPoll = 4u << 20;

    // `words`: of the node, with those of the torrent. `on_event`: a line of our events, without its end.
    ForeignWatch(net::UvLoop& loop, net::TimerQueue& timers, const NodePlan& node, pid_t process, Words words,
                 const std::filesystem::path& torrent, std::function<void(std::string_view)> on_event,
                 std::function<void(std::string_view)> on_log);

    void on_output_line(std::string_view line);

  private:
    void poll();
    void on_ready();
    void run_after_ready();
    void run_poll_command();
    void look_at_files();
    void emit(std::string_view event, std::string fields);
    void complete();
    std::unique_ptr<net::ChildProcess> start_command(const std::vector<std::string>& argv,
                                                     std::function<void(const net::ChildExit&)> on_exit);

    net::UvLoop& loop_;
    const NodePlan& node_;
    pid_t process_;
    const Adapter& adapter_;
    Words words_;
    std::filesystem::path torrent_;
    std::function<void(std::string_view)> on_event_, on_log_;
    TimePoint start_;
    std::optional<std::regex> ready_line_, complete_line_;
    std::optional<meta::Metainfo> metainfo_;
    std::vector<bool> have_;
    std::uint32_t have_count_ = 0;
    std::uint32_t next_piece_ = 0;
    bool ready_ = false;
    bool after_ready_done_ = false;
    bool completed_ = false;
    std::string polled_;                          // last line of the poll command
    std::unique_ptr<net::ChildProcess> command_;  // one at a time
    TimePoint command_after_{};
    net::UvTimer timer_;
};

// Whether a TCP socket listens on the address (or on all of them) with this port, in the network of that process.
[[nodiscard]] bool is_listening(pid_t process, const std::string& address, std::uint16_t port);

// A port that nothing has on this address, as the kernel gives them.
[[nodiscard]] std::uint16_t free_port(const std::string& address);

}  // namespace bt::lab
