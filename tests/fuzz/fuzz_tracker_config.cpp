// The tracker's configuration from anybody's text, TOML or JSON by the input's first byte: what is refused names file
// and line; what is accepted can be run, and gives the same again.

#include <cstdint>

#include "common/base/check.h"
#include "tracker/config.h"

using namespace bt;

namespace {

const std::string kFile = "/nonexistent/tracker";

Result<tracker::Config> parse(std::string_view text, app::ConfigFormat format) {
    BT_TRY_ASSIGN(const app::ConfigFile file, app::ConfigFile::parse(text, format, kFile));
    return tracker::parse_config(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto format = data[0] % 2 == 0 ? app::ConfigFormat::Toml : app::ConfigFormat::Json;
    const std::string_view text = as_text({data + 1, size - 1});
    const auto config = parse(text, format);
    if (!config) {
        BT_CHECK(config.error().detail.starts_with(kFile + ":"));
        BT_CHECK(config.error().detail.find('\n') == std::string::npos);
        return 0;
    }
    const tracker::AnnounceSettings& announce = config->node.announce;
    BT_CHECK(announce.interval >= seconds(1) && announce.min_interval <= std::chrono::hours(24));
    BT_CHECK(announce.registry.peer_timeout >= announce.interval);
    BT_CHECK(announce.default_numwant <= announce.max_numwant);
    const tracker::Doors doors = config->doors();
    BT_CHECK(doors.http.size() + doors.https.size() + doors.udp.size() > 0);
    BT_CHECK(doors.https.empty() || config->node.tls != nullptr);
    tracker::AnnounceService service(announce, Rng(1));
    service.configure(announce);
    const auto again = parse(text, format);
    BT_CHECK(again && again->doors().http == doors.http && again->node.announce.interval == announce.interval);
    return 0;
}
