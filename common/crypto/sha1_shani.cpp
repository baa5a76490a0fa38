#include "common/crypto/sha1_shani.h"

#include "common/base/byte_cursor.h"
#include "common/base/check.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <utility>

namespace bt::crypto::shani {
namespace {

constexpr std::size_t kBlock = 64;

#define BT_SHANI __attribute__((target("sha,sse4.1,ssse3")))
#define BT_SHANI_INLINE __attribute__((target("sha,sse4.1,ssse3"), always_inline)) inline

// ShaniState of one message as the instructions want it: a…d in one register, a in the highest word; e alone, highest.
struct ShaniState {
    __m128i abcd;
    __m128i e;
};

// One block in progress. words[g % 4] are the four schedule words of rounds 4g to 4g + 3; before is abcd as it was
// ahead of the last four rounds: the next e comes from it.
struct Lane {
    __m128i abcd;
    __m128i before;
    __m128i words[4];
};

BT_SHANI_INLINE __m128i load_words(const Byte* bytes) {
    const __m128i reverse = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)), reverse);
}

template <int Group>
BT_SHANI_INLINE void four_rounds(Lane& lane, const ShaniState& start, const Byte* block) {
    __m128i& words = lane.words[Group % 4];
    if constexpr (Group < 4) {
        words = load_words(block + 16 * Group);
    } else {
        // w[t] = rotl(w[t-16] ^ w[t-14] ^ w[t-8] ^ w[t-3], 1): this slot still holds the words of 16 rounds ago.
        const __m128i older = _mm_sha1msg1_epu32(words, lane.words[(Group + 1) % 4]);
        words = _mm_sha1msg2_epu32(_mm_xor_si128(older, lane.words[(Group + 2) % 4]), lane.words[(Group + 3) % 4]);
    }
    __m128i e_and_words;
    if constexpr (Group == 0) {
        e_and_words = _mm_add_epi32(start.e, words);
    } else {
        e_and_words = _mm_sha1nexte_epu32(lane.before, words);
    }
    lane.before = lane.abcd;
    lane.abcd = _mm_sha1rnds4_epu32(lane.abcd, e_and_words, Group / 5);
}

BT_SHANI_INLINE void finish_block(const Lane& lane, ShaniState& state) {
    state.e = _mm_sha1nexte_epu32(lane.before, state.e);
    state.abcd = _mm_add_epi32(lane.abcd, state.abcd);
}

template <int... Group>
BT_SHANI_INLINE void block_of_one(ShaniState& a, const Byte* a_block, std::integer_sequence<int, Group...>) {
    Lane lane;
    lane.abcd = a.abcd;
    (four_rounds<Group>(lane, a, a_block), ...);
    finish_block(lane, a);
}

template <int... Group>
BT_SHANI_INLINE void block_of_two(ShaniState& a, ShaniState& b, const Byte* a_block, const Byte* b_block,
                                  std::integer_sequence<int, Group...>) {
    Lane a_lane;
    Lane b_lane;
    a_lane.abcd = a.abcd;
    b_lane.abcd = b.abcd;
    ((four_rounds<Group>(a_lane, a, a_block), four_rounds<Group>(b_lane, b, b_block)), ...);
    finish_block(a_lane, a);
    finish_block(b_lane, b);
}

using Groups = std::make_integer_sequence<int, 20>;

BT_SHANI void run_one(ShaniState& state, const Byte* bytes, std::size_t blocks) {
    ShaniState a = state;
    for (; blocks > 0; --blocks, bytes += kBlock) block_of_one(a, bytes, Groups{});
    state = a;
}

BT_SHANI void run_two(ShaniState& first, ShaniState& second, const Byte* first_bytes, const Byte* second_bytes,
                      std::size_t blocks) {
    ShaniState a = first;
    ShaniState b = second;
    for (; blocks > 0; --blocks, first_bytes += kBlock, second_bytes += kBlock)
        block_of_two(a, b, first_bytes, second_bytes, Groups{});
    first = a;
    second = b;
}

BT_SHANI ShaniState initial_state() {
    ShaniState state;
    state.abcd = _mm_set_epi32(0x67452301, static_cast<int>(0xefcdab89), static_cast<int>(0x98badcfe), 0x10325476);
    state.e = _mm_set_epi32(static_cast<int>(0xc3d2e1f0), 0, 0, 0);
    return state;
}

// Blocks from `done` on, then the padding: 0x80, zeros, the length in bits (FIPS 180-4, 5.1.1).
BT_SHANI Sha1Digest run_rest(ShaniState state, ByteView message, std::size_t done) {
    const std::size_t whole = message.size() / kBlock;
    run_one(state, message.data() + done * kBlock, whole - done);

    Byte tail[2 * kBlock] = {};
    const ByteView rest = message.subspan(whole * kBlock);
    std::copy(rest.begin(), rest.end(), tail);
    tail[rest.size()] = 0x80;
    const std::size_t tail_blocks = rest.size() + 9 <= kBlock ? 1 : 2;
    const std::uint64_t bits = std::uint64_t{message.size()} * 8;
    store_u32(tail + tail_blocks * kBlock - 8, static_cast<std::uint32_t>(bits >> 32));
    store_u32(tail + tail_blocks * kBlock - 4, static_cast<std::uint32_t>(bits));
    run_one(state, tail, tail_blocks);

    Sha1Digest digest{};
    store_u32(digest.data(), static_cast<std::uint32_t>(_mm_extract_epi32(state.abcd, 3)));
    store_u32(digest.data() + 4, static_cast<std::uint32_t>(_mm_extract_epi32(state.abcd, 2)));
    store_u32(digest.data() + 8, static_cast<std::uint32_t>(_mm_extract_epi32(state.abcd, 1)));
    store_u32(digest.data() + 12, static_cast<std::uint32_t>(_mm_extract_epi32(state.abcd, 0)));
    store_u32(digest.data() + 16, static_cast<std::uint32_t>(_mm_extract_epi32(state.e, 3)));
    return digest;
}

}  // namespace

bool is_supported() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return false;
    const bool has_sse = (ecx & bit_SSSE3) != 0 && (ecx & bit_SSE4_1) != 0;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
    constexpr unsigned kShaBit = 1u << 29;
    return has_sse && (ebx & kShaBit) != 0;
}

BT_SHANI void sha1_pair(ByteView first, ByteView second, Sha1Digest& first_digest, Sha1Digest& second_digest) {
    ShaniState a = initial_state();
    ShaniState b = initial_state();
    const std::size_t both = std::min(first.size(), second.size()) / kBlock;
    run_two(a, b, first.data(), second.data(), both);
    first_digest = run_rest(a, first, both);
    second_digest = run_rest(b, second, both);
}

}  // namespace bt::crypto::shani

#else

namespace bt::crypto::shani {

bool is_supported() { return false; }

void sha1_pair(ByteView, ByteView, Sha1Digest&, Sha1Digest&) { BT_CHECK(is_supported()); }

}  // namespace bt::crypto::shani

#endif
