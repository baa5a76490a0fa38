// The two sides of an encrypted handshake against each other in every cut, and against a side that is written out
// here by hand (Hand) and may break any rule.

#include "common/transport/mse.h"

#include <algorithm>

#include "common/base/byte_cursor.h"
#include "common/crypto/hash.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::transport;

namespace {

const TimePoint kStart{seconds(1000)};

InfoHash hash_filled(Byte value) {
    InfoHash hash{};
    hash.fill(value);
    return hash;
}
const InfoHash kFirst = hash_filled(0x11);
const InfoHash kSecond = hash_filled(0x22);

std::optional<InfoHash> lookup_both(const Sha1Digest& skey_hash) {
    for (const InfoHash& ours : {kFirst, kSecond}) {
        if (mse_skey_hash(ours) == skey_hash) return ours;
    }
    return std::nullopt;
}

MseHandshake initiator(MseMethods methods = {}, const InfoHash& skey = kSecond, std::uint64_t rng_seed = 1) {
    return {skey, methods, Rng(rng_seed), kStart};
}
MseHandshake acceptor(MseMethods methods = {}, std::uint64_t rng_seed = 2) {
    return {lookup_both, methods, Rng(rng_seed), kStart};
}

ByteBuffer take_output(MseHandshake& side) {
    ByteBuffer bytes;
    while (!side.pending_output().empty()) {
        const auto view = std::get<ByteView>(side.pending_output().segment(0));
        append(bytes, view);
        side.mark_sent(view.size());
    }
    return bytes;
}

// What `to` does not take of `bytes` is answered.
Result<ByteBuffer> feed(MseHandshake& to, ByteView bytes, std::size_t cut) {
    while (!bytes.empty() && !to.is_done()) {
        const ByteView part = bytes.first(std::min(cut, bytes.size()));
        BT_TRY_ASSIGN(const std::size_t taken, to.receive(part, kStart));
        REQUIRE((taken == part.size() || to.is_done()));
        bytes = bytes.subspan(taken);
    }
    return to_buffer(bytes);
}

Sha1Digest sha1_of(std::string_view word, ByteView first, ByteView second = {}) {
    ByteBuffer all = to_buffer(as_bytes(word));
    append(all, first);
    append(all, second);
    return crypto::sha1(all);
}

// The other side by hand.
struct Hand {
    Rng rng{99};
    crypto::Dh768 dh{rng};
    crypto::Dh768Key secret{};
    std::optional<crypto::Rc4> out;
    std::optional<crypto::Rc4> in;

    void agree(ByteView their_key, bool initiating, const InfoHash& skey = kSecond) {
        crypto::Dh768Key key{};
        std::copy_n(their_key.begin(), key.size(), key.begin());
        secret = dh.shared_secret(key).value();
        out.emplace(sha1_of(initiating ? "keyA" : "keyB", secret, skey));
        in.emplace(sha1_of(initiating ? "keyB" : "keyA", secret, skey));
        out->discard(1024);
        in->discard(1024);
    }
    [[nodiscard]] ByteBuffer key() const { return to_buffer(dh.public_key()); }
    [[nodiscard]] ByteBuffer hashes(const InfoHash& skey = kSecond) const {
        ByteBuffer bytes = to_buffer(sha1_of("req1", secret));
        const Sha1Digest a = sha1_of("req2", skey);
        const Sha1Digest b = sha1_of("req3", secret);
        for (std::size_t i = 0; i < a.size(); ++i) bytes.push_back(static_cast<Byte>(a[i] ^ b[i]));
        return bytes;
    }
    ByteBuffer sealed(std::uint32_t methods, std::size_t padding, std::optional<std::string_view> payload,
                      Byte vc = 0) {
        ByteBuffer bytes(8, vc);
        append_u32(bytes, methods);
        append_u16(bytes, static_cast<std::uint16_t>(padding));
        bytes.resize(bytes.size() + padding, 0xee);
        if (payload) {
            append_u16(bytes, static_cast<std::uint16_t>(payload->size()));
            append(bytes, *payload);
        }
        out->apply(bytes);
        return bytes;
    }
};

void check_breach(const Status& status, std::string_view what) {
    REQUIRE_FALSE(status.has_value());
    CAPTURE(status.error().message());
    CHECK(status.error().fault == Fault::Remote);
    CHECK(status.error().code == ErrorCode::ProtocolViolation);
    CHECK(status.error().detail.find(what) != std::string::npos);
}

Status status_of(const Result<ByteBuffer>& result) {
    if (result) return {};
    return fail(result.error());
}

}  // namespace

TEST_CASE("twenty bytes tell a plain handshake from an encrypted one; a wrong one among the first eight does") {
    const ByteView plain = as_bytes(
        "\x13"
        "BitTorrent protocol and more");
    for (std::size_t size = 0; size < kGreetingSize; ++size)
        CHECK(classify_greeting(plain.first(size)) == Greeting::Unknown);
    CHECK(classify_greeting(plain.first(kGreetingSize)) == Greeting::Plain);
    CHECK(classify_greeting(plain) == Greeting::Plain);
    for (std::size_t wrong = 0; wrong < kGreetingSize; ++wrong) {
        ByteBuffer bytes = to_buffer(plain.first(wrong + 1));
        bytes[wrong] ^= 1;
        CHECK(classify_greeting(bytes) == (wrong < kGreetingCertain ? Greeting::Encrypted : Greeting::Plain));
    }
}

TEST_CASE("both sides agree whatever the cuts, and the stream reads the same in both directions") {
    const auto [a_methods, b_methods, expected] = GENERATE(table<MseMethods, MseMethods, StreamCrypto>({
        {{true, true}, {true, true}, StreamCrypto::Plaintext},
        {{true, true}, {false, true}, StreamCrypto::Rc4},
        {{false, true}, {true, true}, StreamCrypto::Rc4},
        {{true, false}, {true, true}, StreamCrypto::Plaintext},
        {{false, true}, {false, true}, StreamCrypto::Rc4},
    }));
    const std::size_t cut = GENERATE(1u, 7u, 95u, 4096u);
    const std::string payload = GENERATE(std::string(), std::string(68, 'h'));
    for (std::uint64_t rng_seed = 1; rng_seed < 6; ++rng_seed) {
        MseHandshake a = initiator(a_methods, kSecond, rng_seed);
        MseHandshake b = acceptor(b_methods, rng_seed + 100);
        CHECK(a.add_payload(as_bytes(payload)) == payload.size());
        ByteBuffer to_a;
        ByteBuffer to_b = take_output(a);
        CHECK(to_b.size() >= 96);
        CHECK(to_b.size() <= 96 + kMaxMsePadding);
        ByteBuffer stream_to_a;
        ByteBuffer stream_to_b;
        while (!to_a.empty() || !to_b.empty()) {
            append(stream_to_b, feed(b, to_b, cut).value());
            to_a = take_output(b);
            append(stream_to_a, feed(a, to_a, cut).value());
            to_b = take_output(a);
        }
        CHECK(a.next_deadline() == kNever);
        auto agreed_a = a.poll_event();
        auto agreed_b = b.poll_event();
        REQUIRE((agreed_a && agreed_b));
        CHECK_FALSE(a.poll_event());
        CHECK(agreed_b->skey == kSecond);
        CHECK(agreed_a->cipher.method() == expected);
        CHECK(agreed_b->cipher.method() == expected);
        // IA is the start of the stream.
        agreed_b->cipher.decrypt(stream_to_b);
        CHECK(as_text(stream_to_b) == payload);
        CHECK(stream_to_a.empty());
        CHECK(agreed_b->cipher.must_decrypt() == (expected == StreamCrypto::Rc4));
        for (auto [from, to] : {std::pair(&*agreed_a, &*agreed_b), std::pair(&*agreed_b, &*agreed_a)}) {
            const ByteBuffer words = to_buffer(as_bytes("what is said behind the handshake, both ways"));
            ByteBuffer wire = words;
            from->cipher.encrypt(wire);
            CHECK((wire == words) == (expected == StreamCrypto::Plaintext));
            to->cipher.decrypt(MutableByteView(wire).first(5));
            to->cipher.decrypt(MutableByteView(wire).subspan(5));
            CHECK(wire == words);
        }
    }
}

TEST_CASE("payload is taken until the other side's key is there, and 65535 bytes of it") {
    MseHandshake a = initiator();
    CHECK(a.add_payload(ByteBuffer(65530)) == 65530);
    CHECK(a.add_payload(ByteBuffer(10)) == 5);
    CHECK(a.add_payload(ByteBuffer(1)) == 0);
    MseHandshake b = acceptor();
    CHECK(b.add_payload(ByteBuffer(1)) == 0);
    REQUIRE(feed(b, take_output(a), 4096).has_value());
    REQUIRE(feed(a, take_output(b), 4096).has_value());
    CHECK(a.add_payload(ByteBuffer(1)) == 0);
    REQUIRE(feed(b, take_output(a), 96).value().size() == 65535);
    CHECK(b.is_done());
}

TEST_CASE("a hand-written peer agrees with either side, with 0 and with 512 bytes in every pad") {
    const std::size_t padding = GENERATE(0u, 1u, 512u);
    const std::uint32_t provided = GENERATE(1u, 2u, 3u, 0xffffff03u);
    {
        MseHandshake b = acceptor();
        Hand hand;
        ByteBuffer bytes = hand.key();
        bytes.resize(bytes.size() + padding, 0x33);
        REQUIRE(feed(b, bytes, 50).has_value());
        ByteBuffer answer = take_output(b);
        hand.agree(answer, true);
        bytes = hand.hashes();
        append(bytes, hand.sealed(provided, padding, "payload"));
        auto rest = feed(b, bytes, 50);
        REQUIRE(rest.has_value());
        auto agreed = b.poll_event();
        REQUIRE(agreed);
        agreed->cipher.decrypt(*rest);
        CHECK(b.is_done());
        CHECK(agreed->cipher.method() == ((provided & 1) != 0 ? StreamCrypto::Plaintext : StreamCrypto::Rc4));
        answer = take_output(b);
        REQUIRE(answer.size() == 14);
        hand.in->apply(answer);
        CHECK(load_u32(answer.data() + 8) == ((provided & 1) != 0 ? 1u : 2u));
    }
    if (provided > 2) return;  // as a selection
    {
        MseHandshake a = initiator();
        Hand hand;
        hand.agree(take_output(a), false);
        ByteBuffer bytes = hand.key();
        bytes.resize(bytes.size() + padding, 0x44);
        append(bytes, hand.sealed(provided, padding, std::nullopt));
        append(bytes, "stream");
        const auto rest = feed(a, bytes, 50);
        REQUIRE(rest.has_value());
        CHECK(a.is_done());
        CHECK(a.poll_event()->cipher.method() == (provided == 1 ? StreamCrypto::Plaintext : StreamCrypto::Rc4));
    }
}

TEST_CASE("bad input: endless padding ends the handshake behind 512 bytes, on either side") {
    MseHandshake b = acceptor();
    Hand hand;
    REQUIRE(feed(b, hand.key(), 4096).has_value());
    // 512 bytes of padding and a needle that never comes.
    CHECK(feed(b, ByteBuffer(512 + 19, 0x33), 1).has_value());
    check_breach(status_of(feed(b, ByteBuffer(1, 0x33), 1)), "padding");
    // It stays in error, and takes nothing more.
    check_breach(status_of(feed(b, ByteBuffer(100000, 0x33), 4096)), "padding");

    MseHandshake a = initiator();
    REQUIRE(feed(a, hand.key(), 4096).has_value());
    CHECK(feed(a, ByteBuffer(512 + 7, 0x33), 1).has_value());
    check_breach(status_of(feed(a, ByteBuffer(1, 0x33), 1)), "padding");
}

TEST_CASE("bad input: PadA or PadB of 513 bytes in front of the right words") {
    MseHandshake b = acceptor();
    Hand hand;
    ByteBuffer bytes = hand.key();
    bytes.resize(96 + 513, 0x33);
    REQUIRE(feed(b, bytes, 4096).has_value());
    hand.agree(take_output(b), true);
    check_breach(status_of(feed(b, hand.hashes(), 4096)), "padding");

    MseHandshake a = initiator();
    hand.agree(take_output(a), false);
    bytes = hand.key();
    bytes.resize(96 + 513, 0x33);
    append(bytes, hand.sealed(2, 0, std::nullopt));
    check_breach(status_of(feed(a, bytes, 4096)), "padding");
}

TEST_CASE("bad input: a wrong verification constant") {
    MseHandshake b = acceptor();
    Hand hand;
    REQUIRE(feed(b, hand.key(), 4096).has_value());
    hand.agree(take_output(b), true);
    ByteBuffer bytes = hand.hashes();
    append(bytes, hand.sealed(3, 0, "", 1));
    check_breach(status_of(feed(b, bytes, 4096)), "verification constant");
    // Towards the initiating side it is just more padding.
    MseHandshake a = initiator();
    hand.agree(take_output(a), false);
    bytes = hand.key();
    append(bytes, hand.sealed(3, 512, "", 1));
    check_breach(status_of(feed(a, bytes, 4096)), "padding");
}

TEST_CASE("bad input: a degenerate public key, to either side") {
    for (const Byte last : {Byte{0}, Byte{1}}) {
        ByteBuffer key(96);
        key.back() = last;
        MseHandshake a = initiator();
        MseHandshake b = acceptor();
        check_breach(status_of(feed(a, key, 10)), "degenerate");
        check_breach(status_of(feed(b, key, 10)), "degenerate");
        key.assign(96, 0xff);
        MseHandshake c = acceptor();
        check_breach(status_of(feed(c, key, 10)), "degenerate");
        CHECK(take_output(c).empty());
    }
}

TEST_CASE("bad input: PadC or PadD that says 513 bytes") {
    for (const std::size_t padding : {512u, 513u, 65535u}) {
        MseHandshake b = acceptor();
        Hand hand;
        REQUIRE(feed(b, hand.key(), 4096).has_value());
        hand.agree(take_output(b), true);
        ByteBuffer bytes = hand.hashes();
        append(bytes, hand.sealed(3, padding, ""));
        const auto accepted = feed(b, bytes, 4096);
        CHECK(accepted.has_value() == (padding <= 512));
        if (padding > 512) check_breach(status_of(accepted), "PadC");

        MseHandshake a = initiator();
        hand.agree(take_output(a), false);
        bytes = hand.key();
        append(bytes, hand.sealed(2, padding, std::nullopt));
        const auto initiated = feed(a, bytes, 4096);
        CHECK(initiated.has_value() == (padding <= 512));
        if (padding > 512) check_breach(status_of(initiated), "PadD");
    }
}

TEST_CASE("bad input: a selection that was not offered, none, or both") {
    for (const std::uint32_t selected : {0u, 1u, 3u, 4u, 0x80000002u}) {
        MseHandshake a = initiator({.plaintext = false, .rc4 = true});
        Hand hand;
        hand.agree(take_output(a), false);
        ByteBuffer bytes = hand.key();
        append(bytes, hand.sealed(selected, 0, std::nullopt));
        check_breach(status_of(feed(a, bytes, 4096)), "not offered");
    }
}

TEST_CASE("bad input: an unknown info_hash and an offer without a common method are refused") {
    const bool unknown = GENERATE(false, true);
    const InfoHash skey = unknown ? hash_filled(0x77) : kFirst;
    MseHandshake b = acceptor({.plaintext = false, .rc4 = true});
    Hand hand;
    REQUIRE(feed(b, hand.key(), 4096).has_value());
    hand.agree(take_output(b), true, skey);
    ByteBuffer bytes = hand.hashes(skey);
    append(bytes, hand.sealed(1, 0, ""));
    const auto result = feed(b, bytes, 4096);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == ErrorCode::HandshakeRefused);
    CHECK(result.error().detail == (unknown ? "unknown info_hash" : "encryption: no method in common"));
    CHECK(take_output(b).empty());
}

TEST_CASE("a peer that answers an encrypted handshake with a plain one is told apart") {
    MseHandshake a = initiator();
    const auto result = feed(a,
                             as_bytes("\x13"
                                      "BitTorrent protocol"),
                             3);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == ErrorCode::HandshakeRefused);
}

TEST_CASE("bad input: silence ends the handshake after 10 s, and not before") {
    for (MseHandshake& side : std::array{initiator(), acceptor()}) {
        CHECK(side.next_deadline() == kStart + seconds(10));
        CHECK(side.on_deadline(kStart + milliseconds(9999)).has_value());
        const Status late = side.on_deadline(kStart + seconds(10));
        REQUIRE_FALSE(late.has_value());
        CHECK(late.error().code == ErrorCode::TimedOut);
        CHECK(side.next_deadline() == kNever);
        CHECK_FALSE(side.receive(ByteBuffer(96, 1), kStart + seconds(10)).has_value());
    }
    // Bytes that drip do not extend it.
    MseHandshake b = acceptor();
    CHECK(b.receive(ByteBuffer(50, 1), kStart + seconds(9)).has_value());
    CHECK_FALSE(b.receive(ByteBuffer(1, 1), kStart + seconds(10)).has_value());
}

TEST_CASE("a handshake is the same again from the same rng_seed, and padded differently from others") {
    MseHandshake a = initiator({}, kFirst, 5);
    MseHandshake b = initiator({}, kFirst, 5);
    CHECK(take_output(a) == take_output(b));
    std::vector<std::size_t> sizes;
    for (std::uint64_t rng_seed = 0; rng_seed < 60; ++rng_seed) {
        MseHandshake c = initiator({}, kFirst, rng_seed);
        sizes.push_back(take_output(c).size());
    }
    std::ranges::sort(sizes);
    CHECK(sizes.front() < 96 + 100);
    CHECK(sizes.back() > 96 + 412);
    CHECK(sizes.back() <= 96 + 512);
}
