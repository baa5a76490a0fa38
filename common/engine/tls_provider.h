#pragma once

// The TLS context of a node, made when the first https tracker is asked and not before: the system's roots are some
// hundred certificates to read, which a node that only speaks http shall not pay for.

#include <memory>
#include <optional>
#include <string>

#include "common/crypto/tls.h"

namespace bt::engine {

class TlsProvider {
  public:
    explicit TlsProvider(crypto::TlsClientSettings settings) : settings_(std::move(settings)) {}

    // Error: the roots cannot be read. Asked again, they are read again.
    [[nodiscard]] Result<crypto::TlsClientContext*> context() {
        if (!context_) {
            BT_TRY_ASSIGN(auto made, crypto::TlsClientContext::make(settings_));
            context_.emplace(std::move(made));
        }
        return &*context_;
    }

  private:
    crypto::TlsClientSettings settings_;
    std::optional<crypto::TlsClientContext> context_;
};

// What a command line needs. A file of certificates that the user named is read now: it shall not turn out to be none
// at some later announce. Error: InvalidArgument, with its name.
[[nodiscard]] inline Result<std::shared_ptr<TlsProvider>> make_tls_provider(const std::string& ca_file) {
    auto tls = std::make_shared<TlsProvider>(crypto::TlsClientSettings{ca_file, std::nullopt});
    if (ca_file.empty()) return tls;
    if (const auto made = tls->context(); !made) {
        Error error = made.error();
        error.code = ErrorCode::InvalidArgument;
        return fail(std::move(error));
    }
    return tls;
}

}  // namespace bt::engine
