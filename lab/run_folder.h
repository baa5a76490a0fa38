#pragma once

// The folder of one run below the output folder: made new, filled, and emptied of bulk data when all held.

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "lab/plan.h"

namespace bt::lab {

// UTC; of a file name ("20260131-120000") and of a report ("2026-01-31T12:00:00Z").
struct Stamp {
    std::string for_files;
    std::string for_report;
};
[[nodiscard]] Stamp stamp_now();

// out/NAME-STAMP, or with -2, -3 … behind it where that is taken. Never one that is there already.
[[nodiscard]] Result<std::filesystem::path> make_run_folder(const std::filesystem::path& out, const std::string& name,
                                                            const std::string& stamp);

// out/NAME names the run that ended last (a symbolic link); nothing where a file or folder has that name.
void link_latest(const std::filesystem::path& run, const std::string& name);

[[nodiscard]] Status write_text(const std::filesystem::path& path, std::string_view text);
[[nodiscard]] Status make_folder(const std::filesystem::path& path);

// Generated content and downloaded files; logs, events, torrent and report stay.
void remove_bulk(const Plan& plan, const std::filesystem::path& run);

// A file that lines are added to.
class LineFile {
  public:
    enum class Flush : std::uint8_t {
        EachLine,  // a log: what was said survives us
        OnDemand,  // events: there may be many thousands a second
    };
    [[nodiscard]] static Result<LineFile> create(const std::filesystem::path& path, Flush when);
    void add(std::string_view line);
    void flush();

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace bt::lab
