// What verdicts of all stages have in common.

#include <algorithm>
#include <cstring>
#include <fstream>

#include "common/app/terminal_text.h"
#include "common/base/encoding.h"
#include "common/crypto/hash.h"
#include "lab/grade/stage.h"

namespace bt::grade {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kShown = 300;  // columns

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        if (!lines.back().empty() && lines.back().back() == '\r') lines.back().pop_back();
        at = end + 1;
    }
    return lines;
}

std::string last_line(const std::string& text) {
    const auto lines = lines_of(text);
    const auto found =
        std::find_if(lines.rbegin(), lines.rend(), [](const std::string& line) { return !line.empty(); });
    return found == lines.rend() ? "" : *found;
}

std::string seconds_text(Duration time) {
    const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(time).count() / 100;
    return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10)) + " s";
}

std::string how_it_ended(const Ran& ran) {
    if (ran.timed_out) return "nothing within " + seconds_text(ran.limit);
    if (ran.flooded) return "more than 4 MiB of output";
    if (ran.exit.signalled)
        return std::string("ended by signal ") + std::to_string(ran.exit.signal) + " (" + strsignal(ran.exit.signal) +
               ")";
    return "exit code " + std::to_string(ran.exit.code);
}

}  // namespace

std::string shown(std::string_view text) {
    std::string one_line(text.substr(0, 4 * kShown));
    while (one_line.ends_with('\n') || one_line.ends_with('\r')) one_line.pop_back();
    for (std::size_t at = 0; (at = one_line.find('\n', at)) != std::string::npos; at += 2)
        one_line.replace(at, 1, "\\n");
    return app::cut(one_line, kShown);
}

Finding failed(const Ran& ran, std::string expected, std::string came, std::string hint) {
    return {false, ran.command, std::move(expected), std::move(came), std::move(hint), {}};
}

Finding passed(const Ran& ran) { return {true, ran.command, "", "", "", {}}; }

std::optional<Finding> fault_in_end(const Ran& ran) {
    if (ran.in_order()) return std::nullopt;
    std::string came = how_it_ended(ran);
    const std::string said = last_line(ran.err);
    if (!said.empty()) came += "; it said: " + shown(said);
    std::string hint = "the program has to end with exit code 0";
    if (ran.timed_out)
        hint = "it hangs: does it wait for input, or read from a socket what the other side does not send?";
    if (ran.flooded) hint = "it prints without end: a loop that does not stop";
    if (ran.exit.signalled && !ran.timed_out && !ran.flooded)
        hint = "it crashed: run it again under a debugger or sanitizer";
    if (said.find("unknown command") != std::string::npos || lower(said).find("invalid command") != std::string::npos)
        hint = "this command is not there yet";
    return failed(ran, "exit code 0", came, hint);
}

std::optional<Finding> fault_in_line(const Ran& ran, const std::string& label, const std::string& value,
                                     const std::string& hint) {
    const std::vector<std::string> lines = lines_of(ran.out);
    if (std::ranges::find(lines, label + value) != lines.end()) return std::nullopt;
    Finding finding = failed(ran, label + value, "no such line", hint);
    if (ran.out.empty()) {
        finding.came = "nothing on standard output";
        finding.hint = "print the result on standard output, and flush it before the program ends";
        return finding;
    }
    for (const std::string& line : lines) {
        if (lower(line) == lower(label + value)) {
            finding.came = line;
            finding.hint = "upper and lower case: labels as written here, hex digits in lower case";
            return finding;
        }
        if (!label.empty() && line.starts_with(label)) {
            finding.came = line;
            return finding;
        }
    }
    if (label.empty()) {
        finding.came = shown(ran.out);
        return finding;
    }
    finding.came = shown(ran.out);
    finding.hint = "no line begins with \"" + label + "\": exactly so, one blank behind the colon";
    return finding;
}

std::optional<Finding> fault_in_file(const Ran& ran, const fs::path& path, ByteView bytes) {
    const std::string expected = std::to_string(bytes.size()) + " bytes with SHA-1 " + to_hex(crypto::sha1(bytes)) +
                                 " in " + path.filename().string();
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    if (error) return failed(ran, expected, "no such file", "write what came to the path behind -o, and nowhere else");
    if (size != bytes.size()) {
        return failed(ran, expected, std::to_string(size) + " bytes",
                      size < bytes.size()
                          ? "something is missing: is the file closed, and the last, short block asked for?"
                          : "too much: the last piece and its last block are shorter than the others");
    }
    std::ifstream file(path, std::ios::binary);
    std::string there(size, '\0');
    file.read(there.data(), static_cast<std::streamsize>(size));
    if (equal_bytes(as_bytes(there), bytes)) return std::nullopt;
    std::size_t at = 0;
    while (static_cast<Byte>(there[at]) == bytes[at]) ++at;
    return failed(
        ran, expected, "other bytes, from byte " + std::to_string(at) + " on",
        "blocks belong where `index` and `begin` of each piece message say; check every piece's SHA-1 before it is "
        "written");
}

Address Arena::next_address() { return *Address::parse(prefix_ + "." + std::to_string(next_host_++)); }

fs::path Arena::new_path(const std::string& name) {
    std::error_code error;
    fs::create_directories(folder_, error);
    return folder_ / (std::to_string(next_file_++) + "-" + name);
}

Result<std::string> Arena::write_torrent(const Sample& sample) {
    const fs::path path = new_path("sample.torrent");
    std::ofstream file(path, std::ios::binary);
    file.write(as_chars(sample.torrent.data()), static_cast<std::streamsize>(sample.torrent.size()));
    file.close();
    if (!file) return fail(local_error(ErrorCode::DiskError, path.string() + " cannot be written"));
    return path.string();
}

}  // namespace bt::grade
