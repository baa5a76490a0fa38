#include "lab/grade/fake_tracker.h"

#include <charconv>
#include <map>

#include "common/base/encoding.h"
#include "common/http/server_connection.h"
#include "common/meta/bencode.h"
#include "lab/probe/talk.h"

namespace bt::grade {
namespace {

constexpr std::chrono::milliseconds kPatience{30'000};

std::multimap<std::string, std::string> parameters(std::string_view query) {
    std::multimap<std::string, std::string> out;
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        out.emplace(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
    }
    return out;
}

std::string as_utf8(ByteView bytes) {
    std::string out;
    for (const Byte byte : bytes) {
        if (byte < 0x80) {
            out += static_cast<char>(byte);
        } else {
            out += static_cast<char>(0xc0 | byte >> 6);
            out += static_cast<char>(0x80 | (byte & 0x3f));
        }
    }
    return out;
}

std::optional<Fault> fault_in_hash(const std::string& sent, const InfoHash& info_hash) {
    const std::string wanted = to_string(info_hash);
    const auto plain = percent_decode(sent), form = percent_decode(sent, true);
    if (!plain) return Fault{"info_hash=" + sent, "a '%' must be followed by two hex digits"};
    if (*plain == wanted || *form == wanted) return std::nullopt;
    const std::string what = "info_hash=" + sent;
    if (*plain == to_hex(info_hash))
        return Fault{what, "the info_hash was sent as 40 hex digits; send its 20 bytes, percent-encoded"};
    if (const auto twice = percent_decode(*plain); twice && *twice == wanted)
        return Fault{what, "the info_hash was percent-encoded twice (\"%25\"): your HTTP library encodes it once more"};
    if (*plain == as_utf8(info_hash))
        return Fault{what, "bytes of 0x80 and more were sent as UTF-8 (two bytes each); encode the raw bytes"};
    if (plain->size() != info_hash.size())
        return Fault{what, std::to_string(plain->size()) +
                               " bytes came instead of 20: percent-encode every byte that is no letter, digit or one "
                               "of - . _ ~"};
    return Fault{what, "this is another torrent's info_hash: SHA-1 over the bytes of `info` as they stand in the file"};
}

std::optional<std::uint64_t> number_in(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<Fault> fault_in_announce(std::string_view query, const InfoHash& info_hash, std::uint64_t max_left) {
    const auto sent = parameters(query);
    for (const char* key : {"info_hash", "peer_id", "port", "uploaded", "downloaded", "left", "compact"}) {
        if (sent.count(key) != 1)
            return Fault{"the announce has " + std::string(sent.contains(key) ? "more than one " : "no ") + key,
                         std::string("the query needs ") + key + " (once)"};
    }
    const auto value = [&sent](const char* key) { return sent.find(key)->second; };
    if (auto fault = fault_in_hash(value("info_hash"), info_hash)) return fault;
    const auto peer_id = percent_decode(value("peer_id"), true);
    if (!peer_id || peer_id->size() != 20) return Fault{"peer_id=" + value("peer_id"), "a peer_id has 20 bytes"};
    const auto port = number_in(value("port")), left = number_in(value("left"));
    if (!port || *port == 0 || *port > 65535)
        return Fault{"port=" + value("port"), "port is where you would listen, 1 to 65535 (6881 where you do not)"};
    for (const char* key : {"uploaded", "downloaded"}) {
        if (number_in(value(key)) != 0)
            return Fault{std::string(key) + "=" + value(key), std::string(key) + " is 0 before anything was"};
    }
    if (!left || *left == 0 || *left > max_left)
        return Fault{"left=" + value("left"),
                     "left is what you miss: the length of the content; for a magnet, of which "
                     "that is not known yet, a small number such as 1 (0 says: I am a seed)"};
    if (value("compact") != "1") return Fault{"compact=" + value("compact"), "ask for the compact list: compact=1"};
    return std::nullopt;
}

Result<std::unique_ptr<FakeTracker>> FakeTracker::open(const Address& address) {
    auto tracker = std::make_unique<FakeTracker>();
    BT_TRY_ASSIGN(tracker->door_,
                  Door::open(address, [own = tracker.get()](net::Fd fd) { own->serve(std::move(fd)); }));
    return tracker;
}

void FakeTracker::set(const InfoHash& info_hash, TrackerManners manners) {
    const std::lock_guard lock(mutex_);
    info_hash_ = info_hash;
    manners_ = std::move(manners);
}

std::string FakeTracker::url() const { return "http://" + door_->endpoint().to_string() + "/announce"; }

std::vector<Fault> FakeTracker::faults() const {
    const std::lock_guard lock(mutex_);
    return faults_;
}

std::size_t FakeTracker::asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
}

std::string FakeTracker::answer(std::string_view query) {
    const std::lock_guard lock(mutex_);
    ++asked_;
    meta::BencodeWriter out;
    out.begin_dict();
    const auto fault = fault_in_announce(query, info_hash_, manners_.max_left);
    if (fault) faults_.push_back(*fault);
    if (fault || !manners_.failure.empty()) {
        out.key("failure reason").string(fault ? fault->what : manners_.failure);
    } else {
        ByteBuffer compact;
        for (const Endpoint& peer : manners_.peers) peer.append_compact(compact);
        out.key("complete").integer(static_cast<std::int64_t>(manners_.peers.size())).key("incomplete").integer(1);
        out.key("interval").integer(60).key("min interval").integer(30).key("peers").string(ByteView(compact));
    }
    return to_string(out.end().take());
}

// Any path will do: what is announced is what counts.
void FakeTracker::serve(net::Fd connection) {
    http::ServerConnection http(TimePoint{});
    probe::Talk talk = probe::Talk::adopt(std::move(connection));
    while (!http.wants_close()) {
        const ByteBuffer bytes = talk.hear_raw(kPatience);
        if (bytes.empty()) return;
        http.receive(bytes, TimePoint{});
        while (const auto request = http.poll_request()) {
            http.respond(200, "text/plain", as_bytes(answer(request->query())), TimePoint{});
        }
        while (!http.output().empty()) {
            const auto segment = std::get<ByteView>(http.output().segment(0));
            if (!talk.send(segment)) return;
            http.output().mark_sent(segment.size());
        }
    }
}

}  // namespace bt::grade
