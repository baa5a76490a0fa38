// The commands of swarm-client with their options.

#include "client/arguments.h"
#include "common/app/option_setters.h"
#include "common/meta/metainfo.h"

namespace bt::client {
namespace {

using app::ArgumentKind;
using app::Command;
using app::Option;
using app::Positional;

constexpr std::uint32_t kMinPieceLength = 16384;

app::Setter set_piece_length(std::optional<std::uint32_t>& target) {
    return [&target](const std::string& text) -> Status {
        BT_TRY_ASSIGN(const std::uint64_t value, app::parse_size(text));
        if (value < kMinPieceLength || value > meta::kMaxPieceLength || (value & (value - 1)) != 0) {
            return app::bad_value(text, "power of two from 16KiB to 512MiB");
        }
        target = static_cast<std::uint32_t>(value);
        return {};
    };
}

app::Setter add_tier(std::vector<std::vector<std::string>>& target) {
    return [&target](const std::string& text) -> Status {
        std::vector<std::string> tier;
        for (std::size_t from = 0; from <= text.size();) {
            const std::size_t comma = std::min(text.find(',', from), text.size());
            if (comma > from) tier.push_back(text.substr(from, comma - from));
            from = comma + 1;
        }
        if (tier.empty()) return app::bad_value(text, "announce URL");
        target.push_back(std::move(tier));
        return {};
    };
}

Option threads(std::uint32_t& target) {
    return {"threads",
            "",
            "N",
            "Hash with so many threads; 0: one for each core",
            app::set_number<std::uint32_t>(target, 0, 1024),
            "0"};
}

Option quiet(bool& target) { return {"quiet", "q", "", "No progress", app::set_flag(target)}; }
Option json(bool& target) { return {"json", "", "", "One JSON object", app::set_flag(target)}; }
Option full(bool& target) {
    return {"full", "", "", "For people: files with their numbers, tiers, private flag, creation date",
            app::set_flag(target)};
}

Command create_command(CreateArguments& out) {
    Command command{"create", "Make a .torrent of a file or folder", "", {}, {}};
    command.positionals = {{"PATH", "The file or folder to share", app::set_text(out.path), ArgumentKind::Path}};
    auto& options = command.options;
    options.push_back({"output", "o", "FILE.torrent", "Write the torrent here", app::set_text(out.output), "",
                       "photos.torrent", "", ArgumentKind::Path});
    options.push_back({"tracker", "", "URL[,URL]", "Announce URLs of a tier; again for a further tier",
                       add_tier(out.tracker_tiers), "", "http://127.0.0.1:6969/announce"});
    options.back().repeatable = true;
    options.push_back({"name", "", "TEXT", "Call the content this (the name of PATH, if not given)",
                       app::set_text(out.name), "", "photos"});
    options.push_back({"exclude", "", "PATTERN",
                       "Leave files and folders out by path or name: * within a name, ** across; for several, again",
                       app::add_text(out.exclude), "", "*.tmp"});
    options.back().repeatable = true;
    options.push_back({"web-seed", "", "URL", "Where the content lies on the web (BEP 19); for several, again",
                       app::add_text(out.web_seeds), "", "http://127.0.0.1/files/"});
    options.back().repeatable = true;
    options.push_back({"piece-length", "", "SIZE", "Bytes a piece, a power of two from 16KiB (by size, if not given)",
                       set_piece_length(out.piece_length), "", "256KiB"});
    options.push_back({"comment", "", "TEXT", "Free text", app::set_text(out.comment), "", "holiday"});
    options.push_back({"source", "", "TEXT", "Goes into the info_hash: another torrent for the same content",
                       app::set_text(out.source), "", "SITE"});
    options.push_back({"private", "", "", "Peers only from the trackers (BEP 27)", app::set_flag(out.is_private)});
    options.push_back({"creation-date", "", "N",
                       "Unix time to record (none, so that the same content gives the same file)",
                       app::set_number<std::int64_t>(out.creation_date, 0), "", "1700000000"});
    options.push_back(threads(out.threads));
    options.push_back(quiet(out.quiet));
    return command;
}

Command verify_command(VerifyArguments& out) {
    Command command{"verify", "Check data against a torrent; names bad pieces and files", "", {}, {}};
    command.positionals = {
        {"FILE", "The .torrent file", app::set_text(out.torrent), ArgumentKind::Path},
        {"DIR", "The folder it was downloaded to, or the file itself", app::set_text(out.folder), ArgumentKind::Path}};
    command.options = {threads(out.threads), quiet(out.quiet), json(out.json)};
    return command;
}

std::vector<Command> inspect_commands(InspectArguments& out) {
    Command decode{"decode",
                   "Print a bencoded value as one line of JSON",
                   "Bytes of strings that are not UTF-8 are shown as \\uDC80 to \\uDCFF, one for each byte.",
                   {},
                   {}};
    decode.positionals = {{"TEXT", "The value; - reads it from standard input", app::set_text(out.subject)}};
    Command info{"info", "Print what a .torrent says", "", {}, {}};
    info.positionals = {{"FILE", "The .torrent file", app::set_text(out.subject), ArgumentKind::Path}};
    info.options = {json(out.json), full(out.full)};
    Command magnet{"magnet_parse", "Print tracker and info_hash of a magnet URI", "", {}, {}};
    magnet.positionals = {{"URI", "magnet:?xt=urn:btih:…", app::set_text(out.subject)}};
    return {decode, info, magnet};
}

Command scrape_command(ScrapeArguments& out) {
    Command command{"scrape",
                    "Print the seeds, leechers and completed downloads that each tracker counts",
                    "Nothing is announced. Trackers that do not answer are named on standard error.",
                    {},
                    {}};
    command.positionals = {
        {"TORRENT", "A .torrent file, magnet URI or info_hash", app::set_text(out.subject), ArgumentKind::Torrent}};
    command.options = {
        {"json", "", "", "One JSON object, with the errors in it", app::set_flag(out.json)},
        {"timeout", "", "TIME", "Wait so long for each tracker", app::set_duration(out.timeout), "15", ""},
        {"bind", "", "IP", "Ask from this address", app::set_address(out.bind), "", "127.0.0.1"},
        {"ca-file", "", "FILE", "Trust these certificates (PEM) for https trackers, in place of the system's",
         app::set_text(out.ca_file), "", "ca.pem", "", ArgumentKind::Path}};
    return command;
}

}  // namespace

std::vector<Command> client_commands(AllArguments& out) {
    std::vector<Command> commands = inspect_commands(out.inspect);
    for (Command& command : wire_commands(out.wire)) commands.push_back(std::move(command));
    commands.push_back(create_command(out.create));
    commands.push_back(scrape_command(out.scrape));
    commands.push_back(verify_command(out.verify));
    return commands;
}

}  // namespace bt::client
