#include "lab/slurm.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <sstream>

#include "common/app/text_file.h"
#include "common/base/endpoint.h"
#include "common/net/signals.h"
#include "lab/run_folder.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxAnswer = 1u << 20;  // of one of Slurm's commands, and of the hosts' file
constexpr Duration kLook = milliseconds(100);
constexpr int kLooksPerQuestion = 30;  // to slurmctld

constexpr std::string_view kKeeper = R"(#!/bin/sh
# Keeps the job's hosts for a lab: until it says that its run is over (SIGUSR1), or does not count in `alive` any more.
trap 'exit 0' USR1
scontrol show hostnames "$SLURM_JOB_NODELIST" >hosts.new && mv hosts.new hosts
last= quiet=0
while [ -e alive ] && [ $quiet -lt QUIET ]; do
    now=$(cat alive)
    if [ "$now" = "$last" ]; then quiet=$((quiet + 1)); else quiet=0 last=$now; fi
    sleep 1 &
    wait $!
done
echo "the lab is gone" >&2
)";

bool is_job_id(const std::string& text) {
    return !text.empty() && text.size() <= 20 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string minutes_of(Duration time) {
    const auto whole = std::chrono::duration_cast<std::chrono::minutes>(time).count();
    return std::to_string(whole + 1);
}

// The address that other hosts reach it by, where Slurm knows it by a name only.
Result<std::string> resolve(const std::string& name) {
    if (Address::parse(name)) return name;
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    char text[NI_MAXHOST];
    const int error = getaddrinfo(name.c_str(), nullptr, &hints, &found);
    if (error != 0) return fail(local_error(ErrorCode::NotFound, "the host " + name + ": " + gai_strerror(error)));
    const int bad = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    if (bad != 0) return fail(local_error(ErrorCode::NotFound, "the host " + name + ": " + gai_strerror(bad)));
    return std::string(text);
}

}  // namespace

std::string node_address(std::string_view line) {
    constexpr std::string_view key = "NodeAddr=";
    const std::size_t at = line.find(key);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = line.substr(at + key.size());
    return std::string(rest.substr(0, rest.find_first_of(" \n")));
}

SlurmJob::SlurmJob(net::UvLoop& loop, fs::path folder)
    : loop_(loop),
      timers_(loop),
      count_timer_(timers_, [this] { count(); }),
      sleep_timer_(timers_, [] {}),
      folder_(std::move(folder)) {}

SlurmJob::~SlurmJob() { end(); }

Result<std::unique_ptr<SlurmJob>> SlurmJob::start(net::UvLoop& loop, const SlurmWish& wish,
                                                  const std::function<void(const std::string&)>& note) {
    std::unique_ptr<SlurmJob> job(new SlurmJob(loop, wish.run / "job"));
    BT_TRY(make_folder(job->folder_));
    job->count();
    BT_TRY(job->submit(wish));
    BT_TRY(job->wait_for_hosts(note));
    return job;
}

// A sign of life. One that cannot be written may be the last: the job ends then, as it should.
void SlurmJob::count() {
    static_cast<void>(write_text(folder_ / "alive", std::to_string(++counted_) + "\n"));
    count_timer_.arm(loop_.now() + kCount);
}

SlurmJob::Answer SlurmJob::ask(std::vector<std::string> argv) {
    Answer answer;
    std::string problem;
    net::ChildSpec spec;
    spec.argv = std::move(argv);
    const auto add = [](std::string& text) {
        return [&text](std::string_view line) {
            if (text.size() < kMaxAnswer) text.append(line).push_back('\n');
        };
    };
    spec.standard_output.on_line = add(answer.output);
    spec.standard_error.on_line = add(problem);
    bool over = false;
    spec.on_exit = [&](const net::ChildExit& exit) {
        answer.code = exit.signalled ? -1 : exit.code;
        over = true;
    };
    const Result<std::unique_ptr<net::ChildProcess>> child = net::ChildProcess::start(loop_, std::move(spec));
    if (!child) return {-1, child.error().message()};
    while (!over) loop_.run_turn();
    if (answer.code != 0) answer.output = problem.substr(0, problem.find_last_not_of('\n') + 1);
    return answer;
}

void SlurmJob::sleep(Duration time) {
    const TimePoint end = loop_.now() + time;
    sleep_timer_.arm(end);
    while (loop_.now() < end) loop_.run_turn();
}

Status SlurmJob::submit(const SlurmWish& wish) {
    std::string script(kKeeper);
    script.replace(script.find("QUIET"), 5, std::to_string(kQuietSeconds));
    BT_TRY(write_text(folder_ / "keep.sh", script));
    std::vector<std::string> argv = {"sbatch",
                                     "--parsable",
                                     "--job-name=swarmlab-" + wish.name,
                                     "--nodes=" + std::to_string(wish.hosts),
                                     "--ntasks-per-node=1",
                                     "--no-requeue",
                                     "--time=" + minutes_of(wish.time_limit),
                                     "--chdir=" + folder_.string(),
                                     "--output=" + (folder_ / "log").string()};
    argv.insert(argv.end(), wish.options.begin(), wish.options.end());
    argv.push_back((folder_ / "keep.sh").string());
    const Answer answer = ask(std::move(argv));
    const std::string id = answer.output.substr(0, answer.output.find_first_of(";\n"));
    if (answer.code != 0 || !is_job_id(id)) {
        return fail(local_error(ErrorCode::NotFound, "sbatch: " + answer.output));
    }
    id_ = id;
    return write_text(folder_ / "id", id + "\n");  // from here on whoever comes after us can cancel it
}

bool SlurmJob::is_listed() {
    const Answer answer = ask({"squeue", "--noheader", "--jobs=" + id_, "--format=%T"});
    return answer.code == 0 ? !answer.output.empty() : answer.output.find("Invalid job id") == std::string::npos;
}

Status SlurmJob::wait_for_hosts(const std::function<void(const std::string&)>& note) {
    bool interrupted = false;
    const net::Signals signals(loop_, [&](int) { interrupted = true; });
    note("job " + id_ + " is in Slurm's queue");
    int missed = 0;
    for (int look = 1;; ++look) {
        if (interrupted)
            return fail(local_error(ErrorCode::Cancelled, "interrupted while job " + id_ + " was waiting"));
        if (const Result<std::string> names = app::read_text_file((folder_ / "hosts").string(), kMaxAnswer)) {
            return read_hosts(*names);
        }
        if (look % kLooksPerQuestion == 0) missed = is_listed() ? 0 : missed + 1;
        if (missed > 1) {
            const Result<std::string> log = app::read_text_file((folder_ / "log").string(), kMaxAnswer);
            return fail(
                local_error(ErrorCode::NotFound, "job " + id_ + " ended before it began" + (log ? ": " + *log : "")));
        }
        sleep(kLook);
    }
}

Status SlurmJob::read_hosts(const std::string& names) {
    std::istringstream lines(names);
    for (std::string name; std::getline(lines, name);) {
        const Answer answer = ask({"scontrol", "--oneliner", "show", "node", name});
        const std::string known = node_address(answer.output);
        if (answer.code != 0 || known.empty()) {
            return fail(local_error(ErrorCode::NotFound, "scontrol show node " + name + ": " + answer.output));
        }
        BT_TRY_ASSIGN(std::string address, resolve(known));
        hosts_.push_back({name, std::move(address)});
    }
    if (hosts_.empty()) return fail(local_error(ErrorCode::NotFound, "job " + id_ + " has no hosts"));
    return {};
}

std::vector<std::string> SlurmJob::launcher(const std::string& host, const std::string& node,
                                            const fs::path& bin) const {
    return {"srun",
            "--jobid=" + id_,
            "--nodes=1",
            "--ntasks=1",
            "--nodelist=" + host,
            "--overlap",
            "--overcommit",
            "--mem=0",
            "--mpi=none",
            "--export=ALL",
            "--job-name=" + node,
            "--kill-on-bad-exit=0",
            "--quiet",
            (bin / "swarm-lab").string(),
            "node",
            "--"};
}

void SlurmJob::end() {
    if (std::exchange(ended_, true)) return;
    count_timer_.cancel();
    if (id_.empty()) return;
    const TimePoint begin = loop_.now();
    // One that has begun ends by itself, so that Slurm's books say that it was in order.
    if (!hosts_.empty()) static_cast<void>(ask({"scancel", "--batch", "--signal=USR1", id_}));
    bool cancelled = false;
    while (loop_.now() < begin + kEndWithin && is_listed()) {
        if (!cancelled && (hosts_.empty() || loop_.now() > begin + kEndWithin / 3)) {
            static_cast<void>(ask({"scancel", id_}));
            cancelled = true;
        }
        sleep(kLook);
    }
}

void cancel_left_behind(const fs::path& run) {
    const Result<std::string> text = app::read_text_file((run / "job" / "id").string(), kMaxAnswer);
    if (!text) return;
    const std::string id = text->substr(0, text->find('\n'));
    if (!is_job_id(id)) return;
    const pid_t pid = fork();
    if (pid < 0) return;
    if (pid == 0) {
        alarm(20);
        execlp("scancel", "scancel", "--quiet", id.c_str(), nullptr);
        _exit(127);
    }
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace bt::lab
