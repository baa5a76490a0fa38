#include "common/app/node_setup.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"

using namespace bt;

namespace {

class TempFile {
  public:
    explicit TempFile(const std::string& content)
        : path_((std::filesystem::temp_directory_path() /
                 ("swarmlab-node-setup-" + std::to_string(::getpid()) + "-" + std::to_string(next_++)))
                    .string()) {
        std::ofstream(path_, std::ios::binary) << content;
    }
    ~TempFile() { std::remove(path_.c_str()); }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    static inline int next_ = 0;
    std::string path_;
};

}  // namespace

TEST_CASE("a peers file is ip:port lines, with comments and empty lines passed over", "[node_setup]") {
    const TempFile file("# my peers\n127.0.0.1:6881\n\n  [::1]:80 \r\n10.0.0.1:65535");
    const auto peers = app::load_peers_file(file.path());
    REQUIRE(peers.has_value());
    REQUIRE(peers->size() == 3);
    CHECK((*peers)[0].to_string() == "127.0.0.1:6881");
    CHECK((*peers)[1].to_string() == "[::1]:80");
    CHECK((*peers)[2].to_string() == "10.0.0.1:65535");
}

TEST_CASE("a line of a peers file that is no ip:port is refused with file and line", "[node_setup]") {
    for (const char* bad : {"example.org:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "::1:80"}) {
        const TempFile file(std::string("127.0.0.1:1\n") + bad + "\n");
        const auto peers = app::load_peers_file(file.path());
        INFO(bad);
        REQUIRE_FALSE(peers.has_value());
        CHECK(peers.error().detail.find(file.path() + ":2: ") == 0);
    }
}

TEST_CASE("a torrent that cannot be used is refused with the path of its file", "[node_setup]") {
    const TempFile file("d4:infoi1ee");
    const auto metainfo = app::load_metainfo(file.path());
    REQUIRE_FALSE(metainfo.has_value());
    CHECK(metainfo.error().detail.find(file.path()) == 0);
    CHECK(app::load_metainfo(file.path() + ".missing").error().code == ErrorCode::NotFound);
}
