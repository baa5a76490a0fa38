#include "lab/probe/probe.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/base/encoding.h"
#include "common/wire/extension.h"

namespace bt::probe {
namespace {

using Line = void (*)(Probe&);
constexpr Line kLines[] = {probe_handshake,  probe_first_messages, probe_requests,
                           probe_extensions, probe_fast,           probe_refusals};

std::string printable_prefix(const PeerId& peer_id) {
    std::string text = to_string(ByteView(peer_id).first(8));
    const bool is_text = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
    return is_text ? text : to_hex(peer_id);
}

// Also tells whether anybody is there at all.
Result<std::string> name_of_client(const Target& target) {
    Probe probe(target, 0);
    BT_TRY_ASSIGN(Opened opened, probe.open(true));
    std::string name = printable_prefix(opened.remote.peer_id);
    if (!opened.remote.has_extensions()) return name;
    BT_TRY(opened.talk.send(wire::Extended{0, wire::ExtensionHandshake().encode()}));
    const auto heard = opened.talk.hear_if<wire::Extended>(
        target.patience, [](const wire::Extended& message) { return message.id == 0; });
    const auto theirs = heard ? wire::ExtensionHandshake::parse(heard->payload) : Result<wire::ExtensionHandshake>{};
    if (theirs && !theirs->client_version.empty()) name = theirs->client_version + " (" + name + ")";
    return name;
}

std::string padded(std::string_view text, std::size_t width) {
    std::string out(text);
    out.resize(std::max(width, out.size()), ' ');
    return out;
}

}  // namespace

std::size_t ProbeReport::count(Verdict verdict) const {
    return static_cast<std::size_t>(std::ranges::count(findings, verdict, &Finding::verdict));
}

Result<ProbeReport> run_probe(const Target& target) {
    ProbeReport report;
    report.endpoint = target.endpoint;
    report.torrent = target.metainfo->name();
    BT_TRY_ASSIGN(report.client, name_of_client(target));
    std::deque<Probe> probes;
    {
        std::vector<std::jthread> threads;
        for (const Line line : kLines) {
            Probe& probe = probes.emplace_back(target, probes.size() + 1);
            threads.emplace_back([line, &probe] { line(probe); });
        }
    }
    probe_alive(probes.emplace_back(target, probes.size() + 1));
    for (const Probe& probe : probes) {
        report.findings.insert(report.findings.end(), probe.findings().begin(), probe.findings().end());
    }
    return report;
}

std::string report_text(const ProbeReport& report) {
    std::string text = report.client + " at " + report.endpoint.to_string() + ", " + report.torrent + "\n\n";
    std::size_t rule_width = 0;
    for (const Finding& finding : report.findings) rule_width = std::max(rule_width, finding.rule.size());
    for (const Finding& finding : report.findings) {
        text += padded(verdict_name(finding.verdict), 10) + padded(finding.rule, rule_width + 2) + finding.text + " (" +
                finding.source + ")\n";
        if (finding.verdict == Verdict::Held) continue;
        if (!finding.sent.empty()) text += padded("", rule_width + 12) + "sent:  " + finding.sent + '\n';
        if (!finding.heard.empty()) text += padded("", rule_width + 12) + "heard: " + finding.heard + '\n';
    }
    text += "\n" + std::to_string(report.count(Verdict::Held)) + " held, " +
            std::to_string(report.count(Verdict::Broken)) + " broken, " +
            std::to_string(report.count(Verdict::Differs)) + " left open by the specification, " +
            std::to_string(report.count(Verdict::NotTried)) + " not tried\n";
    return text;
}

std::string report_json(const ProbeReport& report) {
    nlohmann::ordered_json rules = nlohmann::ordered_json::array();
    for (const Finding& finding : report.findings) {
        rules.push_back({{"rule", finding.rule},
                         {"source", finding.source},
                         {"text", finding.text},
                         {"verdict", verdict_name(finding.verdict)},
                         {"sent", finding.sent},
                         {"heard", finding.heard}});
    }
    const nlohmann::ordered_json object = {{"endpoint", report.endpoint.to_string()},
                                           {"torrent", report.torrent},
                                           {"client", report.client},
                                           {"held", report.count(Verdict::Held)},
                                           {"broken", report.count(Verdict::Broken)},
                                           {"open", report.count(Verdict::Differs)},
                                           {"not_tried", report.count(Verdict::NotTried)},
                                           {"rules", rules}};
    return object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace bt::probe
