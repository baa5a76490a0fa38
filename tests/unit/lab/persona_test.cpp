#include "lab/personas/persona.h"

#include <set>

#include "common/crypto/hash.h"
#include "common/meta/metainfo_writer.h"
#include "lab/peer_command.h"
#include "lab/personas/script.h"
#include "lab/personas/world.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::persona;

namespace {

std::string script_error(const std::string& text) {
    const auto script = lab::parse_script(text, "s.toml");
    return script ? "" : script.error().message();
}

const ByteBuffer& content() {
    static const ByteBuffer bytes = [] {
        ByteBuffer out(40'000);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<Byte>(i * 7 % 251);
        return out;
    }();
    return bytes;
}

meta::Metainfo torrent() {
    meta::TorrentDescription description;
    description.name = "c";
    description.files = {{"c", content().size()}};
    description.piece_length = 32768;
    description.piece_hashes = {crypto::sha1(ByteView(content()).first(32768)),
                                crypto::sha1(ByteView(content()).subspan(32768))};
    const Result<ByteBuffer> bytes = meta::write_metainfo(description);
    REQUIRE(bytes);
    Result<meta::Metainfo> metainfo = meta::Metainfo::parse(*bytes);
    REQUIRE(metainfo);
    return *metainfo;
}

}  // namespace

TEST_CASE("every persona has a name of its own, a summary and a behaviour") {
    std::set<std::string_view> names;
    for (const PersonaInfo& info : personas()) {
        CHECK(names.insert(info.name).second);
        CHECK_FALSE(info.summary.empty());
        Options options;
        options.persona = info.name;
        CHECK(make_behaviour(options));
    }
    CHECK(names.size() >= 18);
    CHECK(find_persona("nobody") == nullptr);
}

TEST_CASE("what a persona downloads is asked for block by block and checked piece by piece") {
    const meta::Metainfo metainfo = torrent();
    Store store(metainfo);
    const std::vector<bool> all(2, true);
    std::vector<wire::Request> asked;
    for (int i = 0; i < 3; ++i) {
        const auto request = store.next_request(all);
        REQUIRE(request);
        asked.push_back(*request);
    }
    CHECK(asked[1].begin == 16384);
    CHECK(asked[2].piece == 1);
    CHECK(asked[2].length == 40'000 - 32768);
    CHECK_FALSE(store.next_request(all));
    store.release(asked[1]);
    CHECK(store.next_request(all)->begin == 16384);
    CHECK_FALSE(store.next_request({false, false}));
    const auto block = [](const wire::Request& request) {
        return ByteView(content()).subspan(request.piece * 32768u + request.begin, request.length);
    };
    CHECK_FALSE(store.add_block(0, 0, block(asked[0])));
    CHECK_FALSE(store.add_block(0, 16384, ByteBuffer(16384)));  // wrong: the piece starts again
    CHECK(store.hash_failures() == 1);
    (void)store.next_request(all);
    CHECK_FALSE(store.add_block(0, 0, block(asked[0])));
    CHECK(store.add_block(0, 16384, block(asked[1])));
    ByteBuffer read(10);
    CHECK(store.read(16380, read));
    CHECK(std::equal(read.begin(), read.end(), content().begin() + 16380));
    CHECK_FALSE(store.read(32768, read));
    CHECK_FALSE(store.is_complete());
}

TEST_CASE("a script's steps are read as they are written") {
    const auto script = lab::parse_script(
        "[[step]]\nsend = \"have\"\npiece = 3\n[[step]]\nexpect = \"request\"\nwithin = \"2s\"\n"
        "[[step]]\nsend_raw = \"00ff\"\n[[step]]\nwait = 0.5\n[[step]]\nclose = true\n",
        "s.toml");
    REQUIRE(script);
    REQUIRE(script->size() == 5);
    CHECK(std::get<wire::Have>(*message_of((*script)[0])).piece == 3);
    CHECK((*script)[1].time == seconds(2));
    CHECK((*script)[2].bytes == std::string("\0\xff", 2));
    CHECK((*script)[3].time == milliseconds(500));
    CHECK((*script)[4].kind == ScriptStep::Kind::Close);
}

TEST_CASE("bad input: scripts that mean nothing are refused with their line") {
    CHECK(script_error("").find("[[step]]") != std::string::npos);
    CHECK(script_error("[[step]]\n").find("s.toml:1:") == 0);
    CHECK(script_error("[[step]]\nsend = \"hello\"\n").find("not_interested") != std::string::npos);
    CHECK(script_error("[[step]]\nsend = \"choke\"\nexpect = \"choke\"\n").find("one of") != std::string::npos);
    CHECK(script_error("[[step]]\nsend_raw = \"0\"\n").find("hex") != std::string::npos);
    CHECK(script_error("[[step]]\nsned = \"choke\"\n").find("send") != std::string::npos);
    CHECK(script_error("[[step]]\nsend = \"have\"\npiece = -1\n").find("piece") != std::string::npos);
}
