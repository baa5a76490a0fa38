#pragma once

// What a person sees of a run, on standard error: a table that is drawn in place on a terminal, plain lines elsewhere.

#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "common/base/time.h"
#include "lab/node_status.h"
#include "lab/table.h"

namespace bt::lab {

class Display {
  public:
    static constexpr Duration kRedraw = milliseconds(100);  // on a terminal
    static constexpr Duration kPlainStatus = seconds(5);    // elsewhere

    Display(std::string title, bool quiet);
    ~Display();
    Display(const Display&) = delete;
    Display& operator=(const Display&) = delete;

    // A milestone; stays above the table.
    void note(std::string_view text);
    void draw(std::span<const NodeStatus> nodes, double elapsed_s);
    // Leaves the last table where it is.
    void finish();
    [[nodiscard]] Duration interval() const { return live_ ? kRedraw : kPlainStatus; }

  private:
    void erase();

    std::string title_;
    bool quiet_;
    bool live_;
    std::size_t drawn_lines_ = 0;
};

}  // namespace bt::lab
