// SPDX-License-Identifier: Apache-2.0
// TLS servers whose handshakes are asynchronous jobs (SSL_MODE_ASYNC), and their clients, in
// memory.
#pragma once

#include <openssl/ssl.h>

#include "fixture.h"

namespace testing_support {

/// A server with one version of TLS (TLS1_3_VERSION) and one key.
class TlsServer {
  public:
    TlsServer(OSSL_LIB_CTX* libctx, EVP_PKEY* key, X509* certificate, int version);

    SSL_CTX* context() const { return context_.get(); }

  private:
    p11::ossl::Owner<SSL_CTX, SSL_CTX_free> context_;
};

/// A client without the provider shakes hands with a server. If this is destroyed while the server
/// is paused, nobody resumes its job.
class Handshake {
  public:
    explicit Handshake(const TlsServer& server);

    /// Goes on until both ends are done (SSL_ERROR_NONE), the server pauses (SSL_ERROR_WANT_ASYNC),
    /// or either fails.
    int goOn();
    /// Goes on, whenever the server's descriptor is ready, until the end. True if both are done.
    bool finish();
    /// The descriptor of a paused server.
    int descriptor() const;

  private:
    p11::ossl::Owner<SSL_CTX, SSL_CTX_free> clientContext_;
    p11::ossl::Owner<SSL, SSL_free> server_;
    p11::ossl::Owner<SSL, SSL_free> client_;
};

} // namespace testing_support
