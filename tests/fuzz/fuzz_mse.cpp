// The encrypted handshake. First byte: bit 0 the role under test, bit 1 whether the rest is raw bytes or a script that
// a knowing peer carries out (key, padding as long as the next two bytes say, right hashes, then what is left of the
// input under the right cipher); the second byte is where to cut. The machine ends or waits; it never takes more than
// the handshake can have, and whatever the cuts, it says the same.

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/base/check.h"
#include "common/crypto/hash.h"
#include "common/transport/mse.h"

namespace {

using namespace bt;
using namespace bt::transport;

constexpr InfoHash kSkey = {1, 2, 3};
constexpr std::size_t kLongest = 96 + 512 + 20 + 20 + 14 + 512 + 2;

MseHandshake make(bool initiating) {
    if (initiating) return {kSkey, {}, Rng(1), TimePoint(seconds(1))};
    return {[](const Sha1Digest& hash) { return hash == mse_skey_hash(kSkey) ? std::optional(kSkey) : std::nullopt; },
            {},
            Rng(1),
            TimePoint(seconds(1))};
}

Sha1Digest hash_of(std::string_view word, ByteView first, ByteView second = {}) {
    ByteBuffer all = to_buffer(as_bytes(word));
    append(all, first);
    append(all, second);
    return crypto::sha1(all);
}

ByteBuffer scripted(bool machine_initiates, ByteView script) {
    if (script.size() < 2) return {};
    const std::size_t padding = (std::size_t{script[0]} << 8 | script[1]) % 1024;
    script = script.subspan(2);
    Rng rng(2);
    const crypto::Dh768 dh(rng);
    Rng its_rng(1);  // as the machine draws its own key
    const auto secret = dh.shared_secret(crypto::Dh768(its_rng).public_key());
    BT_CHECK(secret.has_value());
    ByteBuffer bytes = to_buffer(dh.public_key());
    bytes.resize(bytes.size() + padding, 0x5a);
    if (!machine_initiates) {
        append(bytes, hash_of("req1", *secret));
        const Sha1Digest skey = mse_skey_hash(kSkey);
        const Sha1Digest mask = hash_of("req3", *secret);
        for (std::size_t i = 0; i < skey.size(); ++i) bytes.push_back(static_cast<Byte>(skey[i] ^ mask[i]));
    }
    crypto::Rc4 cipher(hash_of(machine_initiates ? "keyB" : "keyA", *secret, kSkey));
    cipher.discard(1024);
    ByteBuffer sealed(8);
    append(sealed, script);
    cipher.apply(sealed);
    append(bytes, sealed);
    return bytes;
}

struct Outcome {
    std::size_t taken = 0;
    std::optional<ErrorCode> error;
    bool done = false;
};

Outcome run(bool initiating, ByteView bytes, std::size_t cut) {
    MseHandshake machine = make(initiating);
    Outcome outcome;
    while (outcome.taken < bytes.size() && !machine.is_done()) {
        const ByteView part = bytes.subspan(outcome.taken, std::min(cut, bytes.size() - outcome.taken));
        const auto taken = machine.receive(part, TimePoint(seconds(2)));
        if (!taken) {
            BT_CHECK(taken.error().fault == Fault::Remote && machine.next_deadline() == kNever);
            BT_CHECK(!machine.poll_event());
            outcome.error = taken.error().code;
            return outcome;
        }
        BT_CHECK(*taken == part.size() || machine.is_done());
        outcome.taken += *taken;
        BT_CHECK(outcome.taken <= kLongest);
    }
    outcome.done = machine.is_done();
    BT_CHECK(machine.poll_event().has_value() == outcome.done);
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const bool initiating = (data[0] & 1) != 0;
    const ByteView rest(data + 2, size - 2);
    const ByteBuffer bytes = (data[0] & 2) != 0 ? scripted(initiating, rest) : to_buffer(rest);
    const Outcome whole = run(initiating, bytes, std::max<std::size_t>(bytes.size(), 1));
    const Outcome cut = run(initiating, bytes, std::size_t{data[1]} + 1);
    BT_CHECK(whole.done == cut.done && whole.error == cut.error);
    if (whole.done) BT_CHECK(whole.taken == cut.taken);
    return 0;
}
