#include "common/crypto/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/base/check.h"
#include "common/base/endpoint.h"

namespace bt::crypto {
namespace {

template <auto free_function>
struct Free {
    template <class T>
    void operator()(T* object) const {
        free_function(object);
    }
};
using BioPointer = std::unique_ptr<BIO, Free<BIO_free>>;
using ContextPointer = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using SslPointer = std::unique_ptr<SSL, Free<SSL_free>>;
using CertificatePointer = std::unique_ptr<X509, Free<X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

constexpr std::size_t kMaxNamesShown = 3;

// What OpenSSL has to say about its last failure in this thread, which is then forgotten.
std::string take_reason() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0) return "no reason given";
    const char* text = ERR_reason_error_string(code);
    return text != nullptr ? text : "error " + std::to_string(code);
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return std::string(data, static_cast<std::size_t>(std::max(size, 0L)));
}

std::string date_text(const ASN1_TIME* time) {
    const BioPointer bio(BIO_new(BIO_s_mem()));
    if (!bio || time == nullptr || ASN1_TIME_print(bio.get(), time) != 1) return "an unreadable date";
    return text_of(bio.get());
}

std::string issuer_text(const X509* certificate) {
    const BioPointer bio(BIO_new(BIO_s_mem()));
    if (!bio || X509_NAME_print_ex(bio.get(), X509_get_issuer_name(certificate), 0,
                                   XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) < 0) {
        return "?";
    }
    return text_of(bio.get());
}

std::string entry_text(const GENERAL_NAME* name) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_DNS && type != GEN_IPADD) return {};
    const auto* string = static_cast<const ASN1_STRING*>(value);
    const ByteView bytes(ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string)));
    if (type == GEN_DNS) return to_string(bytes);
    if (bytes.size() == 4) return Address::v4({bytes[0], bytes[1], bytes[2], bytes[3]}).to_string();
    if (bytes.size() != 16) return {};
    std::array<Byte, 16> address{};
    std::copy(bytes.begin(), bytes.end(), address.begin());
    return Address::v6(address).to_string();
}

// The hosts that a certificate is for, as a person would list them.
std::string names_in(const X509* certificate) {
    auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    if (names == nullptr) return "no host at all";
    std::string list;
    std::size_t shown = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        const std::string entry = entry_text(sk_GENERAL_NAME_value(names, i));
        if (entry.empty()) continue;
        if (shown == kMaxNamesShown) {
            list += ", …";
            break;
        }
        list += (shown++ == 0 ? "" : ", ") + entry;
    }
    GENERAL_NAMES_free(names);
    return list.empty() ? "no host at all" : list;
}

// What is wrong with this certificate of the chain.
std::string trouble_of(const X509* certificate, int verdict) {
    if (certificate == nullptr) return X509_verify_cert_error_string(verdict);
    switch (verdict) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "expired on " + date_text(X509_get0_notAfter(certificate));
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "not valid before " + date_text(X509_get0_notBefore(certificate));
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "unknown issuer (" + issuer_text(certificate) + ")";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "wrong name, it is for " + names_in(certificate);
        default:
            return X509_verify_cert_error_string(verdict);
    }
}

void apply_common_settings(SSL_CTX* context) {
    BT_CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(context, kMaxCertificateChain);
}

bool is_address(const std::string& host) { return Address::parse(host).has_value(); }

// Holds the certificate against this host, and asks the server for the certificate of this name.
bool bind_name(SSL* ssl, X509_VERIFY_PARAM* rules, const std::string& host) {
    if (host.empty()) return false;
    if (is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1;
    // SSL_set_tlsext_host_name, whose macro has casts of the old style.
    return X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size()) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str())) == 1;
}

BioPointer reader_of(std::string_view text) {
    return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(std::min<std::size_t>(text.size(), 1u << 20))));
}

// Without it OpenSSL asks the terminal for the password of an encrypted key.
int no_password(char*, int, int, void*) { return -1; }

std::unexpected<Error> refuse(std::string what) {
    return fail(local_error(ErrorCode::InvalidArgument, std::move(what) + ": " + take_reason()));
}

}  // namespace

struct TlsClientContext::Impl {
    ContextPointer context;
};
struct TlsServerContext::Impl {
    ContextPointer context;
};

TlsClientContext::TlsClientContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsClientContext::~TlsClientContext() = default;
TlsClientContext::TlsClientContext(TlsClientContext&&) noexcept = default;
TlsClientContext& TlsClientContext::operator=(TlsClientContext&&) noexcept = default;

TlsServerContext::TlsServerContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsServerContext::~TlsServerContext() = default;
TlsServerContext::TlsServerContext(TlsServerContext&&) noexcept = default;
TlsServerContext& TlsServerContext::operator=(TlsServerContext&&) noexcept = default;

Result<TlsClientContext> TlsClientContext::make(const TlsClientSettings& settings) {
    ERR_clear_error();
    ContextPointer context(SSL_CTX_new(TLS_client_method()));
    BT_CHECK(context != nullptr);
    apply_common_settings(context.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (settings.ca_file.empty()) {
        SSL_CTX_set_default_verify_paths(context.get());
    } else {
        errno = 0;
        if (SSL_CTX_load_verify_file(context.get(), settings.ca_file.c_str()) != 1) {
            const int cause = errno;
            if (cause == ENOENT || cause == EACCES || cause == EISDIR) {
                ERR_clear_error();
                return fail(system_error(cause, settings.ca_file));
            }
            return refuse(settings.ca_file + ": no certificates in it");
        }
    }
    if (settings.verification_time) {
        X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context.get()), static_cast<time_t>(*settings.verification_time));
    }
    ERR_clear_error();
    return TlsClientContext(std::make_unique<Impl>(Impl{std::move(context)}));
}

Result<TlsServerContext> TlsServerContext::make(std::string_view certificate_chain, std::string_view key) {
    ERR_clear_error();
    ContextPointer context(SSL_CTX_new(TLS_server_method()));
    BT_CHECK(context != nullptr);
    apply_common_settings(context.get());
    SSL_CTX_set_num_tickets(context.get(), 0);
    const BioPointer chain = reader_of(certificate_chain);
    bool first = true;
    while (CertificatePointer certificate{PEM_read_bio_X509(chain.get(), nullptr, no_password, nullptr)}) {
        const bool taken = first ? SSL_CTX_use_certificate(context.get(), certificate.get()) == 1
                                 : SSL_CTX_add1_chain_cert(context.get(), certificate.get()) == 1;
        if (!taken) return refuse("the certificate cannot be used");
        first = false;
    }
    if (first) return refuse("no certificate in the PEM text");
    ERR_clear_error();  // the end of the chain
    const KeyPointer private_key{PEM_read_bio_PrivateKey(reader_of(key).get(), nullptr, no_password, nullptr)};
    if (!private_key) return refuse("no usable private key in the PEM text");
    if (SSL_CTX_use_PrivateKey(context.get(), private_key.get()) != 1) {
        return refuse("the private key does not belong to the certificate");
    }
    return TlsServerContext(std::make_unique<Impl>(Impl{std::move(context)}));
}

struct TlsSession::Impl {
    explicit Impl(SSL_CTX* context);

    void start_client(std::string_view name);
    std::optional<TlsEvent> shake_hands();
    std::optional<TlsEvent> read();
    TlsEvent end_with(Error error);
    TlsEvent judge(const char* what);
    // OpenSSL's verdict on one certificate of the chain, and ours.
    static int verify(int is_good, X509_STORE_CTX* store) noexcept;
    [[nodiscard]] bool is_ready() const { return finished && !ended && !closed; }
    // From OpenSSL into the queue.
    void collect();

    SslPointer ssl;
    BIO* input = nullptr;  // both belong to ssl
    BIO* wire = nullptr;
    OutputQueue output;
    ByteBuffer plaintext;
    std::string host;  // a client's
    bool has_name = false;
    std::string trouble;  // with the server's certificate
    bool finished = false;
    bool ended = false;
    bool closed = false;  // by us
};

TlsSession::Impl::Impl(SSL_CTX* context) : ssl(SSL_new(context)) {
    BT_CHECK(ssl != nullptr);
    input = BIO_new(BIO_s_mem());
    wire = BIO_new(BIO_s_mem());
    BT_CHECK(input != nullptr && wire != nullptr);
    SSL_set_bio(ssl.get(), input, wire);
    plaintext.resize(kMaxTlsPlaintext);
}

void TlsSession::Impl::start_client(std::string_view name) {
    host = name;
    if (host.ends_with('.')) host.pop_back();
    SSL_set_connect_state(ssl.get());
    X509_VERIFY_PARAM* rules = SSL_get0_param(ssl.get());
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    has_name = bind_name(ssl.get(), rules, host);
    SSL_set_ex_data(ssl.get(), 0, this);
    SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, verify);
    ERR_clear_error();
    SSL_do_handshake(ssl.get());
    collect();
}

int TlsSession::Impl::verify(int is_good, X509_STORE_CTX* store) noexcept {
    const void* ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    auto* self = static_cast<Impl*>(SSL_get_ex_data(static_cast<const SSL*>(ssl), 0));
    // Without a name to hold the certificate against, no certificate is good.
    if (is_good == 1 && self->has_name) return 1;
    if (is_good == 1) X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    self->trouble = trouble_of(X509_STORE_CTX_get_current_cert(store), X509_STORE_CTX_get_error(store));
    return 0;
}

void TlsSession::Impl::collect() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(wire, &data);
    if (size <= 0) return;
    output.append_bytes({reinterpret_cast<const Byte*>(data), static_cast<std::size_t>(size)});
    BIO_reset(wire);
}

TlsEvent TlsSession::Impl::end_with(Error error) {
    ended = true;
    return TlsFailed{std::move(error)};
}

// Why an operation of OpenSSL failed for good.
TlsEvent TlsSession::Impl::judge(const char* what) {
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    std::string detail = host.empty() ? std::string("TLS: ") : "TLS with " + host + ": ";
    if (!trouble.empty()) {
        ERR_clear_error();
        return end_with(remote_error(ErrorCode::TlsFailed, detail + "certificate refused: " + trouble));
    }
    const bool other_language = reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
                                reason == SSL_R_HTTPS_PROXY_REQUEST || reason == SSL_R_PACKET_LENGTH_TOO_LONG;
    if (!finished && other_language) {
        ERR_clear_error();
        return end_with(remote_error(ErrorCode::TlsFailed, detail + "the other side does not speak TLS"));
    }
    return end_with(remote_error(ErrorCode::TlsFailed, detail + what + ": " + take_reason()));
}

std::optional<TlsEvent> TlsSession::Impl::shake_hands() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl.get());
    const int state = SSL_get_error(ssl.get(), result);
    collect();
    if (result == 1) {
        finished = true;
        return HandshakeFinished{SSL_get_version(ssl.get())};
    }
    if (state == SSL_ERROR_WANT_READ || state == SSL_ERROR_WANT_WRITE) return std::nullopt;
    return judge("handshake failed");
}

std::optional<TlsEvent> TlsSession::Impl::read() {
    ERR_clear_error();
    std::size_t size = 0;
    const int result = SSL_read_ex(ssl.get(), plaintext.data(), plaintext.size(), &size);
    const int state = SSL_get_error(ssl.get(), result);
    collect();
    if (result == 1) return PlaintextReceived{MutableByteView(plaintext).first(size)};
    if (output.size() > kMaxTlsUnreadOutput) {
        return end_with(remote_error(ErrorCode::LimitReached, "TLS: the other side asks and does not read"));
    }
    if (state == SSL_ERROR_WANT_READ || state == SSL_ERROR_WANT_WRITE) return std::nullopt;
    if (state == SSL_ERROR_ZERO_RETURN) {
        ended = true;
        return PeerClosed{};
    }
    return judge("record refused");
}

TlsSession::TlsSession(TlsClientContext& context, std::string_view host)
    : impl_(std::make_unique<Impl>(context.impl_->context.get())) {
    impl_->start_client(host);
}

TlsSession::TlsSession(TlsServerContext& context) : impl_(std::make_unique<Impl>(context.impl_->context.get())) {
    SSL_set_accept_state(impl_->ssl.get());
}

TlsSession::~TlsSession() = default;
TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession& TlsSession::operator=(TlsSession&&) noexcept = default;

void TlsSession::receive(ByteView ciphertext) {
    if (impl_->ended || ciphertext.empty()) return;
    std::size_t taken = 0;
    const int result = BIO_write_ex(impl_->input, ciphertext.data(), ciphertext.size(), &taken);
    BT_CHECK(result == 1 && taken == ciphertext.size());
}

std::optional<TlsEvent> TlsSession::poll_event() {
    if (impl_->ended) return std::nullopt;
    return impl_->finished ? impl_->read() : impl_->shake_hands();
}

std::size_t TlsSession::send(ByteView plaintext) {
    std::size_t done = 0;
    while (impl_->is_ready() && done < plaintext.size() && impl_->output.size() < kMaxTlsOutput) {
        const ByteView record = plaintext.subspan(done, std::min(plaintext.size() - done, kMaxTlsPlaintext));
        ERR_clear_error();
        std::size_t taken = 0;
        const int result = SSL_write_ex(impl_->ssl.get(), record.data(), record.size(), &taken);
        impl_->collect();
        if (result != 1) break;
        done += taken;
    }
    ERR_clear_error();
    return done;
}

void TlsSession::close() {
    if (!impl_->is_ready()) return;
    impl_->closed = true;
    SSL_shutdown(impl_->ssl.get());
    ERR_clear_error();
    impl_->collect();
}

OutputQueue& TlsSession::output() { return impl_->output; }
bool TlsSession::is_ready() const { return impl_->is_ready(); }
bool TlsSession::has_ended() const { return impl_->ended; }

}  // namespace bt::crypto
