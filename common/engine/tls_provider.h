#pragma once

// The TLS context of a node, made when the first https tracker is asked and not before: the system's roots are some
// hundred certificates to read, which a node that only speaks http shall not pay for.

#include <optional>

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

}  // namespace bt::engine
