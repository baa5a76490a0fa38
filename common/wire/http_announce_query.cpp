// The tracker's side of the query string.

#include <algorithm>
#include <charconv>
#include <limits>

#include "common/base/encoding.h"
#include "common/wire/http_announce.h"

namespace bt::wire {
namespace {

struct Parameter {
    std::string_view name;
    std::string value;         // decoded
    std::uint64_t offset = 0;  // of the parameter in the query
};

// Where the rule stands.
std::string_view source_of(std::string_view name) {
    if (name == "compact" || name == "no_peer_id") return " (BEP 23)";
    if (name == "event") return " (BEP 3, paused: BEP 21)";
    return name == "numwant" ? "" : " (BEP 3)";
}

std::unexpected<Error> broken(const Parameter& parameter, std::string_view rule) {
    std::string detail(parameter.name);
    detail += ": ";
    detail += rule;
    detail += source_of(parameter.name);
    return fail(remote_error(ErrorCode::InvalidTracker, std::move(detail), parameter.offset));
}

Status read_digest(const Parameter& parameter, std::array<Byte, 20>& out, bool& seen) {
    if (seen) return broken(parameter, "given twice");
    if (parameter.value.size() != out.size()) {
        return broken(parameter, "must be 20 bytes, not " + std::to_string(parameter.value.size()));
    }
    const ByteView bytes = as_bytes(parameter.value);
    std::copy(bytes.begin(), bytes.end(), out.begin());
    seen = true;
    return {};
}

// Decimal digits only; from_chars alone would leave what stands behind the number.
std::optional<std::uint64_t> to_number(std::string_view text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

Status read_number(const Parameter& parameter, std::uint64_t& out) {
    const auto number = to_number(parameter.value);
    if (!number) return broken(parameter, "must be a whole number from 0 to 18446744073709551615");
    out = *number;
    return {};
}

Status read_event(const Parameter& parameter, AnnounceEvent& out) {
    for (const AnnounceEvent event : {AnnounceEvent::None, AnnounceEvent::Started, AnnounceEvent::Completed,
                                      AnnounceEvent::Stopped, AnnounceEvent::Paused}) {
        if (parameter.value == event_name(event)) {
            out = event;
            return {};
        }
    }
    if (parameter.value == "empty") {
        out = AnnounceEvent::None;
        return {};
    }
    return broken(parameter, "must be started, completed, stopped, paused or empty");
}

// A negative wish (clients send -1) means: as the tracker likes.
Status read_numwant(const Parameter& parameter, std::optional<std::uint32_t>& out) {
    std::string_view text = parameter.value;
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const auto number = to_number(text);
    if (!number) return broken(parameter, "must be a whole number");
    out.reset();
    if (!negative) {
        out = static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, std::numeric_limits<std::uint32_t>::max()));
    }
    return {};
}

Status read_port(const Parameter& parameter, std::uint16_t& out, bool& seen) {
    if (seen) return broken(parameter, "given twice");
    const auto number = to_number(parameter.value);
    if (!number || *number < 1 || *number > 65535) return broken(parameter, "must be from 1 to 65535");
    out = static_cast<std::uint16_t>(*number);
    seen = true;
    return {};
}

Status read_flag(const Parameter& parameter, bool& out) {
    if (parameter.value != "0" && parameter.value != "1") return broken(parameter, "must be 0 or 1");
    out = parameter.value == "1";
    return {};
}

class QueryReader {
  public:
    Status read(std::string_view name, std::string_view raw_value, std::uint64_t offset) {
        if (!is_known(name)) return {};
        auto value = percent_decode(raw_value);
        Parameter parameter{name, std::move(value).value_or(std::string()), offset};
        if (!value) return broken(parameter, "'%' without two hex digits behind it");
        if (name == "info_hash") return read_digest(parameter, request_.info_hash, has_info_hash_);
        if (name == "peer_id") return read_digest(parameter, request_.peer_id, has_peer_id_);
        if (name == "port") return read_port(parameter, request_.port, has_port_);
        if (name == "uploaded") return read_number(parameter, request_.uploaded);
        if (name == "downloaded") return read_number(parameter, request_.downloaded);
        if (name == "left") {
            has_left_ = true;
            return read_number(parameter, request_.left);
        }
        if (name == "event") return read_event(parameter, request_.event);
        if (name == "numwant") return read_numwant(parameter, request_.numwant);
        if (name == "compact") return read_flag(parameter, request_.compact.emplace(false));
        if (name == "no_peer_id") return read_flag(parameter, request_.no_peer_id);
        if (name == "key") request_.key = std::move(parameter.value);
        if (name == "trackerid") request_.tracker_id = std::move(parameter.value);
        if (name == "ip") request_.ip = std::move(parameter.value);
        return {};
    }

    Result<AnnounceRequest> finish() {
        const std::pair<bool, const char*> required[] = {
            {has_info_hash_, "info_hash"}, {has_peer_id_, "peer_id"}, {has_port_, "port"}, {has_left_, "left"}};
        for (const auto& [seen, name] : required) {
            if (!seen) return fail(remote_error(ErrorCode::InvalidTracker, std::string(name) + ": missing (BEP 3)"));
        }
        return std::move(request_);
    }

  private:
    static bool is_known(std::string_view name) {
        constexpr std::string_view kKnown[] = {"info_hash", "peer_id",   "port",    "uploaded", "downloaded",
                                               "left",      "event",     "numwant", "compact",  "no_peer_id",
                                               "key",       "trackerid", "ip"};
        return std::find(std::begin(kKnown), std::end(kKnown), name) != std::end(kKnown);
    }

    AnnounceRequest request_;
    bool has_info_hash_ = false;
    bool has_peer_id_ = false;
    bool has_port_ = false;
    bool has_left_ = false;
};

}  // namespace

Result<AnnounceRequest> parse_announce_query(std::string_view query) {
    QueryReader reader;
    std::size_t start = 0;
    while (start <= query.size()) {
        const std::size_t end = std::min(query.find('&', start), query.size());
        const std::string_view pair = query.substr(start, end - start);
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const std::string_view value = equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
        BT_TRY(reader.read(pair.substr(0, equals), value, start));
        start = end + 1;
    }
    return reader.finish();
}

}  // namespace bt::wire
