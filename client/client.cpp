#include "client/client.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>

#include "client/ending.h"
#include "client/runner.h"

namespace bt::client {
namespace {

std::vector<DownloadedFile> files_of(const engine::TorrentOptions& torrent) {
    std::vector<DownloadedFile> files;
    if (!torrent.metainfo) return files;
    const auto& entries = torrent.metainfo->files();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const bool wanted = torrent.file_priorities.empty() || torrent.file_priorities[i] > 0;
        files.push_back({torrent.paths[i], entries[i].length, wanted});
    }
    return files;
}

// Now, or for a magnet when its metadata has come.
void note_files(engine::TorrentOptions& torrent, std::vector<DownloadedFile>& files) {
    files = files_of(torrent);
    if (!torrent.prepare) return;
    torrent.prepare = [&files, prepare = std::move(torrent.prepare)](engine::TorrentOptions& prepared) -> Status {
        BT_TRY(prepare(prepared));
        files = files_of(prepared);
        return {};
    };
}

TorrentOutcome outcome_of(const TorrentResult& result, const TorrentView& view, std::vector<DownloadedFile> files) {
    Ending ending = ending_of(result.end, result.error);
    TorrentOutcome outcome;
    outcome.name = result.name;
    outcome.info_hash = view.info_hash;
    outcome.cause = ending.code;
    outcome.message = std::move(ending.reason);
    outcome.wanted = view.wanted;
    outcome.bytes = view.have;
    outcome.pieces = view.pieces;
    outcome.have_pieces = view.have_pieces;
    outcome.downloaded = view.downloaded;
    outcome.uploaded = view.uploaded;
    outcome.files = std::move(files);
    return outcome;
}

ClientOptions with_torrent(std::string torrent, ClientOptions options) {
    options.torrents.insert(options.torrents.begin(), std::move(torrent));
    return options;
}

}  // namespace

struct Client::State {
    ClientOptions options;
    ClientCallbacks callbacks;

    std::mutex mutex;           // of the two below
    Runner* running = nullptr;  // inside run()
    bool stopped = false;

    // Of one run, on its thread.
    std::exception_ptr thrown;
    SessionView last_view;

    // Exceptions must not cross the frames of the event loop.
    template <class Callback, class... Arguments>
    void call(const Callback& callback, const Arguments&... arguments) {
        if (!callback || thrown) return;
        try {
            callback(arguments...);
        } catch (...) {
            thrown = std::current_exception();
            running->cancel();
        }
    }

    void stop() {
        const std::lock_guard lock(mutex);
        stopped = true;
        if (running != nullptr) running->cancel();
    }

    // Makes the runner known to stop() for as long as it lives.
    class Published {
      public:
        Published(State& state, Runner& runner) : state_(state) {
            const std::lock_guard lock(state_.mutex);
            state_.running = &runner;
            if (state_.stopped) runner.cancel();
        }
        ~Published() {
            const std::lock_guard lock(state_.mutex);
            state_.running = nullptr;
        }
        Published(const Published&) = delete;
        Published& operator=(const Published&) = delete;

      private:
        State& state_;
    };

    RunnerHooks hooks() {
        RunnerHooks hooks;
        hooks.progress_interval = std::max(callbacks.progress_interval, kMinProgressInterval);
        hooks.on_listening = [this](const Endpoint& endpoint) { call(callbacks.on_listening, endpoint); };
        hooks.on_message = [this](const std::string& text) { call(callbacks.on_message, text); };
        hooks.on_progress = [this](Session& session, TimePoint) {
            last_view = session.view(callbacks.with_peers);
            call(callbacks.on_progress, last_view);
        };
        return hooks;
    }

    ClientResult run() {
        thrown = nullptr;
        last_view = {};
        if (options.outdir.empty()) return {app::ExitCode::BadArguments, "outdir is empty", {}};
        if (options.max_peers == 0) return {app::ExitCode::BadArguments, "max_peers is 0: nobody to ask", {}};
        auto plan = plan_session(options);
        if (!plan) return {app::exit_code_for(plan.error()), plan.error().message(), {}};
        plan->settings.stats_interval = std::chrono::hours(1);  // nobody reads events
        std::vector<std::vector<DownloadedFile>> files(plan->torrents.size());
        for (std::size_t i = 0; i < files.size(); ++i) note_files(plan->torrents[i].torrent, files[i]);

        Runner runner(std::move(*plan), options.outdir, options.on_complete, {}, hooks());
        const Published published(*this, runner);
        const auto ended = runner.run();
        if (thrown) std::rethrow_exception(thrown);
        if (!ended) return {app::ExitCode::CannotListen, ended.error().message(), {}};

        Ending ending = ending_of(ended->end, ended->error);
        ClientResult result{ending.code, std::move(ending.reason), {}};
        for (std::size_t i = 0; i < ended->torrents.size(); ++i) {
            result.torrents.push_back(outcome_of(ended->torrents[i], last_view.torrents[i], std::move(files[i])));
        }
        return result;
    }
};

Client::Client(std::string torrent, ClientOptions options, ClientCallbacks callbacks)
    : Client(with_torrent(std::move(torrent), std::move(options)), std::move(callbacks)) {}

Client::Client(ClientOptions options, ClientCallbacks callbacks) : state_(std::make_unique<State>()) {
    state_->options = std::move(options);
    state_->callbacks = std::move(callbacks);
}

Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

ClientResult Client::run() { return state_->run(); }

void Client::stop() { state_->stop(); }

}  // namespace bt::client
