#include "lab/run_folder.h"

#include <cerrno>
#include <ctime>

namespace bt::lab {

namespace fs = std::filesystem;

Stamp stamp_now() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    char text[40];
    Stamp stamp;
    std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &utc);
    stamp.for_files = text;
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    stamp.for_report = text;
    return stamp;
}

Result<fs::path> make_run_folder(const fs::path& out, const std::string& name, const std::string& stamp) {
    std::error_code error;
    const fs::path base = fs::absolute(out, error);
    if (error) return fail(system_error(error.value(), out.string()));
    BT_TRY(make_folder(base));
    for (int attempt = 1; attempt <= 1000; ++attempt) {
        const fs::path run = base / (name + '-' + stamp + (attempt > 1 ? '-' + std::to_string(attempt) : ""));
        if (fs::create_directory(run, error)) return run;  // exactly one of two labs makes it
        if (error) return fail(system_error(error.value(), run.string()));
    }
    return fail(local_error(ErrorCode::LimitReached, "too many runs of one second in " + base.string()));
}

// Made aside and renamed: of two runs that end together one stands there, never nothing.
void link_latest(const fs::path& run, const std::string& name) {
    std::error_code error;
    const fs::path link = run.parent_path() / name;
    const fs::file_status there = fs::symlink_status(link, error);
    if (fs::exists(there) && !fs::is_symlink(there)) return;
    const fs::path aside = run / "latest";
    fs::create_symlink(run.filename(), aside, error);
    if (!error) fs::rename(aside, link, error);
}

Status write_text(const fs::path& path, std::string_view text) {
    std::FILE* file = std::fopen(path.c_str(), "wbe");
    if (file == nullptr) return fail(system_error(errno, path.string()));
    const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    const int error = errno;
    const bool closed = std::fclose(file) == 0;
    if (!written || !closed) return fail(system_error(written ? errno : error, path.string()));
    return {};
}

Status make_folder(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return fail(system_error(error.value(), path.string()));
    return {};
}

void remove_bulk(const Plan& plan, const fs::path& run) {
    std::error_code ignored;  // what cannot be removed does no harm
    fs::remove_all(run / "content", ignored);
    for (const NodePlan& node : plan.nodes) fs::remove_all(node.files, ignored);
}

Result<LineFile> LineFile::create(const fs::path& path, Flush when) {
    LineFile file;
    file.file_.reset(std::fopen(path.c_str(), "wbe"));
    if (!file.file_) return fail(system_error(errno, path.string()));
    std::setvbuf(file.file_.get(), nullptr, when == Flush::EachLine ? _IOLBF : _IOFBF, 1u << 16);
    return file;
}

void LineFile::add(std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), file_.get());
    std::fputc('\n', file_.get());
}

void LineFile::flush() { std::fflush(file_.get()); }

}  // namespace bt::lab
