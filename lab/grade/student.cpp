#include "lab/grade/student.h"

#include <csignal>
#include <fstream>

#include "common/app/terminal_text.h"
#include "common/base/encoding.h"

namespace bt::grade {
namespace {

namespace fs = std::filesystem;
constexpr Duration kLook = milliseconds(100);  // at how much it has printed

std::string read_part(const fs::path& path, std::size_t limit, bool the_end) {
    std::ifstream file(path, std::ios::binary);
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    if (!error && the_end && size > limit) file.seekg(static_cast<std::streamoff>(size - limit));
    std::string text(std::min<std::uintmax_t>(error ? 0 : size, limit), '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    return text;
}

bool is_over(const fs::path& path, std::size_t limit) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    return !error && size > limit;
}

}  // namespace

std::string shell_quoted(const std::string& word) {
    constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%_+=:,./-";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
    const bool odd = app::printable(word) != word;
    std::string out = odd ? "$'" : "'";
    for (const char c : word) {
        const bool hidden = static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e;
        if (odd && hidden) {
            out += "\\x" + to_hex(as_bytes({&c, 1}));
        } else if (odd && (c == '\'' || c == '\\')) {
            out += std::string("\\") + c;
        } else {
            out += c == '\'' ? "'\\''" : std::string(1, c);
        }
    }
    return out + "'";
}

Student::Student(StudentSettings settings)
    : settings_(std::move(settings)), timers_(loop_), signals_(loop_, [this](int) {
          interrupted_ = true;
          if (child_) child_->kill(SIGKILL);
      }) {}

Result<Ran> Student::run(const std::vector<std::string>& arguments, int patience) {
    Ran ran;
    ran.limit = settings_.limit * patience;
    net::ChildSpec spec;
    spec.argv = settings_.command;
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    for (const std::string& word : spec.argv) ran.command += (ran.command.empty() ? "" : " ") + shell_quoted(word);
    spec.environment = settings_.environment;
    const fs::path out = settings_.folder / "stdout", err = settings_.folder / "stderr";
    spec.standard_output.path = out;
    spec.standard_error.path = err;
    spec.on_exit = [&](const net::ChildExit& exit) {
        ran.exit = exit;
        loop_.stop();
    };
    if (!interrupted_) {
        BT_TRY_ASSIGN(child_, net::ChildProcess::start(loop_, std::move(spec)));
        net::UvTimer limit(timers_, [&] {
            ran.timed_out = true;
            child_->kill(SIGKILL);
        });
        std::unique_ptr<net::UvTimer> look;
        look = std::make_unique<net::UvTimer>(timers_, [&] {
            ran.flooded = ran.flooded || is_over(out, kMaxOutput) || is_over(err, kMaxOutput);
            if (ran.flooded) child_->kill(SIGKILL);
            look->arm(loop_.now() + kLook);
        });
        limit.arm(loop_.now() + ran.limit);
        look->arm(loop_.now() + kLook);
        loop_.run();
        child_.reset();
    }
    if (interrupted_) return fail(local_error(ErrorCode::Cancelled, "interrupted"));
    ran.out = read_part(out, kMaxOutput, false);
    ran.err = read_part(err, kErrorTail, true);
    return ran;
}

}  // namespace bt::grade
