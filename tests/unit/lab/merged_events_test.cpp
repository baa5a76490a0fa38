#include "lab/merged_events.h"

#include <unistd.h>

#include <fstream>

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

std::string line(const char* time, const char* name) {
    return std::string("{\"t\":") + time + ",\"event\":\"" + name + "\"}";
}

struct EventFolder {
    EventFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "swarmlab-events-XXXXXX").string();
        path = mkdtemp(pattern.data());
    }
    ~EventFolder() { std::filesystem::remove_all(path); }

    std::filesystem::path write(const char* name, const std::vector<std::string>& lines) const {
        std::ofstream file(path / name);
        for (const std::string& text : lines) file << text << '\n';
        return path / name;
    }
    std::filesystem::path path;
};

}  // namespace

TEST_CASE("the clock of a node is set by the line that came fastest, and anew by each start") {
    EventClock clock;
    clock.on_line(line("1.0", "before any start"), 5);
    clock.on_start();
    clock.on_line(line("1.0", "slow"), 4.5);
    clock.on_line(line("2.0", "fast"), 5.1);
    clock.on_line("no event", 5.2);
    clock.on_start();
    clock.on_line(line("0.5", "again"), 9);
    REQUIRE(clock.starts().size() == 2);
    CHECK(clock.starts()[0].zero_at_s == Approx(3.1));
    CHECK(clock.starts()[0].first_line == 1);
    CHECK(clock.starts()[1].zero_at_s == Approx(8.5));
    CHECK(clock.starts()[1].first_line == 4);
}

TEST_CASE("events of all nodes come in order of time, those of one node in theirs") {
    const EventFolder folder;
    const auto a = folder.write("a", {line("0.5", "a1"), line("2.0", "a2"), line("0.1", "a3 after a new start")});
    const auto b = folder.write("b", {line("0.0", "b1"), "no event", line("1.0", "b2")});
    REQUIRE(merge_events({{a, {{0, 1.0}, {2, 4.0}}}, {b, {{0, 2.0}}}, {folder.path / "missing", {}}},
                         folder.path / "merged"));
    std::ifstream file(folder.path / "merged");
    std::string text;
    for (std::string each; std::getline(file, each);) text += each + '\n';
    CHECK(text ==
          "{\"at\":1.500000,\"t\":0.5,\"event\":\"a1\"}\n"
          "{\"at\":2.000000,\"t\":0.0,\"event\":\"b1\"}\n"
          "{\"at\":3.000000,\"t\":2.0,\"event\":\"a2\"}\n"
          "{\"at\":3.000000,\"t\":1.0,\"event\":\"b2\"}\n"
          "{\"at\":4.100000,\"t\":0.1,\"event\":\"a3 after a new start\"}\n");
}

TEST_CASE("bad input: a line that does not begin with its time has none") {
    for (const char* text : {"", "{}", "{\"t\":}", "{\"t\":-1}", "{\"t\":x", "{ \"t\":1}"}) CHECK(event_time(text) < 0);
    CHECK(event_time("{\"t\":1.25,\"x\":1}") == 1.25);
}
