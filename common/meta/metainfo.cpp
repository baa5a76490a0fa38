#include "common/meta/metainfo.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "common/base/encoding.h"
#include "common/crypto/hash.h"
#include "common/meta/bencode.h"
#include "common/meta/path_rules.h"

namespace bt::meta {
namespace {

constexpr std::uint64_t kMaxTotalLength = std::uint64_t{1} << 62;

std::unexpected<Error> refuse(std::string detail, std::uint64_t offset) {
    return fail(remote_error(ErrorCode::InvalidMetainfo, "torrent: " + std::move(detail), offset));
}

// The value of a key that must not stand there twice: two readers could take different ones.
Result<std::optional<BencodeNode>> find_once(const BencodeNode& dict, std::string_view key) {
    std::optional<BencodeNode> found;
    for (auto child = dict.first_child(); child;) {
        const auto value = child->next_sibling();
        if (child->string() == key) {
            if (found) return refuse("key \"" + std::string(key) + "\" stands twice", child->offset());
            found = value;
        }
        child = value->next_sibling();
    }
    return found;
}

Result<BencodeNode> require(const BencodeNode& dict, std::string_view key) {
    BT_TRY_ASSIGN(const auto found, find_once(dict, key));
    if (!found) return refuse("key \"" + std::string(key) + "\" is missing", dict.offset());
    return *found;
}

Result<std::int64_t> require_integer(const BencodeNode& dict, std::string_view key, std::uint64_t& offset) {
    BT_TRY_ASSIGN(const auto node, require(dict, key));
    offset = node.offset();
    if (!node.is_integer()) return refuse("\"" + std::string(key) + "\" is not an integer", offset);
    return *node.integer();
}

Result<std::string_view> require_string(const BencodeNode& dict, std::string_view key, std::uint64_t& offset) {
    BT_TRY_ASSIGN(const auto node, require(dict, key));
    offset = node.offset();
    if (!node.is_string()) return refuse("\"" + std::string(key) + "\" is not a string", offset);
    return *node.string();
}

// A tracker's URL we can show and send: text without spaces and control characters.
bool is_url_text(std::string_view url) {
    return !url.empty() && is_valid_utf8(url) &&
           std::all_of(url.begin(), url.end(), [](char c) { return static_cast<Byte>(c) > 0x20 && c != 0x7f; });
}

}  // namespace

class MetainfoParser {
  public:
    Result<Metainfo> run(ByteView file) {
        if (file.size() > kMaxTorrentFileSize)
            return refuse("file of " + std::to_string(file.size()) + " bytes is larger than 16 MiB",
                          kMaxTorrentFileSize);
        BT_TRY_ASSIGN(const auto document, BencodeDocument::parse(file));
        const BencodeNode root = document.root();
        if (!root.is_dict()) return refuse("not a dictionary", 0);
        BT_TRY_ASSIGN(const auto info, require(root, "info"));
        if (!info.is_dict()) return refuse("\"info\" is not a dictionary", info.offset());
        BT_TRY(parse_info(info));
        result_.info_bytes_ = to_buffer(info.raw());
        result_.info_hash_ = crypto::sha1(info.raw());
        parse_trackers(root);
        result_.comment_ = root.find_string("comment").value_or("");
        result_.created_by_ = root.find_string("created by").value_or("");
        result_.creation_date_ = root.find_integer("creation date");
        return std::move(result_);
    }

  private:
    Status parse_info(const BencodeNode& info) {
        const bool is_v2 = info.find_integer("meta version").value_or(1) >= 2;
        if (is_v2 && !info.find("pieces"))
            return refuse("BEP 52 (v2) without v1 pieces is not supported", info.offset());
        BT_TRY(parse_name(info));
        BT_TRY(parse_files(info));
        BT_TRY(parse_pieces(info));
        BT_TRY_ASSIGN(const auto flag, find_once(info, "private"));
        result_.private_ = flag && flag->integer() == 1;
        return {};
    }

    Status parse_name(const BencodeNode& info) {
        std::uint64_t offset = 0;
        BT_TRY_ASSIGN(const auto name, require_string(info, "name", offset));
        if (const char* problem = path_element_problem(name)) return refuse("\"name\" " + std::string(problem), offset);
        result_.name_ = name;
        return {};
    }

    Status parse_files(const BencodeNode& info) {
        BT_TRY_ASSIGN(const auto length, find_once(info, "length"));
        BT_TRY_ASSIGN(const auto files, find_once(info, "files"));
        if (length && files) return refuse("both \"length\" and \"files\"", files->offset());
        if (!length && !files) return refuse("neither \"length\" nor \"files\"", info.offset());
        result_.multi_file_ = files.has_value();
        if (files) {
            BT_TRY(parse_file_list(*files));
        } else {
            BT_TRY(add_file(info, result_.name_, length->offset()));
        }
        if (total_ == 0) return refuse("no byte in all", (files ? *files : *length).offset());
        std::vector<std::uint64_t> lengths;
        lengths.reserve(result_.files_.size());
        for (const FileEntry& file : result_.files_) lengths.push_back(file.length);
        result_.file_map_ = FileMap(lengths);
        return check_paths();
    }

    Status parse_file_list(const BencodeNode& files) {
        if (!files.is_list()) return refuse("\"files\" is not a list", files.offset());
        if (files.size() == 0) return refuse("\"files\" is empty", files.offset());
        result_.files_.reserve(files.size());
        for (auto file = files.first_child(); file; file = file->next_sibling()) {
            if (!file->is_dict()) return refuse("entry of \"files\" is not a dictionary", file->offset());
            BT_TRY_ASSIGN(const auto path, require(*file, "path"));
            BT_TRY_ASSIGN(auto text, path_text(path));
            // BEP 47: padding files of equal length share one path; each of ours gets its own.
            const bool is_padding = file->find_string("attr").value_or("").find('p') != std::string_view::npos;
            if (is_padding && !padding_paths_.insert(text).second) text += '.' + std::to_string(result_.files_.size());
            BT_TRY(add_file(*file, std::move(text), path.offset()));
        }
        return {};
    }

    Result<std::string> path_text(const BencodeNode& path) {
        if (!path.is_list()) return refuse("\"path\" is not a list", path.offset());
        if (path.size() == 0) return refuse("\"path\" is empty", path.offset());
        if (path.size() > kMaxPathDepth)
            return refuse("\"path\" of more than " + std::to_string(kMaxPathDepth) + " elements", path.offset());
        std::string text = result_.name_;
        for (auto element = path.first_child(); element; element = element->next_sibling()) {
            if (!element->is_string()) return refuse("path element is not a string", element->offset());
            if (const char* problem = path_element_problem(*element->string()))
                return refuse("path element " + std::string(problem), element->offset());
            text += '/';
            text += *element->string();
        }
        return text;
    }

    // `dict` has the file's length.
    Status add_file(const BencodeNode& dict, std::string path, std::uint64_t path_offset) {
        std::uint64_t offset = 0;
        BT_TRY_ASSIGN(const auto length, require_integer(dict, "length", offset));
        if (length < 0) return refuse("negative length " + std::to_string(length), offset);
        const auto bytes = static_cast<std::uint64_t>(length);
        if (bytes > kMaxTotalLength - total_) return refuse("lengths add up to more than 2^62", offset);
        total_ += bytes;
        result_.files_.push_back({std::move(path), bytes});
        path_offsets_.push_back(path_offset);
        return {};
    }

    Status check_paths() {
        if (const auto clash = find_path_clash(result_.files_)) {
            const auto& [first, second, is_folder] = *clash;
            const char* what = is_folder ? "path is both a file and a folder" : "two files at one path";
            return refuse(what, path_offsets_[std::max(first, second)]);
        }
        result_.case_clashes_ = has_case_clash(result_.files_);
        return {};
    }

    Status parse_pieces(const BencodeNode& info) {
        std::uint64_t offset = 0;
        BT_TRY_ASSIGN(const auto piece_length, require_integer(info, "piece length", offset));
        if (piece_length < 1 || piece_length > kMaxPieceLength)
            return refuse("piece length " + std::to_string(piece_length) + " is not in 1 to 2^29", offset);
        BT_TRY_ASSIGN(const auto pieces, require_string(info, "pieces", offset));
        if (pieces.size() % sizeof(Sha1Digest) != 0)
            return refuse("\"pieces\" of " + std::to_string(pieces.size()) + " bytes is no multiple of 20", offset);
        const std::uint64_t count = pieces.size() / sizeof(Sha1Digest);
        const auto divisor = static_cast<std::uint64_t>(piece_length);
        const std::uint64_t needed = (total_ + divisor - 1) / divisor;
        if (needed > kMaxPieceCount) return refuse("more than 2^21 pieces (" + std::to_string(needed) + ")", offset);
        if (count != needed) {
            return refuse(
                "\"pieces\" has " + std::to_string(count) + " hashes where the length needs " + std::to_string(needed),
                offset);
        }
        result_.layout_ = PieceLayout(total_, static_cast<std::uint32_t>(piece_length));
        result_.piece_hashes_.resize(count);
        const ByteView bytes = as_bytes(pieces);
        for (std::size_t i = 0; i < count; ++i)
            std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(i * sizeof(Sha1Digest)), sizeof(Sha1Digest),
                        result_.piece_hashes_[i].begin());
        return {};
    }

    // Nothing here is an error: a torrent without a usable tracker may still find peers.
    void parse_trackers(const BencodeNode& root) {
        const auto list = root.find("announce-list");
        for (auto tier = list ? list->first_child() : std::nullopt; tier; tier = tier->next_sibling()) {
            if (!tier->is_list()) continue;
            std::vector<std::string> urls;
            for (auto url = tier->first_child(); url; url = url->next_sibling())
                if (url->is_string() && is_url_text(*url->string())) urls.emplace_back(*url->string());
            if (!urls.empty()) result_.tracker_tiers_.push_back(std::move(urls));
        }
        const auto announce = root.find_string("announce");
        if (result_.tracker_tiers_.empty() && announce && is_url_text(*announce))
            result_.tracker_tiers_.push_back({std::string(*announce)});
    }

    Metainfo result_;
    std::uint64_t total_ = 0;
    std::vector<std::uint64_t> path_offsets_;  // where each file's path stands
    std::set<std::string> padding_paths_;
};

Result<Metainfo> Metainfo::parse(ByteView torrent_file) { return MetainfoParser().run(torrent_file); }

}  // namespace bt::meta
