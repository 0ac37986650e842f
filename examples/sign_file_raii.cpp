// SPDX-License-Identifier: Apache-2.0
// Signs a file with SHA-256 by the key that a URI names:  sign_file_raii URI FILE SIGNATURE
// What OpenSSL allocates is owned by std::unique_ptr, and errors are exceptions.
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// The deleter that calls one of OpenSSL's functions.
template <auto function>
struct FreedBy {
    template <class T>
    void operator()(T* object) const {
        function(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreedBy<EVP_MD_CTX_free>>;
using Store = std::unique_ptr<OSSL_STORE_CTX, FreedBy<OSSL_STORE_close>>;
using StoreInfo = std::unique_ptr<OSSL_STORE_INFO, FreedBy<OSSL_STORE_INFO_free>>;
using Provider = std::unique_ptr<OSSL_PROVIDER, FreedBy<OSSL_PROVIDER_unload>>;
using Bytes = std::vector<unsigned char>;

// What OpenSSL has to say about the last failure, in one line.
std::string reasons() {
    std::string text;
    const char* data = nullptr;
    int flags = 0;
    while (unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
        // Errors of the system are errno.
        const char* reason = ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code))
                                                    : ERR_reason_error_string(code);
        text += std::string(text.empty() ? "" : "; ") + (reason ? reason : "unknown reason");
        if ((flags & ERR_TXT_STRING) != 0 && *data != '\0')
            text += std::string(": ") + data;
    }
    return text;
}
void check(bool good, const std::string& what) {
    if (!good)
        throw std::runtime_error(what + ": " + reasons());
}

Provider load_provider(const char* name) {
    Provider provider(OSSL_PROVIDER_load(nullptr, name));
    check(provider != nullptr, name);
    return provider;
}

Key load_key(const std::string& uri) {
    Store store(OSSL_STORE_open(uri.c_str(), nullptr, nullptr, nullptr, nullptr));
    check(store && OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY), uri);
    StoreInfo info(OSSL_STORE_load(store.get()));
    check(info != nullptr, "no key");
    return Key(OSSL_STORE_INFO_get1_PKEY(info.get()));
}

Bytes sign(EVP_PKEY* key, const Bytes& data) {
    DigestContext context(EVP_MD_CTX_new());
    check(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key, nullptr),
          "the key");
    std::size_t length = 0;
    check(EVP_DigestSign(context.get(), nullptr, &length, data.data(), data.size()), "the length");
    Bytes signature(length);
    check(EVP_DigestSign(context.get(), signature.data(), &length, data.data(), data.size()),
          "the signature");
    signature.resize(length); // ECDSA's may be shorter than was announced
    return signature;
}

Bytes read_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    if (!file)
        throw std::runtime_error(name + " cannot be read");
    return Bytes(std::istreambuf_iterator<char>(file), {});
}
void write_file(const std::string& name, const Bytes& bytes) {
    std::ofstream file(name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    if (!file.flush())
        throw std::runtime_error(name + " cannot be written");
}

} // namespace

int main(int argc, char** argv) try {
    if (argc != 4)
        throw std::runtime_error("sign_file_raii URI FILE SIGNATURE");
    // Freed in the opposite order: the key before the providers.
    Provider software = load_provider("default"), tokens = load_provider("pkcs11");
    Key key = load_key(argv[1]);
    write_file(argv[3], sign(key.get(), read_file(argv[2])));
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
