#include "client/create.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "common/crypto/hash.h"
#include "common/meta/file_map.h"
#include "common/meta/metainfo_writer.h"
#include "common/meta/piece_layout.h"

namespace bt::client {
namespace {

namespace fs = std::filesystem;

struct Source {
    std::string name;
    bool multi_file = false;
    std::vector<meta::FileEntry> files;      // as the description wants them
    std::vector<std::string> disk_paths;     // where each lies
};

Result<Source> find_files(const std::string& path, const app::Log& log) {
    std::error_code error;
    fs::path root = fs::canonical(path, error);
    if (error) return fail(system_error(error.value(), path));
    Source source;
    source.name = root.filename().string();
    if (fs::is_regular_file(root)) {
        source.files.push_back({source.name, fs::file_size(root, error)});
        source.disk_paths.push_back(root.string());
        return source;
    }
    source.multi_file = true;
    auto walk = fs::recursive_directory_iterator(root, error);
    for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
        const auto status = walk->symlink_status(error);
        if (error) break;
        if (fs::is_directory(status)) continue;
        if (!fs::is_regular_file(status)) {
            log.warning(walk->path().string() + ": neither file nor folder, left out");
            continue;
        }
        source.files.push_back({fs::relative(walk->path(), root, error).generic_string(), walk->file_size(error)});
    }
    if (error) return fail(system_error(error.value(), path));
    std::ranges::sort(source.files, {}, &meta::FileEntry::path);
    for (const auto& file : source.files) source.disk_paths.push_back((root / file.path).string());
    return source;
}

// Reads torrent bytes [offset, offset + out.size()) from the files.
Status read_span(const Source& source, const meta::FileMap& map, std::uint64_t offset, MutableByteView out) {
    std::size_t done = 0;
    for (const auto& span : map.spans(offset, out.size())) {
        const std::string& path = source.disk_paths[span.file.value()];
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) return fail(system_error(errno, path));
        std::uint64_t got = 0;
        while (got < span.length) {
            const ssize_t n = ::pread(fd, out.data() + done + got, span.length - got,
                                      static_cast<off_t>(span.offset + got));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) {
                const Error error = n < 0 ? system_error(errno, path)
                                          : local_error(ErrorCode::WrongSize, path + ": became shorter while it was read");
                ::close(fd);
                return fail(error);
            }
            got += static_cast<std::uint64_t>(n);
        }
        ::close(fd);
        done += static_cast<std::size_t>(span.length);
    }
    return {};
}

// Every core takes two pieces at a time until none is left.
Result<std::vector<Sha1Digest>> hash_pieces(const Source& source, const meta::FileMap& map,
                                            const meta::PieceLayout& layout) {
    std::vector<Sha1Digest> hashes(layout.piece_count());
    std::atomic<std::uint32_t> next{0};
    std::vector<Status> results(std::max(1u, std::thread::hardware_concurrency()));
    const auto work = [&](Status& result) {
        ByteBuffer first(layout.piece_length());
        ByteBuffer second(layout.piece_length());
        for (std::uint32_t i = next.fetch_add(2); i < layout.piece_count() && result; i = next.fetch_add(2)) {
            const PieceIndex a(i);
            const MutableByteView bytes_a(first.data(), layout.piece_size(a));
            result = read_span(source, map, layout.piece_offset(a), bytes_a);
            if (!result) return;
            if (i + 1 == layout.piece_count()) {
                hashes[i] = crypto::sha1(bytes_a);
                return;
            }
            const PieceIndex b(i + 1);
            const MutableByteView bytes_b(second.data(), layout.piece_size(b));
            result = read_span(source, map, layout.piece_offset(b), bytes_b);
            if (result) crypto::sha1_pair(bytes_a, bytes_b, hashes[i], hashes[i + 1]);
        }
    };
    {
        std::vector<std::jthread> threads;
        for (auto& result : results) threads.emplace_back([&work, &result] { work(result); });
    }
    for (const auto& result : results) BT_TRY(result);
    return hashes;
}

Result<ByteBuffer> make_torrent(const CreateArguments& arguments, const app::Log& log) {
    BT_TRY_ASSIGN(Source source, find_files(arguments.path, log));
    std::vector<std::uint64_t> lengths;
    for (const auto& file : source.files) lengths.push_back(file.length);
    const meta::FileMap map(lengths);
    if (map.total_length() == 0) {
        return fail(local_error(ErrorCode::InvalidArgument, arguments.path + ": nothing in it, not even one byte"));
    }
    const std::uint32_t piece_length = arguments.piece_length.value_or(meta::choose_piece_length(map.total_length()));
    const meta::PieceLayout layout(map.total_length(), piece_length);

    meta::TorrentDescription description;
    BT_TRY_ASSIGN(description.piece_hashes, hash_pieces(source, map, layout));
    description.name = source.name;
    description.multi_file = source.multi_file;
    description.files = std::move(source.files);
    description.piece_length = piece_length;
    description.tracker_tiers = arguments.tracker_tiers;
    description.is_private = arguments.is_private;
    description.comment = arguments.comment;
    description.created_by = std::string("Swarmlab/") + app::program_version();
    description.creation_date = arguments.creation_date;
    return meta::write_metainfo(description);
}

Status write_file(const std::string& path, ByteView bytes) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) return fail(system_error(errno, path));
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    const int write_error = errno;
    if (std::fclose(file) != 0 || !written) return fail(system_error(written ? errno : write_error, path));
    return {};
}

}  // namespace

app::ExitCode run_create(const CreateArguments& arguments) {
    const app::Log log("swarm-client", app::Severity::Info);
    const auto torrent = make_torrent(arguments, log);
    if (!torrent) {
        log.error(torrent.error().message());
        return app::exit_code_for(torrent.error());
    }
    if (const auto status = write_file(arguments.output, *torrent); !status) {
        log.error(status.error().message());
        return app::exit_code_for(status.error());
    }
    const auto metainfo = meta::Metainfo::parse(*torrent);
    if (!metainfo) {
        log.error(metainfo.error().message());
        return app::ExitCode::Internal;
    }
    log.info(arguments.output + ": " + std::to_string(metainfo->files().size()) + " file(s), " +
             std::to_string(metainfo->layout().piece_count()) + " pieces");
    return app::ExitCode::Ok;
}

}  // namespace bt::client
