#include "lab/captures.h"

#include <string>

#include "common/app/text_file.h"
#include "lab/capture_merge.h"
#include "lab/run_folder.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxCapture = std::size_t{1} << 30;  // what --capture-limit is when nobody says otherwise

fs::path capture_number(const NodePlan& node, int number) {
    return node.folder / ("capture-" + std::to_string(number) + ".pcapng");
}

bool is_ours(const NodePlan& node) {
    const std::string program = fs::path(node.argv.front()).filename();
    return program == "swarm-client" || program == "swarm-seeder";
}

}  // namespace

void add_captures(Plan& plan) {
    for (NodePlan& node : plan.nodes) {
        if (is_ours(node)) node.argv.insert(node.argv.end(), {"--capture", std::string(kCapturePlace)});
    }
}

fs::path next_capture(const NodePlan& node) {
    int number = 1;
    while (fs::exists(capture_number(node, number))) ++number;
    return capture_number(node, number);
}

Status collect_captures(const Plan& plan, const fs::path& run) {
    std::vector<fs::path> paths;
    for (const NodePlan& node : plan.nodes) {
        for (int number = 1; fs::exists(capture_number(node, number)); ++number) {
            paths.push_back(capture_number(node, number));
        }
    }
    std::vector<ByteBuffer> captures;
    for (const fs::path& path : paths) {
        BT_TRY_ASSIGN(const std::string text, app::read_text_file(path.string(), kMaxCapture));
        captures.push_back(to_buffer(as_bytes(text)));
    }
    BT_TRY(write_text(run / "capture.pcapng", as_text(merge_captures(captures))));
    std::error_code ignored;
    for (const fs::path& path : paths) fs::remove(path, ignored);
    return {};
}

}  // namespace bt::lab
