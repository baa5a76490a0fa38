#pragma once

// The program under test: one command of it at a time, with a limit on its time and on what it may print. Its process
// group ends with it (net::ChildProcess); what it started elsewhere carries the mark of the run (lab/left_behind.h) and
// is ended by the owner of that. Ctrl-C ends the command and is remembered.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/net/child_process.h"
#include "common/net/signals.h"
#include "common/net/uv_loop.h"
#include "common/net/uv_timer.h"

namespace bt::grade {

// One command and what became of it.
struct Ran {
    std::string command;  // as one would type it
    net::ChildExit exit;
    bool timed_out = false;
    bool flooded = false;  // it printed more than Student::kMaxOutput
    std::string out, err;  // err: the end of it
    Duration limit{};

    [[nodiscard]] bool in_order() const { return !timed_out && !flooded && !exit.signalled && exit.code == 0; }
};

struct StudentSettings {
    std::vector<std::string> command;  // in front of every command's arguments
    std::filesystem::path folder;      // for what it prints; there already
    Duration limit = seconds(10);
    std::vector<std::pair<std::string, std::string>> environment;
};

class Student {
  public:
    static constexpr std::size_t kMaxOutput = 4u << 20;
    static constexpr std::size_t kErrorTail = 2000;

    explicit Student(StudentSettings settings);

    // Waits for its end. `patience`: how many times the limit. Error: it cannot be started; Cancelled by a signal.
    [[nodiscard]] Result<Ran> run(const std::vector<std::string>& arguments, int patience = 1);

  private:
    StudentSettings settings_;
    net::UvLoop loop_;
    net::TimerQueue timers_;
    bool interrupted_ = false;
    std::unique_ptr<net::ChildProcess> child_;
    net::Signals signals_;
};

// As a shell takes it. Bytes that no terminal shows are written $'\xNN'.
[[nodiscard]] std::string shell_quoted(const std::string& word);

}  // namespace bt::grade
