#include "common/app/text_file.h"

#include <cerrno>
#include <cstdio>

namespace bt::app {

Result<std::string> read_text_file(const std::string& path, std::size_t limit) {
    std::FILE* file = std::fopen(path.c_str(), "rbe");
    if (file == nullptr) return fail(system_error(errno, path));
    std::string text;
    char buffer[65536];
    std::size_t n = 0;
    errno = 0;
    while (text.size() <= limit && (n = std::fread(buffer, 1, sizeof buffer, file)) > 0) text.append(buffer, n);
    const int error = std::ferror(file) != 0 ? errno : 0;
    std::fclose(file);
    if (error != 0) return fail(system_error(error, path));
    if (text.size() > limit) {
        return fail(local_error(ErrorCode::LimitReached, path + ": larger than " + std::to_string(limit) + " bytes"));
    }
    return text;
}

}  // namespace bt::app
