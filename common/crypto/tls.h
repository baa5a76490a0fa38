#pragma once

// TLS 1.2 and 1.3, both roles, as a machine: ciphertext in, plaintext out, and back. OpenSSL inside, over memory only;
// the sockets, and how long a handshake may take, are the owner's.
//
// receive(bytes)     feeds ciphertext; nothing is judged yet.
// poll_event()       until it has nothing: HandshakeFinished once, then PlaintextReceived in order, then at most one of
//                    PeerClosed (the peer's close_notify) and TlsFailed. Both are terminal.
// send(plaintext)    takes as much as there is room for: 0 before the handshake is finished, after the end, and while
//                    kMaxTlsOutput bytes or more wait in output(). Takes everything else in whole records.
// close()            says close_notify; nothing can be sent afterwards.
// output()           ciphertext for the peer, also after a failure (the alert that tells the peer why).
//
// Rules
//  - The client verifies: a chain to a root it trusts, the dates, and that the certificate is for the host that was
//    asked for (subjectAltName only, never the subject's common name; an address needs an address entry). The error
//    says which of these it was. There is no way to switch this off.
//  - The name of the host goes out in the clear (SNI); an address does not.
//  - No renegotiation, no session resumption, no compression, no early data, no client certificates.
//  - Memory is bounded: a certificate chain of 100 KiB, one record of plaintext, kMaxTlsOutput plus one call's worth of
//    output; a peer that makes us answer without reading the answers is ended (LimitReached).
//  - Keys and nonces come from OpenSSL's own generator: what is on the wire differs from run to run, the plaintext and
//    the events do not.
// Cost: ciphertext is copied into OpenSSL and out of it once each; for trackers, not for blocks.
// Errors: InvalidArgument, NotFound, … (local, system) of contexts; TlsFailed (remote) of sessions.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/bytes.h"
#include "common/base/output_queue.h"
#include "common/base/result.h"

namespace bt::crypto {

inline constexpr std::size_t kMaxTlsOutput = 64 * 1024;
inline constexpr std::size_t kMaxTlsPlaintext = 16 * 1024;      // of one record
inline constexpr std::size_t kMaxTlsUnreadOutput = 256 * 1024;  // answers the peer asked for and does not read
inline constexpr std::size_t kMaxCertificateChain = 100 * 1024;

struct TlsClientSettings {
    std::string ca_file;  // PEM roots that are trusted instead of the system's; empty: the system's
    // Unix time at which certificates must be valid; nothing: the machine's clock, asked by OpenSSL.
    std::optional<std::int64_t> verification_time;
};

// What many client sessions share. Reads the roots once, when it is made (the system's folder of roots also when a
// chain is verified): the one place of this layer that touches files, because OpenSSL does.
// Sessions may outlive it.
class TlsClientContext {
  public:
    [[nodiscard]] static Result<TlsClientContext> make(const TlsClientSettings& settings);
    ~TlsClientContext();
    TlsClientContext(TlsClientContext&&) noexcept;
    TlsClientContext& operator=(TlsClientContext&&) noexcept;

  private:
    friend class TlsSession;
    struct Impl;
    explicit TlsClientContext(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// A server's certificate (with the chain behind it) and its key, PEM text. Error: InvalidArgument, also when the key is
// not the certificate's.
class TlsServerContext {
  public:
    [[nodiscard]] static Result<TlsServerContext> make(std::string_view certificate_chain, std::string_view key);
    ~TlsServerContext();
    TlsServerContext(TlsServerContext&&) noexcept;
    TlsServerContext& operator=(TlsServerContext&&) noexcept;

  private:
    friend class TlsSession;
    struct Impl;
    explicit TlsServerContext(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

struct HandshakeFinished {
    std::string protocol;  // "TLSv1.3"
};
struct PlaintextReceived {
    MutableByteView bytes;  // until the next call
};
struct PeerClosed {};
struct TlsFailed {
    Error error;
};
using TlsEvent = std::variant<HandshakeFinished, PlaintextReceived, PeerClosed, TlsFailed>;

class TlsSession {
  public:
    // A client's, to this host (a name, or an address as text); its first bytes are in output() at once.
    TlsSession(TlsClientContext& context, std::string_view host);
    explicit TlsSession(TlsServerContext& context);
    ~TlsSession();
    TlsSession(TlsSession&&) noexcept;
    TlsSession& operator=(TlsSession&&) noexcept;

    void receive(ByteView ciphertext);
    [[nodiscard]] std::optional<TlsEvent> poll_event();
    [[nodiscard]] std::size_t send(ByteView plaintext);
    void close();
    [[nodiscard]] OutputQueue& output();

    [[nodiscard]] bool is_ready() const;   // handshake finished, and not ended
    [[nodiscard]] bool has_ended() const;  // PeerClosed or TlsFailed was given

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace bt::crypto
