#include "client/create.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "client/create_torrent.h"
#include "client/verify.h"
#include "common/app/cli.h"
#include "common/app/log.h"
#include "common/app/node_setup.h"
#include "common/app/progress_bar.h"
#include "common/base/encoding.h"

namespace bt::client {
namespace {

using SteadyClock = std::chrono::steady_clock;

// One line that is redrawn on a terminal; nothing elsewhere.
class HashProgress {
  public:
    HashProgress(std::string name, std::string state, bool quiet)
        : name_(std::move(name)),
          state_(std::move(state)),
          shown_(!quiet && isatty(STDERR_FILENO) == 1),
          color_(app::colors_allowed(shown_, std::getenv("NO_COLOR"), std::getenv("TERM"))),
          begin_(SteadyClock::now()) {}
    ~HashProgress() {
        if (drawn_) std::fputs("\r\x1b[K", stderr);
    }
    HashProgress(const HashProgress&) = delete;
    HashProgress& operator=(const HashProgress&) = delete;

    void show(std::uint64_t done, std::uint64_t total) {
        if (!shown_) return;
        const double rate = static_cast<double>(done) / std::max(elapsed_s(), 0.001);
        app::ProgressStats stats;
        stats.name = name_;
        const std::string state = app::human_bytes(rate) + "/s";
        stats.state = done < total ? state : state_;
        stats.bytes_done = done;
        stats.bytes_total = total;
        std::fprintf(stderr, "\r%s", app::progress_line(stats, 79, color_).c_str());
        drawn_ = true;
    }
    [[nodiscard]] double elapsed_s() const {
        return std::chrono::duration<double>(SteadyClock::now() - begin_).count();
    }
    // "2.1 GB in 3.2 s (656.3 MB/s)"
    [[nodiscard]] std::string summary(std::uint64_t bytes) const {
        char seconds[32];
        std::snprintf(seconds, sizeof seconds, "%.1f s", elapsed_s());
        return app::human_bytes(static_cast<double>(bytes)) + " in " + seconds + " (" +
               app::human_bytes(static_cast<double>(bytes) / std::max(elapsed_s(), 0.001)) + "/s)";
    }

  private:
    std::string name_;
    std::string state_;
    bool shown_;
    bool color_;
    bool drawn_ = false;
    SteadyClock::time_point begin_;
};

// Beside and then in place: whoever looks sees the old file or the whole new one.
Status write_file(const std::string& path, ByteView bytes) {
    const std::string beside = path + ".new";
    std::FILE* file = std::fopen(beside.c_str(), "wb");
    if (file == nullptr) return fail(system_error(errno, path));
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    const int write_error = errno;
    const bool closed = std::fclose(file) == 0;
    const int close_error = errno;
    if (written && closed && std::rename(beside.c_str(), path.c_str()) == 0) return {};
    const int cause = !written ? write_error : !closed ? close_error : errno;
    std::remove(beside.c_str());
    return fail(system_error(cause, path));
}

CreateOptions options_from(const CreateArguments& arguments) {
    CreateOptions options;
    options.path = arguments.path;
    options.name = arguments.name;
    options.exclude = arguments.exclude;
    options.exclude_paths = {arguments.output};
    options.tracker_tiers = arguments.tracker_tiers;
    options.web_seeds = arguments.web_seeds;
    options.piece_length = arguments.piece_length;
    options.comment = arguments.comment;
    options.source = arguments.source;
    options.created_by = std::string("Swarmlab/") + app::program_version();
    options.is_private = arguments.is_private;
    options.creation_date = arguments.creation_date;
    options.threads = arguments.threads;
    return options;
}

std::string last_element(const std::string& path) {
    const std::size_t end = path.find_last_not_of('/');
    if (end == std::string::npos) return path;
    const std::size_t begin = path.find_last_of('/', end);
    return path.substr(begin == std::string::npos ? 0 : begin + 1,
                       end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

std::string describe(const VerifiedFile& file) {
    std::string text = std::string(file_verdict_name(file.verdict)) + ": " + file.path;
    switch (file.verdict) {
        case FileVerdict::Missing:
            return text + " (" + std::to_string(file.length) + " bytes)";
        case FileVerdict::Short:
        case FileVerdict::Long:
            return text + " (" + std::to_string(file.size) + " of " + std::to_string(file.length) + " bytes, " +
                   std::to_string(file.bad_pieces) + " bad piece(s))";
        case FileVerdict::Corrupt:
            return text + " (" + std::to_string(file.bad_pieces) + " bad piece(s))";
        case FileVerdict::Unproven:
            return text + " (" + std::to_string(file.bad_pieces) + " bad piece(s), shared with a file that is wrong)";
        case FileVerdict::Ok:
            break;
    }
    return text;
}

void print_json(const VerifyReport& report, const meta::Metainfo& metainfo, double elapsed_s) {
    nlohmann::ordered_json out;
    out["name"] = metainfo.name();
    out["info_hash"] = to_hex(metainfo.info_hash());
    out["ok"] = report.is_ok();
    out["length"] = report.total_length;
    out["pieces"] = report.piece_count;
    out["bad_pieces"] = nlohmann::ordered_json::array();
    for (const PieceIndex piece : report.bad_pieces) out["bad_pieces"].push_back(piece.value());
    out["files"] = nlohmann::ordered_json::array();
    for (const VerifiedFile& file : report.files) {
        out["files"].push_back({{"path", file.path},
                                {"state", file_verdict_name(file.verdict)},
                                {"length", file.length},
                                {"size", file.size},
                                {"bad_pieces", file.bad_pieces}});
    }
    out["seconds"] = elapsed_s;
    // Names come from outside and need not be UTF-8.
    const std::string text = out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    std::printf("%s\n", text.c_str());
}

void print_report(const VerifyReport& report, const meta::Metainfo& metainfo, const std::string& summary) {
    if (report.is_ok()) {
        std::printf("ok: %s, %zu file(s), %u pieces, %s\n", metainfo.name().c_str(), report.files.size(),
                    report.piece_count, summary.c_str());
        return;
    }
    for (const VerifiedFile& file : report.files) {
        if (file.verdict != FileVerdict::Ok) std::printf("%s\n", describe(file).c_str());
    }
    std::printf("bad pieces: %s\n", report.bad_pieces.empty() ? "none" : piece_ranges(report.bad_pieces).c_str());
    std::printf("%zu of %u pieces are right, %s\n", report.piece_count - report.bad_pieces.size(), report.piece_count,
                summary.c_str());
}

}  // namespace

app::ExitCode run_create(const CreateArguments& arguments) {
    const app::Log log("swarm-client", app::Severity::Info);
    CreateOptions options = options_from(arguments);
    std::optional<HashProgress> progress(std::in_place, last_element(arguments.path), "done", arguments.quiet);
    options.progress = [&](std::uint64_t done, std::uint64_t total) { progress->show(done, total); };
    const auto torrent = create_torrent(options);
    const std::string summary = torrent ? progress->summary(torrent->total_length) : std::string();
    progress.reset();
    if (!torrent) {
        log.error(torrent.error().message());
        return app::exit_code_for(torrent.error());
    }
    for (const std::string& warning : torrent->warnings) log.warning(warning);
    if (const auto status = write_file(arguments.output, torrent->bytes); !status) {
        log.error(status.error().message());
        return app::exit_code_for(status.error());
    }
    if (!arguments.quiet) {
        log.info(arguments.output + ": " + std::to_string(torrent->file_count) + " file(s), " +
                 std::to_string(torrent->piece_count) + " pieces of " + std::to_string(torrent->piece_length) +
                 " bytes, info_hash " + to_hex(torrent->info_hash) + ", " + summary);
    }
    return app::ExitCode::Ok;
}

app::ExitCode run_verify(const VerifyArguments& arguments) {
    const app::Log log("swarm-client", app::Severity::Info);
    const auto metainfo = app::load_metainfo(arguments.torrent);
    if (!metainfo) {
        log.error(metainfo.error().message());
        return app::ExitCode::BadTorrent;
    }
    std::optional<HashProgress> progress(std::in_place, (*metainfo)->name(), "done", arguments.quiet);
    const auto report =
        verify(**metainfo, {arguments.folder, arguments.threads,
                            [&](std::uint64_t done, std::uint64_t total) { progress->show(done, total); }});
    const double elapsed_s = progress->elapsed_s();
    const std::string summary = progress->summary((*metainfo)->layout().total_length());
    progress.reset();
    if (!report) {
        log.error(report.error().message());
        return app::ExitCode::DiskError;
    }
    if (arguments.json) {
        print_json(*report, **metainfo, elapsed_s);
    } else {
        print_report(*report, **metainfo, summary);
    }
    return report->is_ok() ? app::ExitCode::Ok : app::ExitCode::VerificationFailed;
}

}  // namespace bt::client
