#include "lab/runs.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/net/child_launch.h"
#include "common/net/line_channel.h"
#include "lab/left_behind.h"
#include "lab/run.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kLongestEndMs = 10'000;
// A lab answers at once; one that is paused, or hangs, never. The end of a swarm has no limit: it may be much work.
constexpr int kAnswerWithinS = 10;

struct Found {
    fs::path folder;
    std::string name;  // of its scenario; empty where it cannot be asked
    Json endpoints;
    bool silent = false;  // it has a socket, and does not answer
};

Result<Json> ask(const fs::path& folder, const Json& request, int within_s = kAnswerWithinS) {
    BT_TRY_ASSIGN(const net::Fd socket, net::connect_unix((folder / "control.sock").string()));
    const timeval longest{within_s, 0};
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
    Json answer;
    const Status exchanged = net::exchange_lines(socket, request.dump(), [&](std::string_view line) {
        answer = Json::parse(line, nullptr, false);
        return false;
    });
    if (!exchanged) return fail(local_error(ErrorCode::TimedOut, folder.string() + " does not answer"));
    if (!answer.is_object()) return fail(local_error(ErrorCode::Cancelled, folder.string() + " did not answer"));
    return answer;
}

std::string refusal_in(const Json& answer) {
    return answer.value("ok", false) ? "" : answer.value("error", std::string("no answer"));
}

std::vector<Found> find_runs(const fs::path& out) {
    std::vector<Found> runs;
    std::error_code error;
    for (fs::directory_iterator entry(fs::absolute(out, error), error), end; !error && entry != end;
         entry.increment(error)) {
        if (entry->is_symlink(error) || state_of_run(entry->path()) != RunState::Alive) continue;
        Found found{entry->path(), "", nullptr};
        const Result<Json> answer = ask(found.folder, {{"do", "endpoints"}});
        if (answer && answer->contains("endpoints")) {
            found.endpoints = (*answer)["endpoints"];
            found.name = found.endpoints.value("name", "");
        }
        found.silent = !answer && answer.error().code == ErrorCode::TimedOut;
        runs.push_back(std::move(found));
    }
    std::ranges::sort(runs, {}, &Found::folder);
    return runs;
}

Result<Found> choose(const RunsOptions& options) {
    std::vector<Found> runs = find_runs(options.out);
    std::string silent;
    for (const Found& run : runs)
        silent += run.silent ? "; " + run.folder.filename().string() + " does not answer" : "";
    std::erase_if(runs, [&](const Found& run) {
        return run.endpoints.is_null() ||
               (!options.name.empty() && run.name != options.name && run.folder.filename() != options.name);
    });
    if (runs.size() == 1) return std::move(runs.front());
    const std::string what = options.name.empty() ? "no swarm" : "no swarm \"" + options.name + '"';
    if (runs.empty())
        return fail(local_error(ErrorCode::InvalidArgument, what + " is up in " + options.out.string() + silent));
    std::string names;
    for (const Found& run : runs) names += (names.empty() ? "" : ", ") + run.folder.filename().string();
    return fail(local_error(ErrorCode::InvalidArgument, "several are up, name one: " + names));
}

int refused(const Error& error) { return static_cast<int>(report_error(LabExit::ScenarioWrong, error)); }

void print_run(const Found& run) {
    std::size_t running = 0, complete = 0, clients = 0;
    for (const Json& node : run.endpoints.is_object() ? run.endpoints.value("nodes", Json::array()) : Json::array()) {
        running += node.contains("pid") ? 1 : 0;
        if (node.value("kind", "") != "client") continue;
        ++clients;
        complete += node.value("complete", false) ? 1 : 0;
    }
    if (run.silent) {
        std::printf("%-32s  does not answer\n", run.folder.filename().c_str());
    } else if (run.endpoints.is_null()) {
        std::printf("%-32s  busy (run, exec or control)\n", run.folder.filename().c_str());
    } else {
        std::printf("%-32s  up, %zu nodes, %zu of %zu clients complete, %s\n", run.folder.filename().c_str(), running,
                    complete, clients, run.endpoints.value("tracker_url", "").c_str());
    }
}

}  // namespace

int list_runs(const RunsOptions& options) {
    const std::vector<Found> runs = find_runs(options.out);
    if (options.json) {
        Json list = Json::array();
        for (const Found& run : runs) {
            list.push_back({{"run", run.folder.string()}, {"up", !run.endpoints.is_null()}, {"swarm", run.endpoints}});
        }
        std::printf("%s\n", list.dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace).c_str());
        return 0;
    }
    for (const Found& run : runs) print_run(run);
    if (runs.empty()) std::fprintf(stderr, "nothing is up in %s\n", options.out.c_str());
    return 0;
}

int take_down(const RunsOptions& options) {
    const std::vector<fs::path> cleaned = clean_all_left_behind(options.out);
    for (const fs::path& folder : cleaned) std::printf("cleaned %s\n", folder.c_str());
    const Result<Found> run = choose(options);
    if (!run) return cleaned.empty() || !options.name.empty() ? refused(run.error()) : 0;
    const net::Fd lab = net::open_process(run->endpoints.value("lab_pid", 0));
    const Result<Json> answer = ask(run->folder, {{"do", "stop"}}, 0);
    if (!answer) return static_cast<int>(report_error(LabExit::Environment, answer.error()));
    pollfd ended{lab.get(), POLLIN, 0};
    if (lab.is_open()) poll(&ended, 1, kLongestEndMs);
    if (options.json) {
        std::printf("%s\n", answer->dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace).c_str());
    } else {
        std::printf("%s is down (%s); report %s/report.json\n", run->name.c_str(), answer->value("outcome", "").c_str(),
                    run->folder.c_str());
    }
    return answer->value("exit_code", 0);
}

int control_node(const CtlOptions& options) {
    const Result<Found> run = choose(options.runs);
    if (!run) return refused(run.error());
    Json request = {{"do", "ctl"}, {"node", options.node}, {"action", options.action}};
    if (options.upload) request["upload"] = *options.upload;
    if (options.download) request["download"] = *options.download;
    if (!options.from.empty()) request["from"] = options.from;
    if (options.piece) request["piece"] = *options.piece;
    const Result<Json> answer = ask(run->folder, request);
    if (!answer) return static_cast<int>(report_error(LabExit::Environment, answer.error()));
    if (const std::string why = refusal_in(*answer); !why.empty()) {
        return refused(local_error(ErrorCode::InvalidArgument, why));
    }
    return 0;
}

}  // namespace bt::lab
