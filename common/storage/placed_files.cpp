#include "common/storage/placed_files.h"

#include <algorithm>
#include <array>
#include <mutex>

#include "common/base/check.h"

namespace bt::storage {
namespace {

// Pieces in which one file ends and another begins.
std::vector<std::uint32_t> straddling_pieces(const meta::Metainfo& metainfo) {
    std::vector<std::uint32_t> pieces;
    const auto& map = metainfo.file_map();
    const std::uint32_t piece_length = metainfo.layout().piece_length();
    for (std::uint32_t i = 0; i < map.file_count(); ++i) {
        const std::uint64_t start = map.file_start(FileIndex(i));
        if (map.file_length(FileIndex(i)) == 0 || start == 0 || start % piece_length == 0) continue;
        const auto piece = static_cast<std::uint32_t>(start / piece_length);
        if (pieces.empty() || pieces.back() != piece) pieces.push_back(piece);
    }
    return pieces;
}

Error in_the_way(const std::string& path) {
    return {ErrorCode::DiskError, Fault::System, path + " is in the way: it is not a regular file", std::nullopt};
}

}  // namespace

std::vector<std::string> base_paths(const StorageSpec& spec) {
    std::vector<std::string> paths = spec.paths;
    if (!spec.placement) return paths;
    BT_CHECK(spec.placement->part_paths.size() == paths.size());
    paths.insert(paths.end(), spec.placement->part_paths.begin(), spec.placement->part_paths.end());
    paths.push_back(spec.placement->shared_path);
    return paths;
}

PlacedFiles::PlacedFiles(const StorageSpec& spec, BaseFiles& base) : metainfo_(spec.metainfo.get()), base_(&base) {
    if (!spec.placement) return;
    wanted_ = spec.placement->wanted;
    BT_CHECK(wanted_.empty() || wanted_.size() == file_count());
    straddling_ = straddling_pieces(*metainfo_);
    homes_.reserve(file_count());
    for (std::uint32_t i = 0; i < file_count(); ++i) {
        homes_.push_back(is_wanted(FileIndex(i)) ? Home::Part : Home::Shared);
    }
}

FileIndex PlacedFiles::at_home(FileIndex file) const {
    if (homes_.empty()) return file;
    switch (homes_[file.value()]) {
        case Home::Final:
            return file;
        case Home::Part:
            return part(file);
        case Home::Shared:
            return shared();
    }
    return file;
}

std::optional<std::uint64_t> PlacedFiles::place_in_shared(std::uint64_t torrent_offset) const {
    const std::uint64_t piece_length = metainfo_->layout().piece_length();
    const auto piece = static_cast<std::uint32_t>(torrent_offset / piece_length);
    const auto found = std::ranges::lower_bound(straddling_, piece);
    if (found == straddling_.end() || *found != piece) return std::nullopt;
    return static_cast<std::uint64_t>(found - straddling_.begin()) * piece_length + torrent_offset % piece_length;
}

std::optional<PlacedFiles::Place> PlacedFiles::locate(FileIndex file, std::uint64_t offset, Lock held) const {
    const FileIndex base_file = at_home(file);
    if (base_file.value() < 2 * file_count()) return Place{base_file, offset, std::move(held)};
    const auto place = place_in_shared(metainfo_->file_map().file_start(file) + offset);
    if (!place) return std::nullopt;
    return Place{base_file, *place, std::move(held)};
}

std::optional<PlacedFiles::Place> PlacedFiles::locate(FileIndex file, std::uint64_t offset) const {
    return locate(file, offset, hold());
}

std::optional<PlacedFiles::Place> PlacedFiles::try_locate(FileIndex file, std::uint64_t offset, bool& busy) const {
    busy = false;
    if (homes_.empty()) return Place{file, offset, {}};
    Lock held(mutex_, std::try_to_lock);
    busy = !held.owns_lock();
    if (busy) return std::nullopt;
    return locate(file, offset, std::move(held));
}

std::shared_lock<std::shared_mutex> PlacedFiles::hold() const { return homes_.empty() ? Lock() : Lock(mutex_); }

Home PlacedFiles::home_of(FileIndex file) const {
    const auto held = hold();
    return homes_.empty() ? Home::Final : homes_[file.value()];
}

// What a Disk does ----------------------------------------------------------------------------------------------------

Status PlacedFiles::write(FileIndex file, std::uint64_t offset, ByteView bytes) {
    if (const auto place = locate(file, offset)) return base_->write(place->file, place->offset, bytes);
    {
        const std::unique_lock alone(mutex_);
        BT_TRY(bring_out(file));
    }
    const auto place = locate(file, offset);
    BT_CHECK(place);
    return base_->write(place->file, place->offset, bytes);
}

Result<std::size_t> PlacedFiles::read(FileIndex file, std::uint64_t offset, MutableByteView into) {
    const auto place = locate(file, offset);
    if (place) return base_->read(place->file, place->offset, into);
    return fail(Error{ErrorCode::NotFound, Fault::System,
                      metainfo_->files()[file.value()].path + " is not wanted and not there", std::nullopt});
}

Result<FileStat> PlacedFiles::stat(FileIndex file) {
    const auto held = hold();
    const FileIndex base_file = at_home(file);
    if (base_file.value() >= 2 * file_count()) return FileStat{};
    BT_TRY_ASSIGN(FileStat stat, base_->stat(base_file));
    stat.is_part = base_file != file;
    return stat;
}

Status PlacedFiles::make_empty(FileIndex file) {
    const auto held = hold();
    return base_->make_empty(at_home(file));
}

Status PlacedFiles::truncate(FileIndex file, std::uint64_t length) {
    const auto held = hold();
    return base_->truncate(at_home(file), length);
}

Status PlacedFiles::check_writable(FileIndex file) {
    const auto held = hold();
    return base_->check_writable(at_home(file));
}

Result<std::vector<FileStat>> PlacedFiles::inspect() {
    BT_TRY_ASSIGN(auto stats, storage::inspect({*metainfo_, *this}));
    if (!homes_.empty()) {
        BT_TRY_ASSIGN(const FileStat stat, base_->stat(shared()));
        stats.push_back(stat);
    }
    return stats;
}

// Homes ---------------------------------------------------------------------------------------------------------------

Status PlacedFiles::prepare(Existing existing) {
    if (existing == Existing::Refuse) BT_TRY(refuse_existing());
    if (homes_.empty()) return storage::prepare({*metainfo_, *base_});
    const std::unique_lock alone(mutex_);
    std::vector<Home> homes;
    homes.reserve(file_count());
    for (std::uint32_t i = 0; i < file_count(); ++i) {
        BT_TRY_ASSIGN(const Home home, choose_home(FileIndex(i)));
        BT_TRY(check_home(FileIndex(i), home));
        homes.push_back(home);
    }
    if (existing == Existing::Discard) {
        BT_TRY(discard());
        for (std::uint32_t i = 0; i < file_count(); ++i) {
            BT_TRY_ASSIGN(homes[i], choose_home(FileIndex(i)));
        }
    }
    if (std::ranges::find(homes, Home::Shared) != homes.end()) BT_TRY(base_->check_writable(shared()));
    for (std::uint32_t i = 0; i < file_count(); ++i) BT_TRY(move_in(FileIndex(i), homes[i]));
    return {};
}

Status PlacedFiles::refuse_existing() {
    for (std::uint32_t i = 0; i < file_count(); ++i) {
        const FileIndex file(i);
        if (!is_wanted(file) || metainfo_->files()[i].length == 0) continue;
        BT_TRY_ASSIGN(const FileStat stat, base_->stat(file));
        if (!stat.exists) continue;
        return fail(Error{ErrorCode::DiskError, Fault::System,
                          metainfo_->files()[i].path + " is there already and must not be overwritten", std::nullopt});
    }
    return {};
}

// Wanted files begin again as parts of no bytes, and nothing is taken over from the hidden file.
Status PlacedFiles::discard() {
    for (std::uint32_t i = 0; i < file_count(); ++i) {
        const FileIndex file(i);
        if (!is_wanted(file) || metainfo_->files()[i].length == 0) continue;
        BT_TRY_ASSIGN(const FileStat final_stat, base_->stat(file));
        if (final_stat.exists) BT_TRY(base_->rename(file, part(file)));
        BT_TRY_ASSIGN(const FileStat part_stat, base_->stat(part(file)));
        if (part_stat.exists) BT_TRY(base_->truncate(part(file), 0));
    }
    BT_TRY_ASSIGN(const FileStat shared_stat, base_->stat(shared()));
    return shared_stat.exists ? base_->truncate(shared(), 0) : Status{};
}

Result<Home> PlacedFiles::choose_home(FileIndex file) {
    const auto& entry = metainfo_->files()[file.value()];
    const bool wanted = is_wanted(file);
    BT_TRY_ASSIGN(const FileStat final_stat, base_->stat(file));
    if (wanted && final_stat.exists && !final_stat.is_regular) return fail(in_the_way(entry.path));
    if (final_stat.is_regular && (wanted || final_stat.size == entry.length)) return Home::Final;
    if (entry.length == 0) return wanted ? Home::Final : Home::Shared;
    BT_TRY_ASSIGN(const FileStat part_stat, base_->stat(part(file)));
    if (wanted && part_stat.exists && !part_stat.is_regular) return fail(in_the_way(entry.path + ".part"));
    return wanted || part_stat.is_regular ? Home::Part : Home::Shared;
}

// A file that cannot get its own name in the end is told of at the start.
Status PlacedFiles::check_home(FileIndex file, Home home) {
    if (home == Home::Shared) return {};
    if (home == Home::Part) BT_TRY(base_->check_writable(part(file)));
    return is_wanted(file) ? base_->check_writable(file) : Status{};
}

Status PlacedFiles::move_in(FileIndex file, Home home) {
    homes_[file.value()] = home;
    if (home == Home::Shared || (home == Home::Final && !is_wanted(file))) return {};
    const std::uint64_t length = metainfo_->files()[file.value()].length;
    const FileIndex base_file = at_home(file);
    BT_TRY_ASSIGN(const FileStat stat, base_->stat(base_file));
    if (stat.size > length) return base_->truncate(base_file, length);
    if (stat.exists) return {};
    return length == 0 ? base_->make_empty(base_file) : copy_from_shared(file);
}

// Zeros are what a hole reads as; content of zeros is written again when it is fetched again.
Status PlacedFiles::copy_from_shared(FileIndex file) {
    const auto& map = metainfo_->file_map();
    const std::uint64_t piece_length = metainfo_->layout().piece_length();
    const std::uint64_t start = map.file_start(file);
    const std::uint64_t end = start + map.file_length(file);
    const std::uint64_t first_end = std::min(end, (start / piece_length + 1) * piece_length);
    const std::uint64_t last_start = std::max(first_end, (end - 1) / piece_length * piece_length);
    ByteBuffer bytes;
    for (const auto& [from, to] : std::array{std::pair{start, first_end}, std::pair{last_start, end}}) {
        const auto place = from < to ? place_in_shared(from) : std::nullopt;
        if (!place) continue;
        bytes.resize(static_cast<std::size_t>(to - from));
        const auto read = base_->read(shared(), *place, bytes);
        if (!read && read.error().code == ErrorCode::NotFound) return {};
        if (!read) return fail(read.error());
        if (*read < bytes.size() || std::ranges::all_of(bytes, [](Byte byte) { return byte == 0; })) continue;
        BT_TRY(base_->write(at_home(file), from - start, bytes));
    }
    return {};
}

Status PlacedFiles::bring_out(FileIndex file) {
    if (homes_[file.value()] != Home::Shared) return {};
    homes_[file.value()] = Home::Part;
    return copy_from_shared(file);
}

Status PlacedFiles::select(std::vector<bool> wanted) {
    if (homes_.empty()) return {};
    BT_CHECK(wanted.empty() || wanted.size() == file_count());
    const std::unique_lock alone(mutex_);
    wanted_ = std::move(wanted);
    for (std::uint32_t i = 0; i < file_count(); ++i) {
        const FileIndex file(i);
        if (is_wanted(file) && homes_[i] == Home::Shared) {
            BT_TRY_ASSIGN(const Home home, choose_home(file));
            BT_TRY(check_home(file, home));
            BT_TRY(move_in(file, home));
            BT_TRY(copy_from_shared(file));
        } else if (!is_wanted(file) && homes_[i] == Home::Part) {
            BT_TRY_ASSIGN(const FileStat stat, base_->stat(part(file)));
            if (!stat.exists) homes_[i] = Home::Shared;
        }
    }
    return {};
}

Status PlacedFiles::finish(const std::vector<FileIndex>& files) {
    if (homes_.empty()) return {};
    const std::unique_lock alone(mutex_);
    for (const FileIndex file : files) {
        if (homes_[file.value()] != Home::Part) continue;
        BT_TRY(base_->rename(part(file), file));
        homes_[file.value()] = Home::Final;
    }
    return {};
}

}  // namespace bt::storage
