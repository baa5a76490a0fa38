#include "lab/sim/sim_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/check.h"

namespace bt::sim {

Status SimFiles::check_access(const std::string& path) const {
    if (const auto fault = faults_.find(path); fault != faults_.end()) return fail(system_error(fault->second, path));
    if (folders_.contains(path)) return fail(system_error(EISDIR, path));
    return {};
}

Status SimFiles::check_writable(const std::string& path) const { return check_access(path); }

Result<Byte*> SimFiles::unit_for_write(File& file, std::uint64_t index, const std::string& path) {
    const auto i = static_cast<std::size_t>(index);
    if (i >= file.units.size() || !file.units[i]) {
        if (capacity_ < used_ || capacity_ - used_ < kUnit) return fail(system_error(ENOSPC, path));
        if (i >= file.units.size()) file.units.resize(i + 1);
        file.units[i] = std::make_unique<Byte[]>(kUnit);
        used_ += kUnit;
    }
    return file.units[i].get();
}

Status SimFiles::write(const std::string& path, std::uint64_t offset, ByteView bytes, TimePoint now) {
    BT_TRY(check_access(path));
    File& file = files_[path];
    file.mtime_ns = now.time_since_epoch().count();
    while (!bytes.empty()) {
        const auto inside = static_cast<std::size_t>(offset % kUnit);
        const std::size_t step = std::min(bytes.size(), kUnit - inside);
        BT_TRY_ASSIGN(Byte* const unit, unit_for_write(file, offset / kUnit, path));
        std::memcpy(unit + inside, bytes.data(), step);
        offset += step;
        bytes = bytes.subspan(step);
        file.size = std::max(file.size, offset);
    }
    return {};
}

Result<std::size_t> SimFiles::read(const std::string& path, std::uint64_t offset, MutableByteView into) const {
    BT_TRY(check_access(path));
    const auto found = files_.find(path);
    if (found == files_.end()) return fail(system_error(ENOENT, path));
    const File& file = found->second;
    if (offset >= file.size) return std::size_t{0};
    const auto total = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), file.size - offset));
    for (std::size_t done = 0; done < total;) {
        const std::uint64_t at = offset + done;
        const auto index = static_cast<std::size_t>(at / kUnit);
        const auto inside = static_cast<std::size_t>(at % kUnit);
        const std::size_t step = std::min(total - done, kUnit - inside);
        if (index < file.units.size() && file.units[index]) {
            std::memcpy(into.data() + done, file.units[index].get() + inside, step);
        } else {
            std::memset(into.data() + done, 0, step);
        }
        done += step;
    }
    return total;
}

Result<storage::FileStat> SimFiles::stat(const std::string& path) const {
    if (const auto fault = faults_.find(path); fault != faults_.end()) return fail(system_error(fault->second, path));
    if (folders_.contains(path)) return storage::FileStat{true, false, 0, 0};
    const auto found = files_.find(path);
    if (found == files_.end()) return storage::FileStat{};
    return storage::FileStat{true, true, found->second.size, found->second.mtime_ns};
}

Status SimFiles::make_empty(const std::string& path, TimePoint now) {
    BT_TRY(check_access(path));
    File& file = files_[path];
    cut_units(file, 0);
    file.size = 0;
    file.mtime_ns = now.time_since_epoch().count();
    return {};
}

void SimFiles::cut_units(File& file, std::uint64_t count) {
    while (file.units.size() > count) {
        if (file.units.back()) used_ -= kUnit;
        file.units.pop_back();
    }
}

Status SimFiles::truncate(const std::string& path, std::uint64_t length, TimePoint now) {
    BT_TRY(check_access(path));
    const auto found = files_.find(path);
    if (found == files_.end()) return fail(system_error(ENOENT, path));
    File& file = found->second;
    cut_units(file, (length + kUnit - 1) / kUnit);
    // A later write behind the cut must find zeros there.
    const auto inside = static_cast<std::size_t>(length % kUnit);
    const auto last = static_cast<std::size_t>(length / kUnit);
    if (inside != 0 && last < file.units.size() && file.units[last]) {
        std::memset(file.units[last].get() + inside, 0, kUnit - inside);
    }
    file.size = length;
    file.mtime_ns = now.time_since_epoch().count();
    return {};
}

Status SimFiles::replace(const std::string& path, ByteView bytes, TimePoint now) {
    BT_TRY(check_access(path));
    const std::string beside = path + ".new";
    files_.erase(beside);
    if (const Status written = write(beside, 0, bytes, now); !written) {
        cut_units(files_[beside], 0);
        files_.erase(beside);
        return written;
    }
    if (const auto old = files_.find(path); old != files_.end()) cut_units(old->second, 0);
    files_[path] = std::move(files_[beside]);
    files_.erase(beside);
    return {};
}

Status SimFiles::rename(const std::string& from, const std::string& to) {
    BT_TRY(check_access(from));
    BT_TRY(check_access(to));
    const auto found = files_.find(from);
    if (found == files_.end()) return fail(system_error(ENOENT, from));
    if (from == to) return {};
    if (const auto old = files_.find(to); old != files_.end()) cut_units(old->second, 0);
    files_[to] = std::move(found->second);
    files_.erase(found);
    return {};
}

Status SimFiles::remove(const std::string& path) {
    BT_TRY(check_access(path));
    const auto found = files_.find(path);
    if (found == files_.end()) return fail(system_error(ENOENT, path));
    cut_units(found->second, 0);
    files_.erase(found);
    return {};
}

Result<ByteBuffer> SimFiles::read_all(const std::string& path) const {
    BT_TRY_ASSIGN(const storage::FileStat found, stat(path));
    ByteBuffer bytes(static_cast<std::size_t>(found.size));
    BT_TRY(read(path, 0, bytes));
    return bytes;
}

std::vector<std::string> SimFiles::paths() const {
    std::vector<std::string> all;
    for (const auto& [path, file] : files_) all.push_back(path);
    return all;
}

void SimFiles::set_fault(const std::string& path, int errno_value) {
    if (errno_value == 0) {
        faults_.erase(path);
    } else {
        faults_[path] = errno_value;
    }
}

void SimFiles::corrupt(const std::string& path, std::uint64_t offset, std::uint64_t count) {
    File& file = files_.at(path);
    for (std::uint64_t at = offset; at < offset + count; ++at) {
        const auto index = static_cast<std::size_t>(at / kUnit);
        BT_CHECK(at < file.size && index < file.units.size() && file.units[index]);
        Byte& byte = file.units[index][static_cast<std::size_t>(at % kUnit)];
        byte = static_cast<Byte>(~byte);
    }
}

void SimFiles::check_invariants() const {
    std::uint64_t held = 0;
    for (const auto& [path, file] : files_) {
        for (const auto& unit : file.units) held += unit ? kUnit : 0;
        BT_CHECK(file.units.size() <= (file.size + kUnit - 1) / kUnit + 1);
    }
    BT_CHECK(held == used_);
}

}  // namespace bt::sim
