#pragma once

// Downloads from a program of one's own; swarm-client is built of the same parts (client/runner.h).
//
//     bt::client::ClientOptions options;
//     options.outdir = "downloads";
//     bt::client::Client client{"x.torrent", options};
//     const auto result = client.run();
//     if (!result.ok()) std::cerr << result.message << '\n';
//
// - run() does everything on the thread that calls it, and on a few of its own for hashing and the disk; it returns
// when
//   everything has ended and those threads are gone. One run at a time. The next one is a new run: what is there is
//   checked, what lacks is fetched.
// - Callbacks come on the thread of run(). One that throws ends the download; run() throws it on when all has stopped.
// - stop() may be called from any thread and from callbacks, before run() too; it takes ten seconds at most, where a
//   disk or a tracker hangs. A client that was stopped stays so. A second stop() kills commands of on_complete.
// - Clients share nothing but the process: several run side by side, one a thread. No signal handler, environment
//   variable, working folder or standard stream is touched. (Where the process has a limit on file sizes and SIGXFSZ
//   is not ignored, that signal ends it as it would end any program that writes.)
// - A client must outlive its run(); it may be moved, but not while it runs.
// Installed headers need the standard library alone.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/client_options.h"
#include "client/view_model.h"
#include "common/app/exit_code.h"

namespace bt::client {

inline constexpr Duration kMinProgressInterval = milliseconds(10);

struct ClientCallbacks {
    // Once it listens: the address and port that peers reach us at.
    std::function<void(const Endpoint&)> on_listening;
    // At once, every progress_interval (kMinProgressInterval at least), and once more at the end.
    std::function<void(const SessionView&)> on_progress;
    Duration progress_interval = milliseconds(250);
    bool with_peers = false;  // TorrentView::peers too, a value for every connection
    // A line for people: what the command of on_complete printed and how it ended.
    std::function<void(const std::string&)> on_message;
};

struct DownloadedFile {
    std::string path;  // below outdir; with .part behind it until it is finished
    std::uint64_t length = 0;
    bool wanted = true;  // selected
};

struct TorrentOutcome {
    std::string name;
    std::string info_hash;  // 40 hex digits
    app::ExitCode cause = app::ExitCode::Ok;
    std::string message;
    std::uint64_t wanted = 0;  // bytes of what was selected
    std::uint64_t bytes = 0;   // of these, there and verified
    std::uint32_t pieces = 0;
    std::uint32_t have_pieces = 0;
    std::uint64_t downloaded = 0;  // payload of this run
    std::uint64_t uploaded = 0;
    std::vector<DownloadedFile> files;  // empty where the metadata of a magnet never came
};

struct ClientResult {
    // Why the whole ended: Ok; else the cause that swarm-client would exit with.
    app::ExitCode cause = app::ExitCode::Ok;
    std::string message;                   // one line
    std::vector<TorrentOutcome> torrents;  // in the order given; empty where nothing could begin

    [[nodiscard]] bool ok() const { return cause == app::ExitCode::Ok; }
};

class Client {
  public:
    // torrent: as in ClientOptions::torrents, in front of those that the options name.
    explicit Client(std::string torrent, ClientOptions options = {}, ClientCallbacks callbacks = {});
    // All that options.torrents names.
    explicit Client(ClientOptions options, ClientCallbacks callbacks = {});
    ~Client();
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;

    [[nodiscard]] ClientResult run();
    void stop();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace bt::client
