// The measure of lab/bench/download: one torrent on libtorrent-rasterbar, tuned for speed on loopback.
//
//   lt_client --torrent FILE --dir DIR --ip ADDRESS --port N [--seed] [--done FILE]
//
// Without --seed it downloads into DIR, creates the file given with --done when the torrent is finished, and exits 0.
// With --seed it checks the data in DIR and serves it until SIGTERM.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/load_torrent.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

volatile std::sig_atomic_t g_stop_requested = 0;

void on_signal(int) { g_stop_requested = 1; }

struct Options {
    std::string torrent;
    std::string dir;
    std::string ip;
    std::string port;
    std::string done;
    bool seed = false;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--seed") {
            options.seed = true;
            continue;
        }
        std::string* value = name == "--torrent" ? &options.torrent
                             : name == "--dir"   ? &options.dir
                             : name == "--ip"    ? &options.ip
                             : name == "--port"  ? &options.port
                             : name == "--done"  ? &options.done
                                                 : nullptr;
        if (value == nullptr || i + 1 == argc) throw std::invalid_argument("bad argument " + std::string(name));
        *value = argv[++i];
    }
    if (options.torrent.empty() || options.dir.empty() || options.ip.empty() || options.port.empty()) {
        throw std::invalid_argument("--torrent, --dir, --ip and --port are needed");
    }
    return options;
}

// Nothing but the peer protocol over TCP in plain text, no limits, deep queues: what makes this library fastest.
lt::settings_pack tuned_settings(const Options& options) {
    using Setting = lt::settings_pack;
    lt::settings_pack pack = lt::high_performance_seed();
    pack.set_str(Setting::listen_interfaces, options.ip + ":" + options.port);
    pack.set_str(Setting::outgoing_interfaces, options.ip);
    for (const int off : {Setting::enable_dht, Setting::enable_lsd, Setting::enable_upnp, Setting::enable_natpmp,
                          Setting::enable_incoming_utp, Setting::enable_outgoing_utp, Setting::ssrf_mitigation}) {
        pack.set_bool(off, false);
    }
    pack.set_bool(Setting::allow_multiple_connections_per_ip, true);
    pack.set_int(Setting::in_enc_policy, Setting::pe_disabled);
    pack.set_int(Setting::out_enc_policy, Setting::pe_disabled);
    pack.set_int(Setting::aio_threads, 4);
    pack.set_int(Setting::hashing_threads, 2);
    pack.set_int(Setting::max_out_request_queue, 2000);
    pack.set_int(Setting::max_allowed_in_request_queue, 4000);
    pack.set_int(Setting::max_queued_disk_bytes, 64 * 1024 * 1024);
    pack.set_int(Setting::unchoke_slots_limit, -1);
    pack.set_int(Setting::stop_tracker_timeout, 1);
    pack.set_int(Setting::alert_mask, static_cast<int>(static_cast<unsigned>(lt::alert_category::status) |
                                                       static_cast<unsigned>(lt::alert_category::error)));
    return pack;
}

// True once the torrent is finished; throws when it cannot go on.
bool saw_finish(lt::session& session) {
    std::vector<lt::alert*> alerts;
    session.pop_alerts(&alerts);
    bool finished = false;
    for (lt::alert* alert : alerts) {
        finished = finished || lt::alert_cast<lt::torrent_finished_alert>(alert) != nullptr;
        if (lt::alert_cast<lt::listen_failed_alert>(alert) != nullptr ||
            lt::alert_cast<lt::torrent_error_alert>(alert) != nullptr ||
            lt::alert_cast<lt::file_error_alert>(alert) != nullptr) {
            throw std::runtime_error(alert->message());
        }
    }
    return finished;
}

int run(const Options& options) {
    lt::session session{lt::session_params(tuned_settings(options))};
    lt::add_torrent_params torrent = lt::load_torrent_file(options.torrent);
    torrent.save_path = options.dir;
    torrent.flags &= ~(lt::torrent_flags::paused | lt::torrent_flags::auto_managed);
    session.add_torrent(std::move(torrent));

    while (g_stop_requested == 0) {
        session.wait_for_alert(std::chrono::milliseconds(200));
        if (saw_finish(session) && !options.seed) {
            if (!options.done.empty()) std::ofstream(options.done) << "done\n";
            return 0;
        }
    }
    return options.seed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGTERM, on_signal);
    std::signal(SIGINT, on_signal);
    try {
        return run(parse(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "lt_client: %s\n", error.what());
        return 1;
    }
}
