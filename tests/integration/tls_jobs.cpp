// SPDX-License-Identifier: Apache-2.0
#include "tls_jobs.h"

#include <poll.h>

namespace testing_support {
namespace {

constexpr int patience = 60'000;

// SSL_ERROR_NONE, or why the end cannot go on.
int step(SSL* end) {
    const int result = SSL_do_handshake(end);
    return result == 1 ? SSL_ERROR_NONE : SSL_get_error(end, result);
}

} // namespace

TlsServer::TlsServer(OSSL_LIB_CTX* libctx, EVP_PKEY* key, X509* certificate, int version)
    : context_(SSL_CTX_new_ex(libctx, nullptr, TLS_server_method())) {
    EXPECT_EQ(SSL_CTX_set_min_proto_version(context_.get(), version), 1);
    EXPECT_EQ(SSL_CTX_set_max_proto_version(context_.get(), version), 1);
    EXPECT_EQ(SSL_CTX_use_certificate(context_.get(), certificate), 1) << takeErrors();
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context_.get(), key), 1) << takeErrors();
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ASYNC);
}

Handshake::Handshake(const TlsServer& server)
    : clientContext_(SSL_CTX_new_ex(defaultOnly(), nullptr, TLS_client_method())),
      server_(SSL_new(server.context())), client_(SSL_new(clientContext_.get())) {
    BIO* one = nullptr;
    BIO* other = nullptr;
    EXPECT_EQ(BIO_new_bio_pair(&one, 0, &other, 0), 1);
    SSL_set_bio(server_.get(), one, one);
    SSL_set_bio(client_.get(), other, other);
    SSL_set_accept_state(server_.get());
    SSL_set_connect_state(client_.get());
}

int Handshake::goOn() {
    for (;;) {
        const int client = step(client_.get());
        if (client != SSL_ERROR_NONE && client != SSL_ERROR_WANT_READ)
            return client;
        const int server = step(server_.get());
        if (server != SSL_ERROR_WANT_READ)
            return server;
    }
}

bool Handshake::finish() {
    int state = goOn();
    while (state == SSL_ERROR_WANT_ASYNC) {
        pollfd one{descriptor(), POLLIN, 0};
        if (poll(&one, 1, patience) != 1)
            return false;
        state = goOn();
    }
    return state == SSL_ERROR_NONE && step(client_.get()) == SSL_ERROR_NONE;
}

int Handshake::descriptor() const {
    std::size_t count = 1;
    int descriptor = -1;
    EXPECT_EQ(SSL_get_all_async_fds(server_.get(), &descriptor, &count), 1);
    return descriptor;
}

} // namespace testing_support
