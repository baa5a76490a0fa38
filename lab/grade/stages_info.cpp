// `info FILE` and `magnet_parse URI` print what a torrent says.

#include <algorithm>

#include "common/base/encoding.h"
#include "common/crypto/hash.h"
#include "lab/grade/stage.h"

namespace bt::grade {
namespace {

constexpr const char* kTrackers[] = {"http://127.0.0.1:%/announce", "http://tracker.test:%/announce?user=a"};

std::string some_tracker(Rng& rng) {
    std::string url = kTrackers[rng.below(std::size(kTrackers))];
    return url.replace(url.find('%'), 1, std::to_string(1024 + rng.below(60000)));
}

std::string hash_line(const std::string& text) { return to_hex(crypto::sha1(as_bytes(text))); }

using FieldList = std::vector<std::pair<std::string, std::string>>;

// The hash over the keys in any other order.
bool is_of_another_order(FieldList fields, const std::string& hash) {
    std::ranges::sort(fields);
    do {
        if (hash_line(encode_dict(fields)) == hash) return true;
    } while (std::ranges::next_permutation(fields).found);
    return false;
}

// Which mistake makes this hash of that torrent.
std::string hint_for_hash(const Sample& sample, const std::string& hash) {
    const std::string general =
        "the info_hash is the SHA-1 of the bytes of `info` as they stand in the file, from its 'd' to its 'e'";
    FieldList all(sample.info.begin(), sample.info.end());
    FieldList known;
    std::ranges::copy_if(all, std::back_inserter(known), [](const auto& field) {
        return field.first == "length" || field.first == "name" || field.first == "piece length" ||
               field.first == "pieces";
    });
    if (hash == hash_line(encode_dict(known)))
        return "this is the hash of `info` without the keys that your program does not know; " + general;
    if (is_of_another_order(all, hash) || is_of_another_order(known, hash))
        return "this is the hash of `info` with its keys in another order: bencode sorts them by their bytes. " +
               general;
    if (hash == to_hex(crypto::sha1(sample.torrent))) return "this is the hash of the whole file; " + general;
    return general + "; 'pieces' holds raw bytes, not text in some encoding";
}

// The value of the line that begins so.
std::string value_behind(const std::string& out, const std::string& label) {
    const std::size_t at = out.find(label);
    if (at == std::string::npos) return "";
    return out.substr(at + label.size(), out.find_first_of("\r\n", at) - at - label.size());
}

}  // namespace

Result<Finding> info_fields(Arena& arena) {
    const Sample sample = make_sample(arena.rng(), {}, some_tracker(arena.rng()));
    BT_TRY_ASSIGN(const std::string path, arena.write_torrent(sample));
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"info", path}));
    if (auto fault = fault_in_end(ran)) return *fault;
    if (auto fault = fault_in_line(ran, "Tracker URL: ", sample.announce, "`announce` of the file's dictionary"))
        return *fault;
    if (auto fault = fault_in_line(ran, "Length: ", std::to_string(sample.content.size()), "`length` of `info`"))
        return *fault;
    return passed(ran);
}

Result<Finding> info_hash(Arena& arena) {
    Finding last;
    for (const bool odd : {false, true}) {
        SampleShape shape;
        shape.odd_keys = odd;
        const Sample sample = make_sample(arena.rng(), shape, some_tracker(arena.rng()));
        BT_TRY_ASSIGN(const std::string path, arena.write_torrent(sample));
        BT_TRY_ASSIGN(const Ran ran, arena.ask({"info", path}));
        if (auto fault = fault_in_end(ran)) return *fault;
        const std::string hash = value_behind(ran.out, "Info Hash: ");
        if (auto fault =
                fault_in_line(ran, "Info Hash: ", to_hex(sample.metainfo->info_hash()), hint_for_hash(sample, hash)))
            return *fault;
        last = passed(ran);
    }
    return last;
}

Result<Finding> info_pieces(Arena& arena) {
    SampleShape shape;
    shape.piece_length = 16 * 1024;
    shape.pieces = 20;
    shape.leading_zero = true;
    const Sample sample = make_sample(arena.rng(), shape, some_tracker(arena.rng()));
    BT_TRY_ASSIGN(const std::string path, arena.write_torrent(sample));
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"info", path}));
    if (auto fault = fault_in_end(ran)) return *fault;
    if (auto fault =
            fault_in_line(ran, "Piece Length: ", std::to_string(shape.piece_length), "`piece length` of `info`"))
        return *fault;
    for (std::uint32_t i = 0; i < sample.piece_count(); ++i) {
        const std::string hash = to_hex(sample.metainfo->piece_hash(PieceIndex(i)));
        if (auto fault = fault_in_line(
                ran, "", hash,
                "below \"Piece Hashes:\" a line for each 20 bytes of `pieces`, as 40 hex digits, leading zeros too"))
            return *fault;
    }
    return passed(ran);
}

Result<Finding> info_files(Arena& arena) {
    SampleShape shape;
    shape.files = 3;
    const Sample sample = make_sample(arena.rng(), shape, some_tracker(arena.rng()));
    BT_TRY_ASSIGN(const std::string path, arena.write_torrent(sample));
    BT_TRY_ASSIGN(const Ran ran, arena.ask({"info", path}));
    if (auto fault = fault_in_end(ran)) return *fault;
    if (auto fault = fault_in_line(ran, "Length: ", std::to_string(sample.content.size()),
                                   "a torrent of several files has `files` in place of `length`: add up theirs"))
        return *fault;
    if (auto fault = fault_in_line(ran, "Info Hash: ", to_hex(sample.metainfo->info_hash()),
                                   hint_for_hash(sample, value_behind(ran.out, "Info Hash: "))))
        return *fault;
    return passed(ran);
}

Result<Finding> magnet_parse(Arena& arena) {
    Rng& rng = arena.rng();
    ByteBuffer hash(20);
    rng.fill(hash);
    const std::string url = some_tracker(rng);
    std::vector<std::string> parts = {"xt=urn:btih:" + to_hex(hash),
                                      "dn=" + random_word(rng, 3, 8) + "%20" + random_word(rng, 2, 4),
                                      "tr=" + percent_encode(as_bytes(url))};
    Finding last;
    for (int round = 0; round < 2; ++round) {
        const std::string uri = "magnet:?" + parts[0] + "&" + parts[1] + "&" + parts[2];
        BT_TRY_ASSIGN(const Ran ran, arena.ask({"magnet_parse", uri}));
        if (auto fault = fault_in_end(ran)) return *fault;
        if (auto fault = fault_in_line(ran, "Info Hash: ", to_hex(hash), "the 40 hex digits behind xt=urn:btih:"))
            return *fault;
        if (auto fault = fault_in_line(ran, "Tracker URL: ", url, "`tr` is percent-encoded: %3A is ':', %2F is '/'"))
            return *fault;
        last = passed(ran);
        std::ranges::rotate(parts, parts.begin() + 1);  // the order of the parameters means nothing
    }
    return last;
}

}  // namespace bt::grade
