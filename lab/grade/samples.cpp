#include "lab/grade/samples.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/check.h"
#include "common/crypto/hash.h"

namespace bt::grade {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

std::string bencoded(const std::string& text) { return std::to_string(text.size()) + ":" + text; }
std::string bencoded(std::int64_t number) { return "i" + std::to_string(number) + "e"; }

bool has_awkward_bytes(const InfoHash& hash) {
    const auto is_special = [](Byte byte) { return std::string_view("%&+=/ ?#").find(static_cast<char>(byte)) < 8; };
    return std::ranges::any_of(hash, [](Byte byte) { return byte >= 0x80; }) &&
           std::ranges::any_of(hash, [](Byte byte) { return byte < 0x20; }) && std::ranges::any_of(hash, is_special);
}

std::string hashes_of(ByteView content, std::uint32_t piece_length) {
    std::string out;
    for (std::size_t at = 0; at < content.size(); at += piece_length) {
        out += to_string(crypto::sha1(content.subspan(at, std::min<std::size_t>(piece_length, content.size() - at))));
    }
    return out;
}

bool some_begins_with_zero(const std::string& hashes) {
    for (std::size_t at = 0; at < hashes.size(); at += 20) {
        if (static_cast<unsigned char>(hashes[at]) < 0x10) return true;
    }
    return false;
}

void add_odd_keys(Rng& rng, Fields& info) {
    info["a key of nobody"] = list_value({integer_value(random_integer(rng)), string_value("x")}).bencoded;
    info["private"] = bencoded(1);
    info["source"] = bencoded(random_word(rng, 3, 12));
}

void add_files(Rng& rng, Sample& sample, std::size_t count) {
    const std::size_t total = sample.content.size();
    std::string list = "l";
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t left = total - at;
        const std::size_t size = i + 1 == count ? left : 1 + rng.below(left / 2);
        at += size;
        std::vector<Value> path = {string_value(random_word(rng, 4, 9) + std::to_string(i) + ".bin")};
        if (i % 2 == 1) path.insert(path.begin(), string_value("folder " + random_word(rng, 2, 5)));
        list +=
            encode_dict({{"length", bencoded(static_cast<std::int64_t>(size))}, {"path", list_value(path).bencoded}});
    }
    sample.info["files"] = list + "e";
}

// Names it so that its hash is awkward, and makes the file.
void finish(Rng& rng, Sample& sample) {
    do {
        sample.name = random_word(rng, 5, 20) + (sample.info.contains("files") ? "" : ".bin");
        sample.info["name"] = bencoded(sample.name);
        const std::string info = encode_dict({sample.info.begin(), sample.info.end()});
        const std::string file = encode_dict({{"announce", bencoded(sample.announce)},
                                              {"created by", bencoded(random_word(rng, 3, 9))},
                                              {"info", info}});
        sample.torrent = to_buffer(as_bytes(file));
        auto metainfo = meta::Metainfo::parse(sample.torrent);
        BT_CHECK(metainfo);
        sample.metainfo = std::make_shared<meta::Metainfo>(std::move(*metainfo));
    } while (!has_awkward_bytes(sample.metainfo->info_hash()));
}

}  // namespace

std::string random_word(Rng& rng, std::size_t least, std::size_t most) {
    std::string out(least + rng.below(most - least + 1), ' ');
    for (char& c : out) c = kLetters[rng.below(kLetters.size())];
    return out;
}

Value string_value(const std::string& text) { return {bencoded(text), nlohmann::json(text).dump()}; }
Value integer_value(std::int64_t number) { return {bencoded(number), std::to_string(number)}; }

Value list_value(const std::vector<Value>& elements) {
    Value out{"l", "["};
    for (const Value& element : elements) {
        out.bencoded += element.bencoded;
        out.json += (out.json.size() > 1 ? "," : "") + element.json;
    }
    return {out.bencoded + "e", out.json + "]"};
}

Value dict_value(const std::map<std::string, Value>& fields) {
    Value out{"d", "{"};
    for (const auto& [key, value] : fields) {
        out.bencoded += bencoded(key) + value.bencoded;
        out.json += (out.json.size() > 1 ? "," : "") + nlohmann::json(key).dump() + ":" + value.json;
    }
    return {out.bencoded + "e", out.json + "}"};
}

std::int64_t random_integer(Rng& rng) {
    const auto magnitude = static_cast<std::int64_t>(rng.next() >> (11 + rng.below(50)));
    return rng.chance(1, 2) ? magnitude : -magnitude;
}

Value random_value(Rng& rng, int depth) {
    const std::uint64_t kind = rng.below(depth > 0 ? 4 : 2);
    if (kind == 0) return integer_value(random_integer(rng));
    if (kind == 1) return string_value(random_word(rng, 0, 14));
    const std::uint64_t count = rng.below(4);
    if (kind == 2) {
        std::vector<Value> elements;
        for (std::uint64_t i = 0; i < count; ++i) elements.push_back(random_value(rng, depth - 1));
        return list_value(elements);
    }
    std::map<std::string, Value> fields;
    for (std::uint64_t i = 0; i < count; ++i) {
        fields[random_word(rng, 1, 6) + (rng.chance(1, 3) ? " " + random_word(rng, 1, 4) : "")] =
            random_value(rng, depth - 1);
    }
    return dict_value(fields);
}

std::string encode_dict(const std::vector<std::pair<std::string, std::string>>& fields) {
    std::string out = "d";
    for (const auto& [key, value] : fields) out += bencoded(key) + value;
    return out + "e";
}

ByteView Sample::piece(std::uint32_t index) const {
    const auto& layout = metainfo->layout();
    const PieceIndex piece(index);
    return ByteView(content).subspan(static_cast<std::size_t>(layout.piece_offset(piece)), layout.piece_size(piece));
}

Sample make_sample(Rng& rng, const SampleShape& shape, const std::string& announce) {
    Sample sample;
    sample.announce = announce;
    // The last block is 1 byte to all but one of its length.
    const std::uint32_t blocks = shape.piece_length / kBlockSize;
    const auto tail = static_cast<std::uint32_t>(rng.below(blocks) * kBlockSize + 1 + rng.below(kBlockSize - 1));
    sample.content.resize(std::size_t{shape.pieces - 1} * shape.piece_length + tail);
    std::string hashes;
    do {
        rng.fill(sample.content);
        hashes = hashes_of(sample.content, shape.piece_length);
    } while (shape.leading_zero && !some_begins_with_zero(hashes));
    sample.info["piece length"] = bencoded(std::int64_t{shape.piece_length});
    sample.info["pieces"] = bencoded(hashes);
    if (shape.files > 0) {
        add_files(rng, sample, shape.files);
    } else {
        sample.info["length"] = bencoded(static_cast<std::int64_t>(sample.content.size()));
    }
    if (shape.odd_keys) add_odd_keys(rng, sample.info);
    finish(rng, sample);
    return sample;
}

Sample make_description(Rng& rng, std::uint32_t pieces, const std::string& announce) {
    Sample sample;
    sample.announce = announce;
    ByteBuffer hashes(std::size_t{pieces} * 20);
    rng.fill(hashes);
    sample.info["piece length"] = bencoded(std::int64_t{kBlockSize});
    sample.info["pieces"] = bencoded(to_string(hashes));
    sample.info["length"] =
        bencoded(std::int64_t{pieces - 1} * kBlockSize + 1 + static_cast<std::int64_t>(rng.below(kBlockSize)));
    finish(rng, sample);
    return sample;
}

}  // namespace bt::grade
