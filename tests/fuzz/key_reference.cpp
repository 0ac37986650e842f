// SPDX-License-Identifier: Apache-2.0
// Key references in PEM and DER, through the parser and through OpenSSL's decoders.
#include <span>

#include <openssl/decoder.h>

#include "store/key_uri.h"
#include "tests/fuzz/provider_instance.h"

namespace {

using fuzz::require;

void checkRoundTrip(std::span<const unsigned char> der) {
    if (const auto uri = p11::store::decodeKeyUri(der))
        require(p11::store::decodeKeyUri(p11::store::encodeKeyUri(*uri)) == uri);
}

void decode(std::span<const unsigned char> bytes, int selection) {
    EVP_PKEY* key = nullptr;
    const p11::ossl::Owner<OSSL_DECODER_CTX, OSSL_DECODER_CTX_free> decoder(
        OSSL_DECODER_CTX_new_for_pkey(&key, nullptr, nullptr, nullptr, selection, fuzz::libctx(),
                                      nullptr));
    const unsigned char* position = bytes.data();
    std::size_t size = bytes.size();
    if (decoder)
        OSSL_DECODER_from_data(decoder.get(), &position, &size);
    EVP_PKEY_free(key);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    checkRoundTrip({data, data + size});
    const fuzz::Run run({});
    const bool isPublic = size > 0 && data[size - 1] % 2 == 1;
    decode({data, size}, isPublic ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR);
    return 0;
}
