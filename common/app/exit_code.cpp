#include "common/app/exit_code.h"

#include <array>

namespace bt::app {
namespace {

constexpr std::array kAll = {
    ExitCode::Ok,           ExitCode::BadArguments, ExitCode::BadTorrent, ExitCode::TrackersFailed,
    ExitCode::NoProgress,   ExitCode::DiskFull,     ExitCode::DiskError,  ExitCode::VerificationFailed,
    ExitCode::CannotListen, ExitCode::BadConfig,    ExitCode::FolderInUse,  ExitCode::Internal,   ExitCode::Interrupted};

}  // namespace

std::string_view exit_code_text(ExitCode code) {
    switch (code) {
        case ExitCode::Ok:
            return "done";
        case ExitCode::BadArguments:
            return "bad arguments";
        case ExitCode::BadTorrent:
            return "bad torrent or magnet";
        case ExitCode::TrackersFailed:
            return "trackers failed and no peers";
        case ExitCode::NoProgress:
            return "no progress within --timeout";
        case ExitCode::DiskFull:
            return "disk full";
        case ExitCode::DiskError:
            return "disk error (read, write, permission)";
        case ExitCode::VerificationFailed:
            return "verification failed (wrong size or content)";
        case ExitCode::CannotListen:
            return "cannot listen (port in use, no such address)";
        case ExitCode::BadConfig:
            return "bad configuration file";
        case ExitCode::FolderInUse:
            return "another program downloads the same into the same folder";
        case ExitCode::Internal:
            return "internal error";
        case ExitCode::Interrupted:
            return "interrupted (SIGINT, SIGTERM)";
    }
    return "unknown";
}

std::string exit_codes_help() {
    std::string text = "Exit codes:\n";
    for (const ExitCode code : kAll) {
        const std::string number = std::to_string(to_int(code));
        text += std::string(5 - number.size(), ' ') + number + "  ";
        text += exit_code_text(code);
        text += '\n';
    }
    return text;
}

ExitCode exit_code_for(const Error& error) {
    switch (error.code) {
        case ErrorCode::InvalidArgument:
            return ExitCode::BadArguments;
        case ErrorCode::InvalidBencode:
        case ErrorCode::InvalidMetainfo:
        case ErrorCode::InvalidMagnet:
            return ExitCode::BadTorrent;
        case ErrorCode::InvalidConfig:
            return ExitCode::BadConfig;
        case ErrorCode::InvalidHttp:
        case ErrorCode::InvalidTracker:
        case ErrorCode::TrackerFailure:
        case ErrorCode::ConnectFailed:
        case ErrorCode::TlsFailed:
        case ErrorCode::ConnectionReset:
        case ErrorCode::EndOfStream:
            return ExitCode::TrackersFailed;
        case ErrorCode::TimedOut:
            return ExitCode::NoProgress;
        case ErrorCode::HashMismatch:
        case ErrorCode::WrongSize:
            return ExitCode::VerificationFailed;
        case ErrorCode::NotFound:
        case ErrorCode::PermissionDenied:
        case ErrorCode::DiskError:
            return ExitCode::DiskError;
        case ErrorCode::DiskFull:
            return ExitCode::DiskFull;
        case ErrorCode::AddressInUse:
            return ExitCode::CannotListen;
        case ErrorCode::FolderInUse:
            return ExitCode::FolderInUse;
        case ErrorCode::Cancelled:
            return ExitCode::Interrupted;
        case ErrorCode::ProtocolViolation:
        case ErrorCode::HandshakeRefused:
        case ErrorCode::LimitReached:
            return ExitCode::Internal;
    }
    return ExitCode::Internal;
}

}  // namespace bt::app
