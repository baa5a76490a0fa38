// The commands that go on the network, with their options.

#include "client/arguments.h"
#include "common/app/option_setters.h"

namespace bt::client {
namespace {

using app::ArgumentKind;
using app::Command;

app::Setter set_endpoint(std::optional<Endpoint>& target) {
    return [&target](const std::string& text) -> Status {
        target = Endpoint::parse(text);
        if (!target || target->port == 0) return app::bad_value(text, "ip:port");
        return {};
    };
}

// Which things a command of the network takes beside its subject.
struct WireForm {
    const char* name;
    const char* summary;
    const char* subject;  // "FILE", "URI"
    bool output = false;  // -o
    bool piece = false;   // INDEX
    bool peer_positional = false;
    bool peer_required = false;
    bool peer_option = false;
    bool described = false;  // --json, --full
};

constexpr WireForm kWireForms[] = {
    {"peers", "Ask the trackers for peers; ip:port, one a line", "FILE"},
    {.name = "handshake",
     .summary = "Shake hands with a peer and print its peer_id",
     .subject = "FILE",
     .peer_positional = true,
     .peer_required = true},
    {.name = "download_piece",
     .summary = "Download one piece and check it",
     .subject = "FILE",
     .output = true,
     .piece = true,
     .peer_option = true},
    {.name = "download",
     .summary = "Download the content and check it",
     .subject = "FILE",
     .output = true,
     .peer_option = true},
    {.name = "magnet_handshake",
     .summary = "Shake hands with a peer of a magnet; prints peer_id and extension id",
     .subject = "URI",
     .peer_positional = true},
    {.name = "magnet_info",
     .summary = "As info, from a magnet: the description comes from peers",
     .subject = "URI",
     .peer_option = true,
     .described = true},
    {.name = "magnet_download_piece",
     .summary = "As download_piece, from a magnet",
     .subject = "URI",
     .output = true,
     .piece = true,
     .peer_option = true},
    {.name = "magnet_download",
     .summary = "As download, from a magnet",
     .subject = "URI",
     .output = true,
     .peer_option = true},
};

Command wire_command(const WireForm& form, WireArguments& out) {
    Command command{form.name, form.summary, "", {}, {}};
    const bool is_uri = std::string_view(form.subject) == "URI";
    command.positionals.push_back({form.subject, is_uri ? "magnet:?xt=urn:btih:…" : "The .torrent file",
                                   app::set_text(out.subject), is_uri ? ArgumentKind::Text : ArgumentKind::Path});
    if (form.piece) {
        command.positionals.push_back(
            {"INDEX", "Which piece; the first is 0", app::set_number<std::uint32_t>(out.piece)});
    }
    if (form.peer_positional) {
        command.positionals.push_back({"ip:port",
                                       form.peer_required ? "The peer" : "The peer (else one from the trackers)",
                                       set_endpoint(out.peer), ArgumentKind::Text, form.peer_required});
    }
    auto& options = command.options;
    if (form.output) {
        options.push_back(
            {"output", "o", "OUT", "Write it here", app::set_text(out.output), "", "out.bin", "", ArgumentKind::Path});
    }
    if (form.peer_option) {
        options.push_back(
            {"peer", "", "IP:PORT", "Use this peer and ask no tracker", set_endpoint(out.peer), "", "127.0.0.1:6881"});
    }
    if (form.described) {
        options.push_back({"json", "", "", "One JSON object", app::set_flag(out.json)});
        options.push_back({"full", "", "", "For people: files with their numbers, tiers, private flag, creation date",
                           app::set_flag(out.full)});
    }
    options.push_back({"bind", "", "IP", "Connect from this address", app::set_address(out.bind), "", "127.0.0.1"});
    options.push_back({"port", "", "N", "The port to announce and, for downloads, to listen at (0: any)",
                       app::set_number<std::uint16_t>(out.port), "0"});
    options.push_back({"timeout", "", "TIME", "Give up when nothing has come for so long",
                       app::set_duration(out.timeout, milliseconds(1)), "60"});
    options.push_back({"ca-file", "", "FILE", "Certificates (PEM) to judge HTTPS trackers by",
                       app::set_text(out.ca_file), "", "ca.pem", "", ArgumentKind::Path});
    return command;
}

}  // namespace

std::vector<Command> wire_commands(WireArguments& out) {
    std::vector<Command> commands;
    for (const WireForm& form : kWireForms) commands.push_back(wire_command(form, out));
    return commands;
}

}  // namespace bt::client
