// SPDX-License-Identifier: Apache-2.0
#include "operations.h"

#include <algorithm>
#include <atomic>

#include <openssl/ssl.h>

#include "agreement.h"
#include "decryption.h"

namespace testing_support {
namespace {

using Store = p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close>;
using Info = p11::ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free>;
using Ssl = p11::ossl::Owner<SSL, SSL_free>;
using SslCtx = p11::ossl::Owner<SSL_CTX, SSL_CTX_free>;

const Bytes message = randomBytes(100);

void expectSignature(const Instance& instance, const std::string& label, const char* digest) {
    const auto key = loadPrivate(instance, label);
    ASSERT_TRUE(key) << label << ": " << takeErrors();
    const auto signature = sign(instance, key.get(), message, digest);
    EXPECT_TRUE(verify(label, signature, message, digest)) << label << ": " << takeErrors();
}

// The key was made on the token, so its public half comes from there as well.
void expectEdwards(const Instance& instance) {
    const auto key = loadPrivate(instance, "ed25519");
    ASSERT_TRUE(key) << takeErrors();
    const auto signature = sign(instance, key.get(), message, nullptr);
    const auto half = publicHalf(defaultOnly(), key.get());
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EXPECT_EQ(EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, defaultOnly(), nullptr,
                                      half.get(), nullptr),
              1);
    EXPECT_EQ(EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                               message.size()),
              1)
        << takeErrors();
}

void expectPss(const Instance& instance) {
    const auto key = loadPrivate(instance, "rsa");
    ASSERT_TRUE(key) << takeErrors();
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    Bytes signature(256);
    std::size_t size = signature.size();
    ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), &options, "SHA256", instance.get(), nullptr,
                                    key.get(), nullptr),
              1)
        << takeErrors();
    ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
    ASSERT_EQ(
        EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()), 1)
        << takeErrors();
    EXPECT_TRUE(verify("rsa", signature, message, "SHA256", true));
}

struct Side {
    Ssl ssl;
    bool done = false;

    // False where it can't go on.
    bool step() {
        if (done)
            return true;
        const int result = SSL_do_handshake(ssl.get());
        done = result == 1;
        return done || SSL_get_error(ssl.get(), result) == SSL_ERROR_WANT_READ;
    }
};

void connect(SSL* server, SSL* client) {
    BIO* one = nullptr;
    BIO* other = nullptr;
    ASSERT_EQ(BIO_new_bio_pair(&one, 0, &other, 0), 1);
    SSL_set_bio(server, one, one);
    SSL_set_bio(client, other, other);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
}

} // namespace

std::vector<std::string> listing(const Instance& instance) {
    const Store store(OSSL_STORE_open_ex(("pkcs11:token=scenarios" + pinQuery()).c_str(),
                                         instance.get(), nullptr, nullptr, nullptr, nullptr,
                                         nullptr, nullptr));
    EXPECT_TRUE(store) << takeErrors();
    OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_NAME);
    std::vector<std::string> uris;
    while (OSSL_STORE_eof(store.get()) == 0)
        if (const Info info(OSSL_STORE_load(store.get())); info)
            uris.emplace_back(OSSL_STORE_INFO_get0_NAME(info.get()));
    std::sort(uris.begin(), uris.end());
    return uris;
}

void expectSignatures(const Instance& instance) {
    expectSignature(instance, "rsa", "SHA256");
    expectSignature(instance, "ec256", "SHA256");
    expectSignature(instance, "ec256", "SHA512"); // of which the curve takes a part
    expectSignature(instance, "bare-ec", "SHA256");
    expectEdwards(instance);
    expectPss(instance);
}

void expectSecrets(const Instance& instance) {
    const auto rsa = loadPrivate(instance, "rsa");
    ASSERT_TRUE(rsa) << takeErrors();
    for (const int padding : {RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING}) {
        const CipherOptions options{padding, nullptr, nullptr, {}};
        EXPECT_EQ(decrypt(instance, rsa.get(), encrypt(message, options), options), message)
            << padding << takeErrors();
    }
    const auto ec = loadPrivate(instance, "ec256");
    ASSERT_TRUE(ec) << takeErrors();
    const auto peer = generate(defaultOnly(), "P-256");
    EXPECT_EQ(derive(instance.get(), ec.get(), publicHalf(instance.get(), peer.get()).get()),
              deriveInSoftware("ec256", peer.get()))
        << takeErrors();
}

void expectHandshake(const Instance& instance, const std::string& label) {
    const auto key = loadPrivate(instance, label);
    ASSERT_TRUE(key) << takeErrors();
    expectHandshake(instance, key.get(), certificateFromFile(instance.get(), label).get(),
                    TLS1_3_VERSION);
}

void expectHandshake(const Instance& instance, EVP_PKEY* key, X509* certificate, int version) {
    const SslCtx serverContext(SSL_CTX_new_ex(instance.get(), nullptr, TLS_server_method()));
    const SslCtx clientContext(SSL_CTX_new_ex(defaultOnly(), nullptr, TLS_client_method()));
    ASSERT_EQ(SSL_CTX_set_min_proto_version(clientContext.get(), version), 1);
    ASSERT_EQ(SSL_CTX_set_max_proto_version(clientContext.get(), version), 1);
    ASSERT_EQ(SSL_CTX_use_certificate(serverContext.get(), certificate), 1) << takeErrors();
    ASSERT_EQ(SSL_CTX_use_PrivateKey(serverContext.get(), key), 1) << takeErrors();
    Side server{Ssl(SSL_new(serverContext.get()))};
    Side client{Ssl(SSL_new(clientContext.get()))};
    connect(server.ssl.get(), client.ssl.get());
    for (int i = 0; i < 20 && !(server.done && client.done); ++i)
        ASSERT_TRUE(client.step() && server.step()) << takeErrors();
    EXPECT_TRUE(server.done && client.done) << takeErrors();
}

void expectThreads(const Instance& instance) {
    const auto rsa = loadPrivate(instance, "rsa");
    const auto ec = loadPrivate(instance, "ec256");
    ASSERT_TRUE(rsa && ec) << takeErrors();
    std::atomic<int> good{0};
    inThreads(8, [&](int thread) {
        const auto& key = thread % 2 == 0 ? rsa : ec;
        for (int i = 0; i < 10; ++i)
            good += verify(thread % 2 == 0 ? "rsa" : "ec256", sign(instance, key.get(), message),
                           message)
                        ? 1
                        : 0;
    });
    EXPECT_EQ(good, 80) << takeErrors();
}

} // namespace testing_support
