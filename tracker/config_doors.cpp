// Where the tracker listens, and what belongs to one kind of door.

#include "common/app/text_file.h"
#include "tracker/config_readers.h"

namespace bt::tracker {
namespace {

using app::ConfigFile;
using app::ConfigTable;

constexpr std::size_t kMaxPem = 1u << 20;

Status read_door(const ConfigTable& table, DoorConfig& door) {
    BT_TRY_ASSIGN(const auto enabled, table.boolean("enabled"));
    door.enabled = enabled.value_or(true);
    BT_TRY_ASSIGN(const auto port, table.integer("port", 0, 65535));
    if (port) door.port = static_cast<std::uint16_t>(*port);
    BT_TRY_ASSIGN(door.bind, read_addresses(table, "bind"));
    return {};
}

Status read_http(const ConfigTable& table, Config& config) {
    BT_TRY(table.allow_only({"enabled", "port", "bind", "interval", "proxies", "proxyProtocol"}));
    BT_TRY(read_door(table, config.http));
    AnnounceSettings& announce = config.node.announce;
    BT_TRY_ASSIGN(const auto interval, table.duration("interval", seconds(1), kLongestTime));
    if (interval) {
        if (!announce.udp_interval) announce.udp_interval = announce.interval;
        announce.interval = *interval;
    }
    HttpSettings& http = config.node.http;
    BT_TRY_ASSIGN(http.proxies, read_ranges(table, "proxies"));
    BT_TRY_ASSIGN(const auto proxy_protocol, table.boolean("proxyProtocol"));
    http.proxy_protocol = proxy_protocol.value_or(false);
    if (http.proxy_protocol && http.proxies.empty()) {
        return fail(table.error_at("proxyProtocol", "needs proxies: from nobody else such a header counts"));
    }
    return {};
}

Status read_udp(const ConfigTable& table, Config& config) {
    BT_TRY(table.allow_only({"enabled", "port", "bind", "interval", "grace", "lenient"}));
    BT_TRY(read_door(table, config.udp));
    BT_TRY_ASSIGN(const auto interval, table.duration("interval", seconds(1), kLongestTime));
    if (interval) config.node.announce.udp_interval = *interval;
    BT_TRY_ASSIGN(const auto grace, table.duration("grace", seconds(0), kLongestTime));
    BT_TRY_ASSIGN(const auto lenient, table.boolean("lenient"));
    config.node.udp_ids = {grace.value_or(Duration::zero()), lenient.value_or(false)};
    return {};
}

Result<std::string> read_pem(const ConfigFile& file, const ConfigTable& table, std::string_view key) {
    BT_TRY_ASSIGN(const std::string name, table.need(key, table.string(key)));
    auto text = app::read_text_file(file.resolve_path(name), kMaxPem);
    if (!text) return fail(table.error_at(key, text.error().message()));
    return std::move(*text);
}

Status read_https(const ConfigFile& file, const ConfigTable& table, Config& config) {
    BT_TRY(table.allow_only({"enabled", "port", "bind", "certificate", "key"}));
    BT_TRY(read_door(table, config.https));
    BT_TRY(table.need("port", table.integer("port", 0, 65535)));
    BT_TRY_ASSIGN(const std::string certificate, read_pem(file, table, "certificate"));
    BT_TRY_ASSIGN(const std::string key, read_pem(file, table, "key"));
    auto context = crypto::TlsServerContext::make(certificate, key);
    if (!context) return fail(table.error_at("certificate", context.error().message()));
    config.node.tls = std::make_shared<crypto::TlsServerContext>(std::move(*context));
    return {};
}

std::vector<Endpoint> endpoints(const std::vector<Address>& bind, std::uint16_t port) {
    std::vector<Endpoint> out;
    for (const Address& address : bind) out.push_back({address, port});
    return out;
}

}  // namespace

Status read_doors(const ConfigFile& file, const ConfigTable& root, Config& config) {
    BT_TRY_ASSIGN(const std::int64_t port, root.need("port", root.integer("port", 0, 65535)));
    config.port = static_cast<std::uint16_t>(port);
    BT_TRY_ASSIGN(config.bind, read_addresses(root, "bind"));
    BT_TRY_ASSIGN(const auto http, root.table("http"));
    BT_TRY_ASSIGN(const auto udp, root.table("udp"));
    BT_TRY_ASSIGN(const auto https, root.table("https"));
    if (udp) BT_TRY(read_udp(*udp, config));
    if (http) BT_TRY(read_http(*http, config));
    if (https) BT_TRY(read_https(file, *https, config));
    if (!config.http.enabled && !config.udp.enabled && !config.https.enabled) {
        return fail(root.error_here("no door is open: http, https and udp are all disabled"));
    }
    return {};
}

Doors Config::doors() const {
    const std::vector<Address> everywhere = {Address(), Address::v6({})};
    const auto of = [&](const DoorConfig& door) {
        if (!door.enabled) return std::vector<Endpoint>();
        const std::vector<Address>& own = door.bind.empty() ? bind : door.bind;
        return endpoints(own.empty() ? everywhere : own, door.port.value_or(port));
    };
    return {.http = of(http), .https = of(https), .udp = of(udp), .everywhere_without_v6 = true};
}

}  // namespace bt::tracker
