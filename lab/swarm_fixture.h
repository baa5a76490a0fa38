#pragma once

// A real swarm inside a C++ test, with any framework:
//
//     bt::lab::LocalSwarm swarm{"small"};          // a scenario file, the name of one that comes with the lab, or TOML
//     swarm.start();                               // returns when every node is ready
//     connect_to(swarm.node("seeder-1").listen);
//     swarm.wait_complete(30s);
//
// find_package(Swarmlab), target Swarmlab::lab. The swarm belongs to a child process, `swarm-lab control`, that ends
// with everything it started when its input closes: at the end of the object, and whatever way this process dies.
//
//  - Every failure is a SwarmError, whose text ends with the last lines that the nodes said, merged in time order.
//    They go to standard error too where the object is destroyed by another exception (Catch2's REQUIRE), or where
//    dump_logs_if says so.
//  - One thread. Calls block, kAnswerWithin or as long as they say.
//  - Texts are UTF-8, paths absolute.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bt::lab {

class SwarmError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct SwarmOptions {
    // Where swarm-lab is. Left empty: $SWARM_LAB, else the one that was installed with this header, else PATH.
    std::string program;
    std::string out = "lab-out";  // run folders are made in here
    bool keep = false;            // content and downloaded files stay
    std::chrono::milliseconds ready_within = std::chrono::seconds(60);
#ifdef SWARMLAB_LAB_PROGRAM
    std::string installed_program = SWARMLAB_LAB_PROGRAM;
#else
    std::string installed_program;
#endif
};

struct SwarmNode {
    std::string name;     // "client-1"
    std::string kind;     // tracker, seeder, client, peer
    std::string address;  // "127.33.7.3"
    std::string listen;   // "127.33.7.3:40123"
    std::string folder;   // its log and events.jsonl
    std::string files;    // where a client downloads to
    std::string phase;    // waiting, started, ready, stopping, ended
    double progress = 0;  // 0 to 1
    bool complete = false;
    int pid = 0;  // 0 while it does not run
};

// How a swarm ended.
struct SwarmEnd {
    bool held = false;    // everything that was judged
    std::string outcome;  // "every client is complete", "stopped", …
    std::string report;   // JSON, as report.json
};

class LocalSwarm {
  public:
    static constexpr std::chrono::seconds kAnswerWithin{30};

    explicit LocalSwarm(std::string scenario, SwarmOptions options = {});
    ~LocalSwarm();
    LocalSwarm(const LocalSwarm&) = delete;
    LocalSwarm& operator=(const LocalSwarm&) = delete;

    void start();
    [[nodiscard]] const std::string& tracker_url() const;
    [[nodiscard]] const std::string& torrent() const;  // path of the .torrent
    [[nodiscard]] const std::string& content() const;  // path of the original
    [[nodiscard]] const std::string& folder() const;   // of the run

    // As they are now.
    [[nodiscard]] std::vector<SwarmNode> nodes();
    [[nodiscard]] SwarmNode node(std::string_view name);

    void wait_complete(std::chrono::milliseconds longest);
    // "client-2 has 50%", "client-1 is down", "seeder-* is ready" (docs/formats.md, conditions)
    void wait_for(std::string_view condition, std::chrono::milliseconds longest);
    // start, stop, kill, restart, pause, resume; of nodes by name or pattern
    void act(std::string_view nodes, std::string_view action);
    // Bytes a second; 0: none.
    void limit(std::string_view nodes, std::uint64_t upload, std::uint64_t download);
    // Events that fit a query (docs/formats.md, queries).
    [[nodiscard]] std::uint64_t count_events(std::string_view query);

    // Ends the swarm; nothing of it is left.
    SwarmEnd stop();

    // Asked by the destructor; for frameworks whose failures are no exceptions.
    void dump_logs_if(std::function<bool()> failed);
    // The last lines of all nodes.
    [[nodiscard]] std::string last_lines(std::size_t count = 40) const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace bt::lab
