#include "lab/foreign_watch.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/net/socket.h"
#include "common/telemetry/event.h"
#include "lab/torrent_files.h"

namespace bt::lab {
namespace {

std::optional<std::regex> regex_of(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(std::regex(text));
}

std::vector<std::string> expanded(const std::vector<std::string>& argv, const Words& words) {
    std::vector<std::string> out;
    for (const std::string& argument : argv) out.push_back(expand(argument, words));
    return out;
}

bool fits(const std::optional<std::regex>& pattern, std::string_view line) {
    line = line.substr(0, kMaxMatchedLine);
    return pattern && std::regex_search(line.begin(), line.end(), *pattern);
}

bool has_listener(const std::string& table_path, const std::string& address, const std::string& colon_port) {
    std::ifstream table(table_path);
    std::string number, local, remote, state, rest;
    std::getline(table, rest);
    while (table >> number >> local >> remote >> state && std::getline(table, rest)) {
        if (state == "0A" && local == address + colon_port) return true;
    }
    return false;
}

}  // namespace

bool is_listening(pid_t process, const std::string& address, std::uint16_t port) {
    in_addr ip{};
    if (inet_pton(AF_INET, address.c_str(), &ip) != 1) return false;
    char number[16], colon_port[8];
    std::snprintf(number, sizeof number, "%08X", ip.s_addr);
    std::snprintf(colon_port, sizeof colon_port, ":%04X", port);
    // IPv4 addresses on a socket for both families stand in the second table.
    const std::string zeros(16, '0');
    const std::string tables = "/proc/" + std::to_string(process) + "/net/";
    return has_listener(tables + "tcp", number, colon_port) || has_listener(tables + "tcp", "00000000", colon_port) ||
           has_listener(tables + "tcp6", zeros + "FFFF0000" + number, colon_port) ||
           has_listener(tables + "tcp6", zeros + zeros, colon_port);
}

std::uint16_t free_port(const std::string& address) {
    const net::Fd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    socklen_t size = sizeof name;
    if (inet_pton(AF_INET, address.c_str(), &name.sin_addr) != 1) return 0;
    if (bind(probe.get(), reinterpret_cast<sockaddr*>(&name), size) != 0) return 0;
    if (getsockname(probe.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0) return 0;
    return ntohs(name.sin_port);
}

ForeignWatch::ForeignWatch(net::UvLoop& loop, net::TimerQueue& timers, const NodePlan& node, pid_t process, Words words,
                           const std::filesystem::path& torrent, std::function<void(std::string_view)> on_event,
                           std::function<void(std::string_view)> on_log)
    : loop_(loop),
      node_(node),
      process_(process),
      adapter_(*node.adapter),
      words_(std::move(words)),
      torrent_(torrent),
      on_event_(std::move(on_event)),
      on_log_(std::move(on_log)),
      start_(loop.now()),
      ready_line_(regex_of(adapter_.ready_line)),
      complete_line_(regex_of(adapter_.complete_line)),
      timer_(timers, [this] { poll(); }) {
    timer_.arm(loop_.now());
}

void ForeignWatch::on_output_line(std::string_view line) {
    if (!ready_ && fits(ready_line_, line)) on_ready();
    if (ready_ && fits(complete_line_, line)) complete();
}

void ForeignWatch::poll() {
    timer_.arm(loop_.now() + kPoll);
    if (!ready_ && !ready_line_ && is_listening(process_, node_.hidden, node_.port)) on_ready();
    if (!ready_) return;
    run_after_ready();
    if (after_ready_done_) run_poll_command();
    if (node_.kind == NodeKind::Client && !complete_line_) look_at_files();
}

void ForeignWatch::on_ready() {
    ready_ = true;
    std::string fields = ",\"listen\":\"" + node_.hidden + ':' + std::to_string(node_.port) + '"';
    if (node_.kind == NodeKind::Tracker) fields += ",\"announce\":\"" + words_["announce"] + '"';
    emit("ready", std::move(fields));
}

void ForeignWatch::run_after_ready() {
    const std::vector<std::string>& argv = adapter_.roles.at(node_.kind).after_ready;
    after_ready_done_ = after_ready_done_ || argv.empty();
    if (after_ready_done_ || command_ || loop_.now() < command_after_) return;
    command_ = start_command(argv, [this](const net::ChildExit& exit) {
        after_ready_done_ = !exit.signalled && exit.code == 0;
        command_after_ = loop_.now() + kRetry;
        command_.reset();
    });
}

void ForeignWatch::run_poll_command() {
    if (adapter_.poll.empty() || command_ || loop_.now() < command_after_) return;
    command_ = start_command(adapter_.poll, [this](const net::ChildExit& exit) {
        const nlohmann::json said = nlohmann::json::parse(polled_, nullptr, false);
        if (!exit.signalled && exit.code == 0 && said.is_object()) {
            const std::string text = said.dump();
            if (text.size() > 2) emit("stats", ',' + text.substr(1, text.size() - 2));
        }
        command_after_ = loop_.now() + kRetry;
        command_.reset();
    });
}

std::unique_ptr<net::ChildProcess> ForeignWatch::start_command(const std::vector<std::string>& argv,
                                                               std::function<void(const net::ChildExit&)> on_exit) {
    net::ChildSpec spec;
    spec.argv = expanded(argv, words_);
    spec.directory = node_.folder.string();
    spec.environment = node_.environment;
    spec.standard_output.on_line = [this](std::string_view line) { polled_ = line; };
    spec.standard_error.on_line = on_log_;
    spec.on_exit = std::move(on_exit);
    Result<std::unique_ptr<net::ChildProcess>> process = net::ChildProcess::start(loop_, std::move(spec));
    if (process) return std::move(*process);
    on_log_(process.error().message());
    return nullptr;
}

void ForeignWatch::look_at_files() {
    if (completed_) return;
    if (!metainfo_) {
        Result<meta::Metainfo> loaded = load_torrent(torrent_);
        if (!loaded) return;
        metainfo_ = std::move(*loaded);
        have_.resize(metainfo_->layout().piece_count());
    }
    std::uint64_t hashed = 0;
    const std::uint32_t before = have_count_, count = metainfo_->layout().piece_count();
    for (std::uint32_t i = 0; i < count && hashed < kHashPerPoll; ++i, next_piece_ = (next_piece_ + 1) % count) {
        if (have_[next_piece_]) continue;
        const PieceIndex piece = *metainfo_->layout().piece(next_piece_);
        hashed += metainfo_->layout().piece_size(piece);
        if (!is_piece_there(*metainfo_, node_.files, piece)) continue;
        have_[next_piece_] = true;
        ++have_count_;
    }
    if (have_count_ == count) return complete();
    if (have_count_ == before) return;
    emit("stats", ",\"state\":\"downloading\",\"have\":" + std::to_string(have_count_) +
                      ",\"pieces\":" + std::to_string(count) +
                      ",\"progress\":" + std::to_string(static_cast<double>(have_count_) / static_cast<double>(count)));
}

void ForeignWatch::complete() {
    if (completed_) return;
    completed_ = true;
    const std::string count = std::to_string(metainfo_ ? metainfo_->layout().piece_count() : 0);
    emit("completed", metainfo_ ? ",\"state\":\"seeding\",\"have\":" + count + ",\"pieces\":" + count : "");
}

void ForeignWatch::emit(std::string_view event, std::string fields) {
    char time[40];
    std::snprintf(time, sizeof time, "%.9f", to_seconds(loop_.now() - start_));
    on_event_("{\"t\":" + std::string(time) + ",\"node\":\"" + node_.name + "\",\"event\":\"" + std::string(event) +
              "\"" + fields + "}");
}

}  // namespace bt::lab
