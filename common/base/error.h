#pragma once

// What went wrong, whose fault it is, and where. The fault decides between log, drop and ban.

#include <cstdint>
#include <optional>
#include <string>

namespace bt {

enum class Fault : std::uint8_t {
    Local,   // our own call or setting was wrong
    Remote,  // a peer, a tracker or a file from outside broke a rule
    System,  // the operating system refused
};

enum class ErrorCode : std::uint8_t {
    InvalidArgument,   // a setting or option is out of its range
    InvalidBencode,    // not bencode, or over a limit of the parser
    InvalidMetainfo,   // bencode, but not a torrent we accept
    InvalidMagnet,     // not a magnet URI we accept
    InvalidConfig,     // configuration file unusable
    InvalidHttp,       // not HTTP, or over a limit
    InvalidTracker,    // a tracker's reply that cannot be used
    TrackerFailure,    // the tracker said no ("failure reason")
    ProtocolViolation, // a peer broke the peer wire protocol
    HandshakeRefused,  // wrong protocol string, info_hash, or ourselves
    HashMismatch,      // data does not have the hash that the metainfo names
    WrongSize,         // a file has another size than the metainfo says
    NotFound,          // file or host does not exist
    PermissionDenied,  // the operating system says so
    AddressInUse,      // port taken
    FolderInUse,       // another program works on the same files
    ConnectFailed,     // refused, unreachable
    TlsFailed,         // a certificate we cannot trust, or what is not TLS
    ConnectionReset,   // the other side went away in the middle
    EndOfStream,       // the other side closed in order
    TimedOut,
    DiskFull,
    DiskError,
    LimitReached,      // one of our documented limits
    Cancelled,         // by ourselves, in order
};

[[nodiscard]] const char* error_code_name(ErrorCode code);
[[nodiscard]] const char* fault_name(Fault fault);

struct Error {
    ErrorCode code = ErrorCode::InvalidArgument;
    Fault fault = Fault::Local;
    std::string detail;                    // one line, no trailing full stop
    std::optional<std::uint64_t> offset;   // byte offset in the input, for parsers

    // "detail (at byte N)"; what a user is shown.
    [[nodiscard]] std::string message() const;
};

[[nodiscard]] inline Error local_error(ErrorCode code, std::string detail) {
    return {code, Fault::Local, std::move(detail), std::nullopt};
}
[[nodiscard]] inline Error remote_error(ErrorCode code, std::string detail) {
    return {code, Fault::Remote, std::move(detail), std::nullopt};
}
[[nodiscard]] inline Error remote_error(ErrorCode code, std::string detail, std::uint64_t offset) {
    return {code, Fault::Remote, std::move(detail), offset};
}
// From an errno value: picks the code (disk full, permission, in use, …) and appends the system's words to `what`.
[[nodiscard]] Error system_error(int errno_value, std::string what);

}  // namespace bt
