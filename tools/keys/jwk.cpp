// SPDX-License-Identifier: Apache-2.0
#include "tools/keys/jwk.h"

#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <openssl/err.h>

#include "tools/keys/base64.h"
#include "tools/shared/error.h"

namespace p11::tools::jwk {
namespace {

struct Curve {
    const char* name;  ///< in a JWK
    const char* group; ///< OpenSSL's
    std::size_t size;  ///< bytes of a coordinate
};

constexpr std::array curves{Curve{"P-256", "prime256v1", 32}, Curve{"P-384", "secp384r1", 48},
                            Curve{"P-521", "secp521r1", 66}};

const Curve& curveOf(const Key& key) {
    std::array<char, 80> group{};
    if (EVP_PKEY_get_group_name(key.pkey.get(), group.data(), group.size(), nullptr) != 1)
        throw KeyError(key.name + ": the EC key's curve has no name");
    const auto found = std::find_if(curves.begin(), curves.end(), [&group](const Curve& one) {
        return std::string_view(group.data()) == one.group ||
               std::string_view(group.data()) == one.name;
    });
    if (found == curves.end())
        throw KeyError(key.name + ": the curve is " + group.data() +
                       "; only P-256, P-384 and P-521 are supported");
    return *found;
}

// A number of the key, big-endian, in `size` bytes. With 0, in as many bytes as it has.
SecretString number(const Key& key, const char* param, std::size_t size) {
    BIGNUM* got = nullptr;
    if (EVP_PKEY_get_bn_param(key.pkey.get(), param, &got) != 1)
        throw KeyError(withReasons(key.name + ": the public half cannot be read"));
    const ossl::Bignum value(got);
    Bytes bytes(size != 0 ? size : static_cast<std::size_t>(BN_num_bytes(value.get())));
    if (BN_bn2binpad(value.get(), bytes.data(), static_cast<int>(bytes.size())) < 0)
        throw KeyError(key.name + ": the public half is malformed");
    return base64::encodeUrl(bytes);
}

} // namespace

std::string curve(const Key& key) {
    return curveOf(key).name;
}

Json from(const Key& key) {
    if (key.isRsa())
        return {{"kty", "RSA"},
                {"n", number(key, OSSL_PKEY_PARAM_RSA_N, 0)},
                {"e", number(key, OSSL_PKEY_PARAM_RSA_E, 0)}};
    if (!key.isEc())
        throw KeyError(key.name + ": the key is of type " +
                       EVP_PKEY_get0_type_name(key.pkey.get()) + "; only RSA and EC keys can wrap");
    const auto& found = curveOf(key);
    return {{"kty", "EC"},
            {"crv", found.name},
            {"x", number(key, OSSL_PKEY_PARAM_EC_PUB_X, found.size)},
            {"y", number(key, OSSL_PKEY_PARAM_EC_PUB_Y, found.size)}};
}

std::string canonical(const Key& key) {
    return std::string(std::string_view(from(key).dump()));
}

Key peer(const Json& value, const Key& other, const std::string& what) {
    const auto& wanted = curveOf(other);
    if (json::text(value, "kty", what) != "EC" || json::text(value, "crv", what) != wanted.name)
        throw Error(what + " is not on the curve of the key, " + wanted.name);
    const auto x = json::base64Url(value, "x", what);
    const auto y = json::base64Url(value, "y", what);
    if (x.size() != wanted.size || y.size() != wanted.size)
        throw Error(what + " does not have coordinates of " + std::to_string(wanted.size) +
                    " bytes");
    Bytes point{POINT_CONVERSION_UNCOMPRESSED};
    point.insert(point.end(), x.begin(), x.end());
    point.insert(point.end(), y.begin(), y.end());
    const std::array params{
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                         const_cast<char*>(wanted.group), 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
        OSSL_PARAM_construct_end()};
    const ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_name(other.library.get(), "EC", inSoftware));
    EVP_PKEY* made = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY,
                          const_cast<OSSL_PARAM*>(params.data())) != 1)
        throw Error(withReasons(what + " is not a point on " + wanted.name));
    return {other.library, ossl::Pkey(made), what};
}

std::string thumbprint(const Key& key) {
    try {
        const auto text = canonical(publicHalf(key));
        std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
        std::size_t size = 0;
        if (EVP_Q_digest(key.library.get(), "SHA256", inSoftware, text.data(), text.size(),
                         hash.data(), &size) != 1)
            return "";
        return std::string(std::string_view(base64::encodeUrl({hash.data(), size})));
    } catch (const KeyError&) {
        ERR_clear_error();
        return "";
    }
}

} // namespace p11::tools::jwk
