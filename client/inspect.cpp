#include "client/inspect.h"

#include <cerrno>
#include <cstdio>

#include "client/info_text.h"
#include "common/app/log.h"
#include "common/app/node_setup.h"
#include "common/app/terminal_text.h"
#include "common/base/encoding.h"
#include "common/meta/bencode_json.h"
#include "common/meta/magnet.h"

namespace bt::client {
namespace {

// One line end behind the value is what `echo` and editors add; it is not part of it.
Result<std::string> decode(std::string_view text) {
    meta::BencodeLimits limits;
    limits.allow_trailing = true;
    BT_TRY_ASSIGN(const auto document, meta::BencodeDocument::parse(as_bytes(text), limits));
    const std::string_view rest = text.substr(document.size());
    if (!rest.empty() && rest != "\n" && rest != "\r\n") {
        return fail(remote_error(ErrorCode::InvalidBencode, "something stands behind the value", document.size()));
    }
    return meta::bencode_to_json(document.root()) + "\n";
}

Result<std::string> info(const InspectArguments& arguments) {
    BT_TRY_ASSIGN(const auto metainfo, app::load_metainfo(arguments.subject));
    const TrackerTiers& tiers = metainfo->tracker_tiers();
    if (arguments.json) return info_json(*metainfo, tiers);
    return arguments.full ? info_full(*metainfo, tiers) : info_fixed(*metainfo, tiers);
}

Result<std::string> magnet_parse(const std::string& uri) {
    BT_TRY_ASSIGN(const auto magnet, meta::Magnet::parse(uri));
    std::string out = magnet.trackers.empty() ? "Tracker URL: \n" : "";
    for (const std::string& tracker : magnet.trackers) out += "Tracker URL: " + app::printable(tracker) + "\n";
    return out + "Info Hash: " + to_hex(magnet.info_hash) + "\n";
}

Result<std::string> read_standard_input() {
    std::string text;
    char buffer[65536];
    std::size_t n = 0;
    while (text.size() <= meta::kMaxTorrentFileSize && (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0) {
        text.append(buffer, n);
    }
    if (std::ferror(stdin) != 0) return fail(system_error(errno, "standard input"));
    if (text.size() > meta::kMaxTorrentFileSize) {
        return fail(remote_error(ErrorCode::InvalidBencode, "standard input has more than 16 MiB"));
    }
    return text;
}

}  // namespace

Result<std::string> inspect(const InspectArguments& arguments, std::string input) {
    switch (arguments.command) {
        case InspectCommand::Decode:
            return decode(arguments.subject == "-" ? input : arguments.subject);
        case InspectCommand::Info:
            return info(arguments);
        case InspectCommand::MagnetParse:
            return magnet_parse(arguments.subject);
    }
    return fail(local_error(ErrorCode::InvalidArgument, "unknown command"));
}

app::ExitCode run_inspect(const InspectArguments& arguments) {
    const app::Log log("swarm-client", app::Severity::Info);
    Result<std::string> input = std::string();
    if (arguments.command == InspectCommand::Decode && arguments.subject == "-") input = read_standard_input();
    const auto text = input ? inspect(arguments, std::move(*input)) : input;
    if (!text) {
        log.error(text.error().message());
        return app::ExitCode::BadTorrent;
    }
    if (std::fwrite(text->data(), 1, text->size(), stdout) != text->size() || std::fflush(stdout) != 0) {
        log.error(system_error(errno, "standard output").message());
        return app::ExitCode::DiskError;
    }
    return app::ExitCode::Ok;
}

}  // namespace bt::client
