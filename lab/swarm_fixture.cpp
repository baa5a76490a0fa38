#include "lab/swarm_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace bt::lab {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kEndWithin{15};  // for the child, once its input is closed

std::string program_of(const SwarmOptions& options) {
    if (!options.program.empty()) return options.program;
    if (const char* named = std::getenv("SWARM_LAB"); named != nullptr && *named != '\0') return named;
    if (access(options.installed_program.c_str(), X_OK) == 0) return options.installed_program;
    return "swarm-lab";
}

void close_all(std::initializer_list<int> descriptors) {
    for (const int fd : descriptors) {
        if (fd >= 0) close(fd);
    }
}

}  // namespace

class LocalSwarm::Impl {
  public:
    Impl(std::string scenario, SwarmOptions options)
        : scenario_(std::move(scenario)), options_(std::move(options)), exceptions_(std::uncaught_exceptions()) {}

    ~Impl() {
        const bool failed = std::uncaught_exceptions() > exceptions_ || (failed_ && failed_());
        if (failed && !folder_.empty()) std::fprintf(stderr, "%s", last_lines(40).c_str());
        end_child();
    }

    void start() {
        if (pid_ > 0) throw SwarmError("the swarm was started already");
        launch();
        const bool inline_text = scenario_.find('\n') != std::string::npos;
        folder_ = ask({{"do", "start"},
                       {inline_text ? "inline" : "scenario", scenario_},
                       {"out", std::filesystem::absolute(options_.out).string()},
                       {"keep", options_.keep}})
                      .value("run", "");
        const double timeout = std::chrono::duration<double>(options_.ready_within).count();
        const Json answer =
            ask({{"do", "wait"}, {"for", "ready"}, {"timeout", timeout}}, options_.ready_within + kAnswerWithin);
        endpoints_ = answer.at("endpoints");
        tracker_url_ = endpoints_.value("tracker_url", "");
        torrent_ = endpoints_.value("torrent", "");
        content_ = endpoints_.value("content", "");
    }

    Json ask(Json request, std::chrono::milliseconds longest = kAnswerWithin) {
        if (pid_ <= 0) fail("the swarm was not started");
        request["id"] = ++last_id_;
        const std::string what = request.value("do", "");
        write_line(request.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n');
        const Clock::time_point until = Clock::now() + longest;
        for (;;) {
            const Json answer = Json::parse(read_line(until, what), nullptr, false);
            if (!answer.is_object() || answer.value("id", 0) != last_id_) continue;
            if (!answer.value("ok", false)) fail(what + ": " + answer.value("error", std::string("refused")));
            return answer;
        }
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw SwarmError(what + (folder_.empty() ? "" : "\n" + last_lines(40)));
    }

    [[nodiscard]] std::string last_lines(std::size_t count) const {
        std::deque<std::string> lines;
        std::ifstream file(folder_ + "/log");
        for (std::string line; std::getline(file, line);) {
            lines.push_back(line);
            if (lines.size() > count) lines.pop_front();
        }
        std::string text = "-- the last lines of " + folder_ + "/log\n";
        for (const std::string& line : lines) text += line + '\n';
        return text;
    }

    std::string folder_, tracker_url_, torrent_, content_;
    std::function<bool()> failed_;

  private:
    void launch() {
        const std::string program = program_of(options_);
        int to_child[2] = {-1, -1}, from_child[2] = {-1, -1};
        if (pipe2(to_child, O_CLOEXEC) != 0 || pipe2(from_child, O_CLOEXEC) != 0) {
            close_all({to_child[0], to_child[1]});
            throw SwarmError("no pipe can be made");
        }
        const char* argv[] = {program.c_str(), "control", nullptr};
        pid_ = fork();
        if (pid_ == 0) {
            dup2(to_child[0], STDIN_FILENO);
            dup2(from_child[1], STDOUT_FILENO);
            execvp(argv[0], const_cast<char* const*>(argv));
            _exit(127);
        }
        close_all({to_child[0], from_child[1]});
        to_child_ = to_child[1];
        from_child_ = from_child[0];
        if (pid_ < 0) throw SwarmError("no process can be made");
    }

    void end_child() {
        close_all({to_child_});
        to_child_ = -1;
        if (pid_ <= 0) return;
        const Clock::time_point until = Clock::now() + kEndWithin;
        char drained[4096];
        pollfd readable{from_child_, POLLIN, 0};
        while (Clock::now() < until && poll(&readable, 1, 100) >= 0) {
            if (readable.revents != 0 && read(from_child_, drained, sizeof drained) <= 0) break;
        }
        if (Clock::now() >= until) kill(pid_, SIGKILL);  // its guard cleans up
        while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
        close_all({from_child_});
        pid_ = -1;
    }

    void write_line(const std::string& line) {
        // A child that has ended must not end us; the mask is of this thread alone.
        sigset_t pipe_signal, before;
        sigemptyset(&pipe_signal);
        sigaddset(&pipe_signal, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
        const ssize_t written = write(to_child_, line.data(), line.size());
        const int error = errno;
        const timespec at_once{0, 0};
        if (written < 0 && error == EPIPE) sigtimedwait(&pipe_signal, nullptr, &at_once);
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        if (written != static_cast<ssize_t>(line.size())) fail(ended());
    }

    std::string read_line(Clock::time_point until, const std::string& what) {
        for (;;) {
            if (const std::size_t end = pending_.find('\n'); end != std::string::npos) {
                std::string line = pending_.substr(0, end);
                pending_.erase(0, end + 1);
                return line;
            }
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
            if (left <= 0) fail(what + ": no answer in time");
            pollfd readable{from_child_, POLLIN, 0};
            if (poll(&readable, 1, static_cast<int>(left)) <= 0) continue;
            char buffer[1 << 14];
            const ssize_t n = read(from_child_, buffer, sizeof buffer);
            if (n == 0) fail(ended());
            if (n > 0) pending_.append(buffer, static_cast<std::size_t>(n));
        }
    }

    [[nodiscard]] std::string ended() const {
        return program_of(options_) + " control has ended, or cannot be started (is it there?)";
    }

    std::string scenario_;
    SwarmOptions options_;
    int exceptions_;
    pid_t pid_ = -1;
    int to_child_ = -1;
    int from_child_ = -1;
    int last_id_ = 0;
    std::string pending_;
    Json endpoints_;
};

LocalSwarm::LocalSwarm(std::string scenario, SwarmOptions options)
    : impl_(std::make_unique<Impl>(std::move(scenario), std::move(options))) {}

LocalSwarm::~LocalSwarm() = default;

void LocalSwarm::start() { impl_->start(); }
const std::string& LocalSwarm::tracker_url() const { return impl_->tracker_url_; }
const std::string& LocalSwarm::torrent() const { return impl_->torrent_; }
const std::string& LocalSwarm::content() const { return impl_->content_; }
const std::string& LocalSwarm::folder() const { return impl_->folder_; }

std::vector<SwarmNode> LocalSwarm::nodes() {
    std::vector<SwarmNode> nodes;
    const Json answer = impl_->ask({{"do", "nodes"}});
    for (const Json& one : answer.at("nodes")) {
        nodes.push_back({one.value("name", ""), one.value("kind", ""), one.value("address", ""),
                         one.value("listen", ""), one.value("folder", ""), one.value("files", ""),
                         one.value("phase", ""), one.value("progress", 0.0), one.value("complete", false),
                         one.value("pid", 0)});
    }
    return nodes;
}

SwarmNode LocalSwarm::node(std::string_view name) {
    for (SwarmNode& node : nodes()) {
        if (node.name == name) return std::move(node);
    }
    impl_->fail("no node is called " + std::string(name));
}

void LocalSwarm::wait_complete(std::chrono::milliseconds longest) { wait_for("complete", longest); }

void LocalSwarm::wait_for(std::string_view condition, std::chrono::milliseconds longest) {
    const double timeout = std::chrono::duration<double>(longest).count();
    (void)impl_->ask({{"do", "wait"}, {"for", condition}, {"timeout", timeout}}, longest + kAnswerWithin);
}

void LocalSwarm::act(std::string_view nodes, std::string_view action) {
    (void)impl_->ask({{"do", "ctl"}, {"node", nodes}, {"action", action}});
}

void LocalSwarm::limit(std::string_view nodes, std::uint64_t upload, std::uint64_t download) {
    (void)impl_->ask({{"do", "ctl"}, {"node", nodes}, {"action", "limit"}, {"upload", upload}, {"download", download}});
}

std::uint64_t LocalSwarm::count_events(std::string_view query) {
    return impl_->ask({{"do", "events"}, {"query", query}, {"limit", 0}}).value("count", std::uint64_t{0});
}

SwarmEnd LocalSwarm::stop() {
    const Json answer = impl_->ask({{"do", "stop"}});
    const Json report = answer.value("report", Json());
    return {answer.value("exit_code", 1) == 0, answer.value("outcome", ""),
            report.dump(2, ' ', false, Json::error_handler_t::replace)};
}

void LocalSwarm::dump_logs_if(std::function<bool()> failed) { impl_->failed_ = std::move(failed); }
std::string LocalSwarm::last_lines(std::size_t count) const { return impl_->last_lines(count); }

}  // namespace bt::lab
