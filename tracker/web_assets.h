#pragma once

// The files of tracker/web/, put into the program when it is built (cmake/EmbedFiles.cmake).

#include <string_view>

namespace bt::tracker {

[[nodiscard]] std::string_view web_page_html();
[[nodiscard]] std::string_view web_page_css();
[[nodiscard]] std::string_view web_page_js();

}  // namespace bt::tracker
