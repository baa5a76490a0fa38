#include "common/base/error.h"

#include <cerrno>
#include <cstring>

namespace bt {

const char* error_code_name(ErrorCode code) {
    switch (code) {
        case ErrorCode::InvalidArgument: return "invalid_argument";
        case ErrorCode::InvalidBencode: return "invalid_bencode";
        case ErrorCode::InvalidMetainfo: return "invalid_metainfo";
        case ErrorCode::InvalidMagnet: return "invalid_magnet";
        case ErrorCode::InvalidConfig: return "invalid_config";
        case ErrorCode::InvalidHttp: return "invalid_http";
        case ErrorCode::InvalidTracker: return "invalid_tracker";
        case ErrorCode::TrackerFailure: return "tracker_failure";
        case ErrorCode::ProtocolViolation: return "protocol_violation";
        case ErrorCode::HandshakeRefused: return "handshake_refused";
        case ErrorCode::HashMismatch: return "hash_mismatch";
        case ErrorCode::WrongSize: return "wrong_size";
        case ErrorCode::NotFound: return "not_found";
        case ErrorCode::PermissionDenied: return "permission_denied";
        case ErrorCode::AddressInUse: return "address_in_use";
        case ErrorCode::FolderInUse: return "folder_in_use";
        case ErrorCode::ConnectFailed: return "connect_failed";
        case ErrorCode::TlsFailed: return "tls_failed";
        case ErrorCode::ConnectionReset: return "connection_reset";
        case ErrorCode::EndOfStream: return "end_of_stream";
        case ErrorCode::TimedOut: return "timed_out";
        case ErrorCode::DiskFull: return "disk_full";
        case ErrorCode::DiskError: return "disk_error";
        case ErrorCode::LimitReached: return "limit_reached";
        case ErrorCode::Cancelled: return "cancelled";
    }
    return "unknown";
}

const char* fault_name(Fault fault) {
    switch (fault) {
        case Fault::Local: return "local";
        case Fault::Remote: return "remote";
        case Fault::System: return "system";
    }
    return "unknown";
}

std::string Error::message() const {
    if (!offset) return detail;
    return detail + " (at byte " + std::to_string(*offset) + ")";
}

Error system_error(int errno_value, std::string what) {
    ErrorCode code = ErrorCode::DiskError;
    switch (errno_value) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG: code = ErrorCode::DiskFull; break;
        case EACCES:
        case EPERM:
        case EROFS: code = ErrorCode::PermissionDenied; break;
        case ENOENT:
        case ENOTDIR: code = ErrorCode::NotFound; break;
        case EADDRINUSE: code = ErrorCode::AddressInUse; break;
        case ECONNREFUSED:
        case ENETUNREACH:
        case EHOSTUNREACH:
        case EADDRNOTAVAIL: code = ErrorCode::ConnectFailed; break;
        case ECONNRESET:
        case EPIPE:
        case ECONNABORTED: code = ErrorCode::ConnectionReset; break;
        case ETIMEDOUT: code = ErrorCode::TimedOut; break;
        default: break;
    }
    return {code, Fault::System, what + ": " + std::strerror(errno_value), std::nullopt};
}

}  // namespace bt
