// swarm-client: see arguments.cpp for the command line, download.cpp and create.cpp for what it does.

#include <variant>

#include "client/arguments.h"
#include "client/create.h"
#include "client/download.h"
#include "client/inspect.h"
#include "client/scrape.h"
#include "client/wire_commands.h"
#include "common/app/process.h"

int main(int argc, char** argv) {
    using namespace bt;
    app::open_standard_descriptors();
    const auto parsed = client::parse_arguments(argc, argv);
    if (const auto* code = std::get_if<app::ExitCode>(&parsed)) return app::to_int(*code);
    const auto& arguments = std::get<client::Arguments>(parsed);
    if (const auto* create = std::get_if<client::CreateArguments>(&arguments)) {
        return app::to_int(client::run_create(*create));
    }
    if (const auto* verify = std::get_if<client::VerifyArguments>(&arguments)) {
        return app::to_int(client::run_verify(*verify));
    }
    if (const auto* download = std::get_if<client::DownloadArguments>(&arguments)) {
        return app::to_int(client::run_download(*download, [&]() -> std::optional<client::DownloadArguments> {
            auto again = client::parse_arguments(argc, argv);
            auto* read = std::get_if<client::Arguments>(&again);
            auto* changed = read != nullptr ? std::get_if<client::DownloadArguments>(read) : nullptr;
            return changed != nullptr ? std::optional(std::move(*changed)) : std::nullopt;
        }));
    }
    if (const auto* inspect = std::get_if<client::InspectArguments>(&arguments)) {
        return app::to_int(client::run_inspect(*inspect));
    }
    if (const auto* scrape = std::get_if<client::ScrapeArguments>(&arguments)) {
        return app::to_int(client::run_scrape(*scrape));
    }
    if (const auto* wire = std::get_if<client::WireArguments>(&arguments)) {
        return app::to_int(client::run_wire(*wire));
    }
    return app::to_int(app::ExitCode::Internal);
}
