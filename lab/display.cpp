#include "lab/display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace bt::lab {
namespace {

bool is_live_terminal() {
    const char* term = std::getenv("TERM");
    return isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

TableSize terminal_size() {
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
    return {size.ws_col, size.ws_row};
}

}  // namespace

Display::Display(std::string title, bool quiet)
    : title_(std::move(title)), quiet_(quiet), live_(!quiet && is_live_terminal()) {}

Display::~Display() { finish(); }

void Display::erase() {
    if (drawn_lines_ > 0) std::fprintf(stderr, "\x1b[%zuA\x1b[J", drawn_lines_);
    drawn_lines_ = 0;
}

void Display::note(std::string_view text) {
    if (quiet_) return;
    erase();
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

void Display::draw(std::span<const NodeStatus> nodes, double elapsed_s) {
    if (quiet_) return;
    if (!live_) {
        std::fprintf(stderr, "%8.3f  %s\n", elapsed_s, plain_status(nodes).c_str());
        return;
    }
    std::string text;
    std::size_t lines = 0;
    for (const std::string& line : draw_table(nodes, title_, elapsed_s, terminal_size())) {
        text += line + '\n';
        ++lines;
    }
    erase();
    std::fputs(text.c_str(), stderr);
    drawn_lines_ = lines;
}

void Display::finish() { drawn_lines_ = 0; }

}  // namespace bt::lab
