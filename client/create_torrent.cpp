#include "client/create_torrent.h"

#include <algorithm>
#include <filesystem>

#include "client/piece_hasher.h"
#include "common/http/url.h"
#include "common/meta/file_map.h"
#include "common/meta/metainfo_writer.h"
#include "common/meta/path_rules.h"
#include "common/meta/piece_layout.h"

namespace bt::client {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> refuse(std::string detail) {
    return fail(local_error(ErrorCode::InvalidArgument, std::move(detail)));
}

struct DiskFile {
    std::string path;       // below the folder, as the description wants it
    std::string disk_path;  // where it lies
    std::uint64_t length = 0;
    fs::file_time_type written{};
};

struct Tree {
    std::string name;
    bool multi_file = false;
    std::vector<DiskFile> files;
};

Result<DiskFile> look_at_source(const fs::path& where, std::string path) {
    std::error_code error;
    DiskFile file{std::move(path), where.string(), 0, {}};
    file.length = fs::file_size(where, error);
    if (!error) file.written = fs::last_write_time(where, error);
    if (error) return fail(system_error(error.value(), where.string()));
    return file;
}

bool is_excluded(const CreateOptions& options, const std::string& path, const fs::path& disk_path) {
    std::error_code error;
    for (const std::string& other : options.exclude_paths) {
        if (fs::equivalent(disk_path, other, error)) return true;
    }
    const std::string name = disk_path.filename().string();
    return std::ranges::any_of(options.exclude, [&](const std::string& pattern) {
        return matches_pattern(pattern, path) || matches_pattern(pattern, name);
    });
}

// All regular files below the folder.
Status walk(const CreateOptions& options, const fs::path& root, Tree& tree, std::vector<std::string>& warnings) {
    std::error_code error;
    auto at = fs::recursive_directory_iterator(root, error);
    if (error) return fail(system_error(error.value(), root.string()));
    for (; at != fs::recursive_directory_iterator(); at.increment(error)) {
        const fs::path where = at->path();
        const auto status = at->symlink_status(error);
        if (error) return fail(system_error(error.value(), where.string()));
        const std::string path = where.lexically_relative(root).generic_string();
        if (is_excluded(options, path, where)) {
            at.disable_recursion_pending();
            continue;
        }
        if (fs::is_regular_file(status)) {
            BT_TRY_ASSIGN(DiskFile file, look_at_source(where, path));
            tree.files.push_back(std::move(file));
        } else if (!fs::is_directory(status)) {
            warnings.push_back(where.string() + ": neither file nor folder, left out");
        }
    }
    if (error) return fail(system_error(error.value(), root.string()));
    std::ranges::sort(tree.files, {}, &DiskFile::path);
    return {};
}

Result<Tree> find_files(const CreateOptions& options, std::vector<std::string>& warnings) {
    std::error_code error;
    const fs::path root = fs::canonical(options.path, error);
    if (error) return fail(system_error(error.value(), options.path));
    Tree tree;
    tree.name = options.name.empty() ? root.filename().string() : options.name;
    const auto status = fs::status(root, error);
    if (error) return fail(system_error(error.value(), options.path));
    if (fs::is_regular_file(status)) {
        BT_TRY_ASSIGN(DiskFile file, look_at_source(root, tree.name));
        tree.files.push_back(std::move(file));
    } else if (fs::is_directory(status)) {
        tree.multi_file = true;
        BT_TRY(walk(options, root, tree, warnings));
    } else {
        return refuse(options.path + ": neither file nor folder");
    }
    return tree;
}

// What a reader would refuse, told with the name of the file it is about.
Status check_names(const Tree& tree) {
    if (const char* problem = meta::path_element_problem(tree.name); problem != nullptr) {
        return refuse("the name \"" + tree.name + "\" " + problem + " (give another with --name)");
    }
    for (const DiskFile& file : tree.files) {
        std::size_t depth = 0;
        for (const fs::path& element : fs::path(file.path)) {
            const char* problem = meta::path_element_problem(element.string());
            if (problem == nullptr && ++depth >= meta::kMaxPathDepth) problem = "lies too deep";
            if (problem != nullptr) return refuse(file.disk_path + ": \"" + element.string() + "\" " + problem);
        }
    }
    return {};
}

Status check_urls(const CreateOptions& options) {
    const auto check = [](const std::string& text) -> Status {
        const auto url = http::Url::parse(text);
        if (!url) return refuse("\"" + text + "\": " + url.error().message());
        return {};
    };
    for (const auto& tier : options.tracker_tiers) {
        for (const std::string& url : tier) BT_TRY(check(url));
    }
    for (const std::string& url : options.web_seeds) BT_TRY(check(url));
    return {};
}

Result<std::uint32_t> piece_length_for(const CreateOptions& options, std::uint64_t total) {
    const std::uint32_t length = options.piece_length.value_or(meta::choose_piece_length(total));
    if (length == 0 || length > meta::kMaxPieceLength) return refuse("piece length must be from 1 to 2^29");
    const std::uint64_t count = (total + length - 1) / length;
    // The description must stay readable too: a hash is 20 bytes of a file that has at most 16 MiB.
    const std::uint64_t most = std::min<std::uint64_t>(meta::kMaxPieceCount, meta::kMaxTorrentFileSize / 20 - 1024);
    if (count > most) {
        return refuse(std::to_string(count) + " pieces of " + std::to_string(length) + " bytes are more than " +
                      std::to_string(most) + ": choose a larger --piece-length");
    }
    return length;
}

Status check_unchanged(const Tree& tree) {
    for (const DiskFile& file : tree.files) {
        const auto now = look_at_source(file.disk_path, file.path);
        if (!now || now->length != file.length || now->written != file.written) {
            return fail(local_error(ErrorCode::WrongSize, file.disk_path + ": changed while it was read"));
        }
    }
    return {};
}

Result<std::vector<Sha1Digest>> hash_tree(const CreateOptions& options, const Tree& tree, const meta::FileMap& map,
                                          const meta::PieceLayout& layout) {
    std::vector<std::string> paths;
    for (const DiskFile& file : tree.files) paths.push_back(file.disk_path);
    HashJob job{map, layout, paths, options.threads, {}};
    if (options.progress) {
        job.progress = [&](std::uint64_t done) { options.progress(done, map.total_length()); };
    }
    BT_TRY_ASSIGN(const auto digests, hash_pieces(job));
    BT_TRY(check_unchanged(tree));
    std::vector<Sha1Digest> hashes;
    hashes.reserve(digests.size());
    for (const auto& digest : digests) {
        if (!digest) return fail(local_error(ErrorCode::WrongSize, options.path + ": changed while it was read"));
        hashes.push_back(*digest);
    }
    return hashes;
}

meta::TorrentDescription describe(const CreateOptions& options, const Tree& tree) {
    meta::TorrentDescription description;
    description.name = tree.name;
    description.multi_file = tree.multi_file;
    for (const DiskFile& file : tree.files) description.files.push_back({file.path, file.length});
    description.tracker_tiers = options.tracker_tiers;
    description.web_seeds = options.web_seeds;
    description.is_private = options.is_private;
    description.comment = options.comment;
    description.source = options.source;
    description.created_by = options.created_by;
    description.creation_date = options.creation_date;
    return description;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
    if (pattern.empty()) return text.empty();
    if (pattern.starts_with('*')) {
        const bool any_depth = pattern.starts_with("**");
        const std::string_view rest = pattern.substr(any_depth ? 2 : 1);
        for (std::size_t i = 0; i <= text.size(); ++i) {
            if (matches_pattern(rest, text.substr(i))) return true;
            if (i < text.size() && text[i] == '/' && !any_depth) return false;
        }
        return false;
    }
    if (text.empty()) return false;
    const bool same = pattern.front() == '?' ? text.front() != '/' : pattern.front() == text.front();
    return same && matches_pattern(pattern.substr(1), text.substr(1));
}

Result<CreatedTorrent> create_torrent(const CreateOptions& options) {
    BT_TRY(check_urls(options));
    CreatedTorrent made;
    BT_TRY_ASSIGN(const Tree tree, find_files(options, made.warnings));
    BT_TRY(check_names(tree));
    std::vector<std::uint64_t> lengths;
    for (const DiskFile& file : tree.files) lengths.push_back(file.length);
    const meta::FileMap map(lengths);
    if (map.total_length() == 0) return refuse(options.path + ": nothing in it, not even one byte");

    meta::TorrentDescription description = describe(options, tree);
    if (meta::has_case_clash(description.files)) {
        made.warnings.push_back("names that differ only in the case of letters will clash on some file systems");
    }
    BT_TRY_ASSIGN(description.piece_length, piece_length_for(options, map.total_length()));
    const meta::PieceLayout layout(map.total_length(), description.piece_length);
    BT_TRY_ASSIGN(description.piece_hashes, hash_tree(options, tree, map, layout));
    BT_TRY_ASSIGN(made.bytes, meta::write_metainfo(description));
    BT_TRY_ASSIGN(const meta::Metainfo metainfo, meta::Metainfo::parse(made.bytes));
    made.info_hash = metainfo.info_hash();
    made.name = tree.name;
    made.file_count = tree.files.size();
    made.total_length = map.total_length();
    made.piece_length = layout.piece_length();
    made.piece_count = layout.piece_count();
    return made;
}

}  // namespace bt::client
