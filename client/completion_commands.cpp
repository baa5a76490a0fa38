#include "client/completion_commands.h"

#include <csignal>
#include <cstdlib>

#include "common/base/encoding.h"

namespace bt::client {
namespace {

std::string absolute(const std::string& path) {
    char* const resolved = ::realpath(path.c_str(), nullptr);
    std::string result = resolved == nullptr ? path : std::string(resolved);
    std::free(resolved);
    return result;
}

}  // namespace

struct CompletionCommands::Run {
    std::string name;
    std::uint32_t lines = 0;
    std::unique_ptr<net::ChildProcess> child;
};

CompletionCommands::CompletionCommands(net::UvLoop& loop, std::string command,
                                       std::function<void(const std::string&)> on_message,
                                       std::function<void()> on_idle)
    : loop_(loop), command_(std::move(command)), on_message_(std::move(on_message)), on_idle_(std::move(on_idle)) {}

CompletionCommands::~CompletionCommands() = default;

void CompletionCommands::start(const CompletedTorrent& torrent) {
    if (command_.empty()) return;
    runs_.push_back(std::make_unique<Run>());
    Run& run = *runs_.back();
    run.name = torrent.name;
    net::ChildSpec spec;
    spec.argv = {"/bin/sh", "-c", command_};
    spec.environment = {{"SWARM_NAME", torrent.name},
                        {"SWARM_INFO_HASH", to_hex(torrent.info_hash)},
                        {"SWARM_DIR", absolute(torrent.dir)},
                        {"SWARM_LENGTH", std::to_string(torrent.length)},
                        {"SWARM_DOWNLOADED", std::to_string(torrent.downloaded)}};
    spec.standard_output.on_line = [this, &run](std::string_view line) { on_line(run, line); };
    spec.standard_error.on_line = spec.standard_output.on_line;
    spec.on_exit = [this, &run](const net::ChildExit& exit) { on_exit(run, exit); };
    auto child = net::ChildProcess::start(loop_, std::move(spec));
    if (!child) {
        on_message_("--on-complete for " + run.name + " cannot be started: " + child.error().message());
        return;
    }
    run.child = std::move(*child);
    ++running_;
}

void CompletionCommands::on_line(Run& run, std::string_view line) {
    if (++run.lines <= kMaxLines) on_message_("--on-complete for " + run.name + ": " + std::string(line));
}

void CompletionCommands::on_exit(Run& run, const net::ChildExit& exit) {
    on_message_("--on-complete for " + run.name +
                (exit.signalled ? " was ended by signal " + std::to_string(exit.signal)
                                : " ended with code " + std::to_string(exit.code)));
    if (--running_ == 0) on_idle_();
}

void CompletionCommands::kill_all() {
    for (const auto& run : runs_) {
        if (run->child) run->child->kill(SIGKILL);
    }
}

}  // namespace bt::client
