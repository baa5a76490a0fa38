#pragma once

// A stage: one thing that a student's program has to do, what it is worth, and how it is tried.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/rng.h"
#include "lab/grade/fake_peer.h"
#include "lab/grade/fake_tracker.h"
#include "lab/grade/samples.h"
#include "lab/grade/student.h"

namespace bt::grade {

// How a stage went. Passed: `command` is the last one, the rest is empty.
struct Finding {
    bool passed = false;
    std::string command;
    std::string expected, came;
    std::string hint;               // the likely cause, for the student
    std::vector<std::string> seen;  // by the tracker and the peers
};

// What a stage has to work with. Addresses are 127.x.y.z of this run.
class Arena {
  public:
    static constexpr int kAddresses = 6;  // for each stage

    // number: of the stage, from 1.
    Arena(Student& student, const std::filesystem::path& folder, std::string prefix, int number, Rng rng)
        : student_(student),
          folder_(folder / std::to_string(number)),
          prefix_(std::move(prefix)),
          rng_(rng),
          next_host_(1 + (number - 1) * kAddresses % 246) {}

    [[nodiscard]] Rng& rng() { return rng_; }
    [[nodiscard]] Result<Ran> ask(const std::vector<std::string>& arguments, int patience = 1) {
        return student_.run(arguments, patience);
    }
    [[nodiscard]] Address next_address();
    // Absolute; nothing is there.
    [[nodiscard]] std::filesystem::path new_path(const std::string& name);
    [[nodiscard]] Result<std::string> write_torrent(const Sample& sample);

  private:
    Student& student_;
    std::filesystem::path folder_;
    std::string prefix_;
    Rng rng_;
    int next_host_;
    int next_file_ = 1;
};

struct Stage {
    std::string_view id;
    int points;
    std::string_view asks;  // one sentence
    // Error: this machine's, or Cancelled.
    Result<Finding> (*run)(Arena&);
};

// In the order in which they build on each other.
[[nodiscard]] const std::vector<Stage>& stages();

// What is common to all verdicts (verdict.cpp).
// A finding that failed because the command did not end in order; nothing where it did.
[[nodiscard]] std::optional<Finding> fault_in_end(const Ran& ran);
[[nodiscard]] Finding failed(const Ran& ran, std::string expected, std::string came, std::string hint);
[[nodiscard]] Finding passed(const Ran& ran);
// The output has the line `label` + `value`; others are passed over. A failed finding where not.
[[nodiscard]] std::optional<Finding> fault_in_line(const Ran& ran, const std::string& label, const std::string& value,
                                                   const std::string& hint);
// The file has these bytes.
[[nodiscard]] std::optional<Finding> fault_in_file(const Ran& ran, const std::filesystem::path& path, ByteView bytes);
// For people: one line, cut.
[[nodiscard]] std::string shown(std::string_view text);

// The stages, by command: stages_decode.cpp, …
[[nodiscard]] Result<Finding> decode_strings(Arena&);
[[nodiscard]] Result<Finding> decode_integers(Arena&);
[[nodiscard]] Result<Finding> decode_lists(Arena&);
[[nodiscard]] Result<Finding> decode_dicts(Arena&);
[[nodiscard]] Result<Finding> decode_refuses(Arena&);
[[nodiscard]] Result<Finding> info_fields(Arena&);
[[nodiscard]] Result<Finding> info_hash(Arena&);
[[nodiscard]] Result<Finding> info_pieces(Arena&);
[[nodiscard]] Result<Finding> info_files(Arena&);
[[nodiscard]] Result<Finding> magnet_parse(Arena&);
[[nodiscard]] Result<Finding> peers_list(Arena&);
[[nodiscard]] Result<Finding> peers_refused(Arena&);
[[nodiscard]] Result<Finding> handshake_peer(Arena&);
[[nodiscard]] Result<Finding> handshake_parts(Arena&);
[[nodiscard]] Result<Finding> piece_first(Arena&);
[[nodiscard]] Result<Finding> piece_last(Arena&);
[[nodiscard]] Result<Finding> piece_stream(Arena&);
[[nodiscard]] Result<Finding> piece_have(Arena&);
[[nodiscard]] Result<Finding> piece_choke(Arena&);
[[nodiscard]] Result<Finding> download_file(Arena&);
[[nodiscard]] Result<Finding> download_spread(Arena&);
[[nodiscard]] Result<Finding> download_corrupt(Arena&);
[[nodiscard]] Result<Finding> download_dead(Arena&);
[[nodiscard]] Result<Finding> download_folder(Arena&);
[[nodiscard]] Result<Finding> magnet_handshake(Arena&);
[[nodiscard]] Result<Finding> magnet_extension(Arena&);
[[nodiscard]] Result<Finding> magnet_info(Arena&);
[[nodiscard]] Result<Finding> magnet_blocks(Arena&);
[[nodiscard]] Result<Finding> magnet_piece(Arena&);
[[nodiscard]] Result<Finding> magnet_download(Arena&);

}  // namespace bt::grade
