#include "lab/grade/grade.h"

#include <algorithm>
#include <chrono>

#include "common/app/config_tree.h"

namespace bt::grade {
namespace {

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr Stage kStages[] = {
    {"decode.string", 2, "Strings are printed as JSON", decode_strings},
    {"decode.integer", 2, "So are integers, negative and large ones too", decode_integers},
    {"decode.list", 3, "Lists, also in lists and empty", decode_lists},
    {"decode.dict", 2, "Dictionaries, with blanks in keys and all else in values", decode_dicts},
    {"decode.refuse", 2, "What is no bencode ends with an error", decode_refuses},
    {"info.fields", 3, "Tracker and length of a torrent", info_fields},
    {"info.hash", 4, "The info_hash, also with keys that are not known", info_hash},
    {"info.pieces", 3, "Piece length and the hash of every piece", info_pieces},
    {"info.files", 3, "Length and info_hash of a torrent of several files", info_files},
    {"magnet.parse", 3, "Tracker and info_hash of a magnet link", magnet_parse},
    {"peers.list", 5, "An announce, and the peers that the tracker names", peers_list},
    {"peers.refused", 2, "A tracker that refuses ends with an error", peers_refused},
    {"handshake.peer", 4, "A handshake, and the peer_id that comes back", handshake_peer},
    {"handshake.parts", 3, "The same where the answer comes in parts", handshake_parts},
    {"piece.first", 5, "A piece from a peer", piece_first},
    {"piece.last", 4, "The last piece, which is short", piece_last},
    {"piece.stream", 4, "From a peer that sends in parts, late, and other messages in between", piece_stream},
    {"piece.have", 3, "From a peer without a bitfield", piece_have},
    {"piece.choke", 4, "From a peer that chokes in the middle", piece_choke},
    {"download.file", 5, "A whole file", download_file},
    {"download.spread", 4, "From three peers that have a third each", download_spread},
    {"download.corrupt", 5, "With a peer among three that sends corrupt blocks", download_corrupt},
    {"download.dead", 3, "With a peer that is not there", download_dead},
    {"download.folder", 3, "Of several files", download_folder},
    {"magnet.handshake", 3, "A handshake with the peer that a magnet's tracker names", magnet_handshake},
    {"magnet.extension", 3, "Extension handshakes both ways", magnet_extension},
    {"magnet.info", 3, "The description from a peer", magnet_info},
    {"magnet.blocks", 3, "One of more than 16 KiB", magnet_blocks},
    {"magnet.piece", 3, "A piece, of a magnet", magnet_piece},
    {"magnet.download", 4, "A whole file, of a magnet", magnet_download},
};

// The same numbers for a stage whichever others run.
std::uint64_t salt_of(std::string_view id) {
    std::uint64_t hash = 14695981039346656037u;
    for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    return hash;
}

}  // namespace

const std::vector<Stage>& stages() {
    static const std::vector<Stage> all(std::begin(kStages), std::end(kStages));
    return all;
}

int GradeReport::points() const {
    int sum = 0;
    for (const StageResult& result : results) sum += result.points();
    return sum;
}

int GradeReport::possible() const {
    int sum = 0;
    for (const StageResult& result : results) sum += result.stage->points;
    return sum;
}

std::size_t GradeReport::passed() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(results, [](const StageResult& result) { return result.finding.passed; }));
}

Result<GradeReport> grade(const GradeSettings& settings, const Progress& progress) {
    GradeReport report;
    report.command = settings.student.command;
    report.rng_seed = settings.rng_seed;
    Student student(settings.student);
    int number = 0;
    for (const Stage* stage : settings.stages) {
        progress(*stage, nullptr);
        Arena arena(student, settings.folder, settings.prefix, ++number,
                    Rng(settings.rng_seed).fork(salt_of(stage->id)));
        const double begin = seconds_now();
        BT_TRY_ASSIGN(Finding finding, stage->run(arena));
        report.results.push_back({stage, std::move(finding), seconds_now() - begin});
        progress(*stage, &report.results.back());
    }
    return report;
}

Result<std::vector<const Stage*>> select_stages(const std::vector<std::string>& only) {
    std::vector<std::string_view> ids;
    for (const Stage& stage : stages()) ids.push_back(stage.id);
    for (const std::string& id : only) {
        if (std::ranges::find(ids, id) != ids.end()) continue;
        std::string what = "there is no stage \"" + id + "\"";
        if (const auto near = app::nearest_word(id, ids)) what += "; did you mean " + std::string(*near) + "?";
        return fail(local_error(ErrorCode::InvalidArgument, what + " (--list names all)"));
    }
    std::vector<const Stage*> chosen;
    for (const Stage& stage : stages()) {
        if (only.empty() || std::ranges::find(only, stage.id) != only.end()) chosen.push_back(&stage);
    }
    return chosen;
}

}  // namespace bt::grade
