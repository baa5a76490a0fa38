#include "tracker/pages.h"

#include <algorithm>
#include <charconv>

#include "common/base/encoding.h"
#include "common/telemetry/json_writer.h"
#include "tracker/explain.h"
#include "tracker/web_assets.h"

namespace bt::tracker {
namespace {

using telemetry::JsonWriter;

constexpr std::string_view kSafety =
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src "
    "data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";

HttpAnswer page_of(const http::Request& request, std::string_view content_type, std::string_view body) {
    std::string head = http::response_head(200, content_type, body.size(), request.keep_alive);
    head.insert(head.size() - 2, kSafety);
    auto delivery = std::make_unique<Delivery>();
    ByteBuffer bytes = to_buffer(as_bytes(head));
    if (request.method != "HEAD") append(bytes, body);
    delivery->steps.push_back({Duration::zero(), std::move(bytes)});
    delivery->end = request.keep_alive ? Delivery::End::Keep : Delivery::End::Close;
    return {200, content_type, {}, std::move(delivery)};
}

std::uint64_t parameter(std::string_view query, std::string_view name) {
    const std::size_t at = query.find(name);
    if (at == std::string_view::npos) return 0;
    std::uint64_t value = 0;
    std::from_chars(query.data() + at + name.size(), query.data() + query.size(), value);
    return value;
}

// A peer id as text where it is, with dots for the rest.
std::string peer_id_text(const PeerId& peer_id) {
    std::string text(as_text(peer_id));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < 0x20 || c >= 0x7f; }, '.');
    return text;
}

void write_exchange(JsonWriter& json, const SeenExchange& seen) {
    json.begin_object().field("number", seen.number).field("t", to_seconds(seen.time.time_since_epoch()));
    json.field("door", door_name(seen.door)).field("source", seen.source.to_string());
    json.field("kind", kind_name(seen.kind)).field("event", wire::event_name(seen.event));
    json.field("info_hash", seen.info_hash ? to_hex(*seen.info_hash) : std::string());
    json.field("peer", seen.port != 0 ? Endpoint{seen.source.address, seen.port}.to_string() : std::string());
    json.field("peer_id", seen.peer_id ? peer_id_text(*seen.peer_id) : std::string());
    json.field("left", seen.left).field("told", seen.told).field("status", seen.status);
    json.field("answered", seen.is_answered).field("refusal", seen.refusal);
    json.field("rule", seen.rule).field("action", seen.action);
    json.field("request_size", seen.request_size).field("answer_size", seen.answer_size).end_object();
}

void write_bytes(JsonWriter& json, std::string_view name, const ByteBuffer& bytes, std::size_t size,
                 const std::vector<ExplainedField>& fields) {
    json.key(name).begin_object().field("hex", to_hex(bytes)).field("size", size).key("fields").begin_array();
    for (const ExplainedField& field : fields) {
        json.begin_object().field("begin", field.begin).field("end", field.end).field("name", field.name);
        json.field("value", field.value).field("meaning", field.meaning).end_object();
    }
    json.end_array().end_object();
}

void write_swarm(JsonWriter& json, const SeenSwarm& swarm, const SwarmCounts& counts, const std::string& name,
                 TimePoint now) {
    json.begin_object().field("info_hash", to_hex(swarm.info_hash)).field("name", name);
    json.field("complete", counts.complete).field("incomplete", counts.incomplete);
    json.field("downloaded", counts.downloaded).key("peers").begin_array();
    for (const SeenPeer& peer : swarm.peers) {
        json.begin_object().field("peer", peer.endpoint.to_string()).field("peer_id", peer_id_text(peer.peer_id));
        json.field("door", door_name(peer.door)).field("event", wire::event_name(peer.event));
        json.field("left", peer.left).field("uploaded", peer.uploaded).field("downloaded", peer.downloaded);
        json.field("announces", peer.announces).field("age_s", to_seconds(now - peer.seen));
        json.key("told").begin_array();
        for (const Endpoint& told : peer.told) json.string(told.to_string());
        json.end_array().end_object();
    }
    json.end_array().end_object();
}

}  // namespace

std::vector<AddressRange> loopback_only() { return {*AddressRange::parse("127.0.0.0/8"), *AddressRange::parse("::1")}; }

std::optional<HttpAnswer> Pages::page(const http::Request& request, const Address& source, TimePoint now) {
    if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
    const std::string_view path = request.path();
    if (path == "/health") return page_of(request, "text/plain", "ok\n");
    if (contains(settings_.stats, source)) {
        if (path == "/metrics") {
            return page_of(request, "text/plain; version=0.0.4; charset=utf-8",
                           metrics_text(sources_.numbers(now), *sources_.rules));
        }
        if (path == "/stats.json") {
            return page_of(request, "application/json",
                           stats_json(sources_.numbers(now), *sources_.rates, *sources_.rules) + "\n");
        }
    }
    if (sources_.watch != nullptr && contains(settings_.web, source)) return web_page(request, now);
    return std::nullopt;
}

std::optional<HttpAnswer> Pages::web_page(const http::Request& request, TimePoint now) const {
    const std::string_view path = request.path();
    if (path == "/") return page_of(request, "text/html; charset=utf-8", web_page_html());
    if (path == "/web/page.css") return page_of(request, "text/css; charset=utf-8", web_page_css());
    if (path == "/web/page.js") return page_of(request, "text/javascript; charset=utf-8", web_page_js());
    if (path == "/web/state.json") {
        sources_.watch->expire(now);
        return page_of(request, "application/json", state_json(parameter(request.query(), "after="), now));
    }
    if (path == "/web/exchange.json") {
        const auto text = exchange_json(parameter(request.query(), "number="));
        return page_of(request, "application/json", text.value_or("{\"gone\":true}"));
    }
    return std::nullopt;
}

std::string Pages::state_json(std::uint64_t after, TimePoint now) const {
    const Watch& watch = *sources_.watch;
    const Numbers numbers = sources_.numbers(now);
    JsonWriter json;
    json.begin_object().field("t", to_seconds(now.time_since_epoch())).field("uptime_s", to_seconds(numbers.uptime));
    json.field("torrents", numbers.torrents).field("peers", numbers.peers).field("complete", numbers.complete);
    json.field("incomplete", numbers.incomplete).field("connections", numbers.connections);
    json.key("rates").begin_object();
    write_rates(json, "10s", sources_.rates->over(seconds(10)));
    write_rates(json, "60s", sources_.rates->over(seconds(60)));
    json.end_object().field("last", watch.last_number());

    json.key("rules").begin_array();
    for (std::size_t i = 0; i < sources_.rules->rules().size(); ++i) {
        const Rule& rule = sources_.rules->rules()[i];
        json.begin_object().field("name", rule.name).field("action", action_info(rule.action.kind).name);
        json.field("applied", sources_.rules->counters(i).applied).end_object();
    }
    json.end_array().key("swarms").begin_array();
    for (const SeenSwarm& swarm : watch.swarms()) {
        const auto name = settings_.names.find(swarm.info_hash);
        write_swarm(json, swarm, sources_.counts(swarm.info_hash, now),
                    name == settings_.names.end() ? std::string() : name->second, now);
    }
    json.end_array().key("exchanges").begin_array();
    const auto& all = watch.exchanges();
    const auto first_new = std::find_if(all.begin(), all.end(), [&](const auto& seen) { return seen.number > after; });
    const auto count = std::min<std::ptrdiff_t>(all.end() - first_new, kMaxNewExchanges);
    for (auto seen = all.end() - count; seen != all.end(); ++seen) write_exchange(json, *seen);
    json.end_array().end_object();
    return json.text();
}

std::optional<std::string> Pages::exchange_json(std::uint64_t number) const {
    const SeenExchange* seen = sources_.watch->find(number);
    if (seen == nullptr) return std::nullopt;
    const bool is_udp = seen->door == Door::Udp;
    JsonWriter json;
    json.begin_object().key("exchange");
    write_exchange(json, *seen);
    write_bytes(json, "request", seen->request, seen->request_size,
                is_udp ? explain_udp_request(seen->request) : explain_http_request(seen->request));
    write_bytes(
        json, "answer", seen->answer, seen->answer_size,
        is_udp ? explain_udp_answer(seen->answer, seen->source.address.family()) : explain_http_answer(seen->answer));
    json.end_object();
    return json.text();
}

}  // namespace bt::tracker
