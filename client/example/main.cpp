// download TORRENT FOLDER [ADDRESS]: says how far it is, then lists what it has got. With ADDRESS it listens there and
// dials from there. Signals are the program's own affair: the library takes none, so Ctrl-C is turned into stop() here.

#include <csignal>
#include <iostream>

#include "client/client.h"

namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_signal(int) { interrupted = 1; }

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::cerr << "usage: download TORRENT FOLDER [ADDRESS]\n";
        return bt::app::to_int(bt::app::ExitCode::BadArguments);
    }
    bt::client::ClientOptions options;
    options.outdir = argv[2];
    options.max_peers = 30;
    options.timeout = bt::seconds(60);
    if (argc > 3) options.bind = bt::Address::parse(argv[3]);

    bt::client::Client* running = nullptr;
    bt::client::ClientCallbacks callbacks;
    callbacks.on_progress = [&running](const bt::client::SessionView& session) {
        if (interrupted) running->stop();
        for (const auto& torrent : session.torrents) {
            std::cerr << torrent.name << ": " << torrent.have << " of " << torrent.wanted << " bytes, "
                      << torrent.connected << " peers\n";
        }
    };

    bt::client::Client client{argv[1], options, callbacks};
    running = &client;
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);

    const bt::client::ClientResult result = client.run();
    std::cerr << result.message << '\n';
    for (const auto& torrent : result.torrents) {
        std::cout << torrent.info_hash << ' ' << torrent.bytes << " bytes, " << torrent.have_pieces << " of "
                  << torrent.pieces << " pieces\n";
        for (const auto& file : torrent.files) std::cout << file.path << ' ' << file.length << '\n';
    }
    return bt::app::to_int(result.cause);
}
