#include "lab/adapter.h"

#include <filesystem>

#include "lab/plan.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

const std::string kSmall =
    "package = \"p\"\n[client]\nargv = [\"prog\", \"-d={outdir}\", \"{address}:{port}\", \"{up}\", \"{magnet}\"]\n";

std::string adapter_error(const std::string& text) {
    const Result<Adapter> adapter = parse_adapter(text, "dir/prog.toml");
    return adapter ? "" : adapter.error().message();
}

}  // namespace

TEST_CASE("an adapter's words are replaced, each where it is known") {
    CHECK(expand("a{x}b{y}{x}", {{"x", "1"}, {"y", ""}}) == "a1b1");
    CHECK(expand("{ x } {unknown} {", {{"x", "1"}}) == "{ x } {unknown} {");
    CHECK(expand("", {}).empty());

    Result<Adapter> adapter = parse_adapter(kSmall, "dir/prog.toml");
    REQUIRE(adapter);
    CHECK(adapter->name == "prog");
    CHECK(adapter->exit_codes == std::vector<int>{0});
    CHECK(adapter->has(NodeKind::Client));
    CHECK_FALSE(adapter->has(NodeKind::Seeder));
    NodePlan node;
    node.name = "prog-1";
    node.address = node.hidden = "127.1.2.3";
    node.files = "/run/files";
    node.limits.upload = 2000;
    plan_foreign(node, {}, {}, std::make_shared<const Adapter>(*adapter), {"--more"});
    CHECK(node.argv ==
          std::vector<std::string>{"prog", "-d=/run/files", "127.1.2.3:6881", "2000", "{magnet}", "--more"});
    adapter->unprivileged = true;
    Places places;
    places.root = true;
    plan_foreign(node, {}, places, std::make_shared<const Adapter>(*adapter), {});
    CHECK(node.argv[0] == "setpriv");
    CHECK(node.argv[5] == "prog");
}

TEST_CASE("every adapter that comes with the lab is fine") {
    std::size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(BT_SOURCE_DIR "/lab/adapters")) {
        if (entry.path().extension() != ".toml") continue;
        const Result<Adapter> adapter = load_adapter(entry.path());
        INFO((adapter ? "" : adapter.error().message()));
        CHECK(adapter);
        ++found;
    }
    CHECK(found >= 4);
}

TEST_CASE("bad input: adapters that cannot work are refused with file and line") {
    CHECK(adapter_error("package = \"p\"\n").find("[client]") != std::string::npos);
    CHECK(adapter_error("[client]\nargv = [\"x\"]\n").find("package") != std::string::npos);
    CHECK(adapter_error("package = \"p\"\n[client]\nargv = [\"{outdri}\"]\n").find("dir/prog.toml:3:") == 0);
    CHECK(adapter_error("package = \"p\"\n[client]\nargv = [\"{outdri}\"]\n").find("{outdir}?") != std::string::npos);
    CHECK(adapter_error("package = \"p\"\n[client]\nargv = []\n").find("program") != std::string::npos);
    CHECK(adapter_error("package = \"p\"\n[tracker]\nargv = [\"x\"]\n").find("announce") != std::string::npos);
    const auto pattern = [](std::size_t size) { return "ready_line = \"" + std::string(size, 'a') + "\"\n"; };
    CHECK(adapter_error(pattern(kMaxAdapterRegex) + kSmall).empty());
    CHECK(adapter_error(pattern(kMaxAdapterRegex + 1) + kSmall).find("500") != std::string::npos);
    CHECK(adapter_error("ready_line = \"(\"\n" + kSmall).find("regular expression") != std::string::npos);
    CHECK(adapter_error(kSmall + "[files]\n\"../x\" = \"\"\n").find("below") != std::string::npos);
    CHECK(adapter_error(kSmall + "[files]\n\"/etc/x\" = \"\"\n").find("below") != std::string::npos);
    CHECK(adapter_error("exit_codes = [-65]\n" + kSmall).find("exit_codes") != std::string::npos);
    CHECK(adapter_error("exit_codes = [-64, 255]\n" + kSmall).empty());
    CHECK(adapter_error("pakcage = \"p\"\n").find("package") != std::string::npos);
}

TEST_CASE("a program that is not there is named with its package") {
    Adapter adapter;
    adapter.name = "x";
    adapter.package = "x-package";
    adapter.roles[NodeKind::Client].argv = {"no-such-program-anywhere"};
    const Status there = check_installed(adapter, NodeKind::Client, {});
    REQUIRE_FALSE(there);
    CHECK(there.error().message().find("install x-package") != std::string::npos);
    adapter.roles[NodeKind::Client].argv = {"sh"};
    CHECK(check_installed(adapter, NodeKind::Client, {}));
}
