// SPDX-License-Identifier: Apache-2.0
// The keys that the differential test has on the token and in software.
#include "keys.h"

#include <array>
#include <map>

#include <openssl/core_names.h>

#include "tests/integration/new_keys.h"

namespace testing_support::differential {
namespace {

/// The primes of an RSA key, in hexadecimal. They are in no other use.
struct Primes {
    const char* p;
    const char* q;
};

// The modulus is smaller than a multiple of eight bits, and has one bit more than one (1025), too.
const std::map<std::string, Primes> primesOf{
    {"rsa1024",
     {"f462009ad16cbfea0b650a942ffee5c13c2c1a405fae914380a1f5c6133079a4661b663546d1476bfe0324d4"
      "4477c0b1562e005ceb377ff4a1a56c0cfe866f9b",
      "e75b87a36b312fc10233008e4aacfd24a194344a2b759903b80e74032e9a6cf069d8d6e34fad2c44a783efc7"
      "d37bf85f7d3a376372b6628f4048230f9a26351f"}},
    {"rsa1025",
     {"18252381ba9fe2c2d4a54d0bf55d4219f5239c3e84b21690ee3fb5ecb074bec97c5a0a472abbaa884fb4d330"
      "bde61ceae9392bd377e3e0f7043be8c6b1ffc8d0b",
      "f2b964f68943f7d9c9c9f347b8d0b71d505e9d598fedffd5f00d32a9871eb8e4d385ef1c3b79aad56e743e25"
      "bcddd3a1ee34bf5daf8a214d5d510cfea4408841"}},
    {"rsa1030",
     {"7edd5712a38a6cf85b4e63318cb4ddd1c0f0c24907694a6155b436fec50d4399493287b5601422a9ef838290"
      "932a2744ca32e62e4eea83eee5a281c03c700bbc5",
      "7197799612180f1fc2361004a766d300f69280259de57d0850a1669bc1531d522282f310c66574089a15be0f"
      "33f8554efd9a4e9a9869b19f4799c072296d82389"}},
    {"rsa2047",
     {"c005bc9e453d5caf74d37d4188ff2424421133353ad15f9ff25372d82ab29cd561498809b7fa0e4ae7e0ca70"
      "8d7467ebb155dfc3b70c53598848e4cbb62abade44ff35707bb68cfed0fc37e7a5793af7f5a8e9cf73a02d89"
      "7a0edac7c72f9468c856a537f3ff26c8c54f4008c51dfda27ec580fcf9482a2a4640dccd0aee9bc3",
      "6b57188f965286241f7e1245fa8966d75102f26a0cf5aaae54fe5126343144de4749737c899313e9d112000d"
      "15c932f19d89036f0abbffc36b3b76ad6fd03e2e8a77280f9503b3454a73abffb074c472c2b987e7b6aa2e96"
      "c2c682f933d294c4f8f108c864513ae93124c4d7647c3d97700098eb960b11828c65509556bf23ab"}},
    {"rsa2048",
     {"e6aca7a9bee842c80a5eed87375577aac1c5f5035e3d863b25191552805226d1f1fe090d0dcd837293447888"
      "7c80a9bf153174d02a4a8d93b7ddc193b984dad31d38e47906f5adbf71c09771e50dce7f4b2c71db9683fb23"
      "4a9f5ae50fceb567bc67f372b4b4a2d2e583a04853b27fff41375a9f9ee2dd935df25eb888a5fb63",
      "ca93f036f0198e00d5526d14d8007e4dc182f1d8a49f0305b18668bb5cb8e33ec8676551415a7868f6530938"
      "34c038abb183a1d724fc0b588dc3e503d492b6aae4a8e4f9531366e1d33dba82e7d48684ea9d5725e4aa41f7"
      "d3cc3350cb2a57eea4064c5172a92a7e9f25e0ec2689e08186ef9fc5311da53fa03b72b82fd45b3f"}},
    {"rsa3072",
     {"ef3dce58c7d3fe65f928cd8cdff5076d178b53d8a17794e310e7ec52ec6e90de4462fa6518c8f794687b6b2a"
      "209a5ce1645bb47b88d900b5f1409f18dbdf868c507be4c7638d2d240882a72ceed2135f1484e6424bb19de4"
      "8193c5a03a0edf3196e237aec8e6dfc21aefe841982e62b670dc3e2e0f66ff76b4d28599542bd1afedb8058d"
      "b7dbfdca97a39f5069d13457079c38969d573f92c64952f3a1f73971d5b857efdd53669176c85813bd37a29c"
      "f2631344ef3cb8c42329cf892316fe51",
      "dc6bbc51030cb63ddb536ba5ba11c82fd11a8bd721f91f3d043b08148d5c89486ea9705d64edcb41b2a30ece"
      "59c769d0f41849990fc8efce496d4dd83766503aa557b1c3ab3c19cf3b20d65526ea6fcc44d0b38204995238"
      "9724a3b2696b60fe7bcddf6be358ce6f106fb1712d9e7a1dfe54c6f7017bec64a225b79849d65a8adb149fc6"
      "ecf1e18b4c0071b9931713475d0011b62f0e32e57b3f3e2d1350cac50b6ac3d4b1fda42fa945d581756f80d0"
      "fd3ce5213b5cb9392e098f78db0db5ad"}},
};

using Numbers = std::map<const char*, p11::ossl::Bignum>;

p11::ossl::Bignum fromHex(const char* text) {
    BIGNUM* number = nullptr;
    EXPECT_NE(BN_hex2bn(&number, text), 0);
    return p11::ossl::Bignum(number);
}

p11::ossl::Bignum less(const BIGNUM* number) {
    p11::ossl::Bignum result(BN_dup(number));
    EXPECT_EQ(BN_sub_word(result.get(), 1), 1);
    return result;
}

using BignumCtx = p11::ossl::Owner<BN_CTX, BN_CTX_free>;

Numbers numbersOf(const Primes& primes) {
    const BignumCtx context(BN_CTX_new());
    auto p = fromHex(primes.p);
    auto q = fromHex(primes.q);
    auto e = fromHex("10001");
    const auto pLess = less(p.get());
    const auto qLess = less(q.get());
    const p11::ossl::Bignum order(BN_new());
    p11::ossl::Bignum n(BN_new());
    p11::ossl::Bignum dp(BN_new());
    p11::ossl::Bignum dq(BN_new());
    BN_mul(n.get(), p.get(), q.get(), context.get());
    BN_mul(order.get(), pLess.get(), qLess.get(), context.get());
    p11::ossl::Bignum d(BN_mod_inverse(nullptr, e.get(), order.get(), context.get()));
    BN_mod(dp.get(), d.get(), pLess.get(), context.get());
    BN_mod(dq.get(), d.get(), qLess.get(), context.get());
    p11::ossl::Bignum inverse(BN_mod_inverse(nullptr, q.get(), p.get(), context.get()));
    Numbers all;
    all[OSSL_PKEY_PARAM_RSA_N] = std::move(n);
    all[OSSL_PKEY_PARAM_RSA_E] = std::move(e);
    all[OSSL_PKEY_PARAM_RSA_D] = std::move(d);
    all[OSSL_PKEY_PARAM_RSA_FACTOR1] = std::move(p);
    all[OSSL_PKEY_PARAM_RSA_FACTOR2] = std::move(q);
    all[OSSL_PKEY_PARAM_RSA_EXPONENT1] = std::move(dp);
    all[OSSL_PKEY_PARAM_RSA_EXPONENT2] = std::move(dq);
    all[OSSL_PKEY_PARAM_RSA_COEFFICIENT1] = std::move(inverse);
    return all;
}

p11::ossl::Pkey fromData(const char* type, const p11::ossl::ParamBuilder& builder) {
    const p11::ossl::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    const p11::ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_name(defaultOnly(), type, nullptr));
    EVP_PKEY* key = nullptr;
    EXPECT_EQ(EVP_PKEY_fromdata_init(maker.get()), 1);
    EXPECT_EQ(EVP_PKEY_fromdata(maker.get(), &key, EVP_PKEY_KEYPAIR, params.get()), 1)
        << type << takeErrors();
    return p11::ossl::Pkey(key);
}

p11::ossl::Pkey rsaKey(const char* type, const Primes& primes) {
    const auto numbers = numbersOf(primes);
    const p11::ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    for (const auto& [name, number] : numbers)
        OSSL_PARAM_BLD_push_BN(builder.get(), name, number.get());
    return fromData(type, builder);
}

/// The private value: the same bytes for every key, less than every order.
Bytes privateValue(std::size_t size) {
    Bytes value(size);
    for (std::size_t i = 0; i < size; ++i)
        value[i] = static_cast<unsigned char>(i == 0 ? 0 : 11 * i + 5);
    return value;
}

p11::ossl::Pkey rawKey(const std::string& type) {
    const std::map<std::string, std::size_t> sizes{
        {"ED25519", 32}, {"ED448", 57}, {"X25519", 32}, {"X448", 56}};
    const auto value = privateValue(sizes.at(type));
    return p11::ossl::Pkey(EVP_PKEY_new_raw_private_key_ex(defaultOnly(), type.c_str(), nullptr,
                                                           value.data(), value.size()));
}

std::size_t valueSizeOf(const std::string& group) {
    const std::map<std::string, std::size_t> sizes{{"P-256", 32}, {"P-384", 48}, {"P-521", 66}};
    return sizes.at(group);
}

p11::ossl::Pkey makeKey(const std::string& name) {
    if (name == "rsapss")
        return rsaKey("RSA-PSS", primesOf.at("rsa2048"));
    if (const auto found = primesOf.find(name); found != primesOf.end())
        return rsaKey("RSA", found->second);
    return name.starts_with("P-") ? ecPair(name, privateValue(valueSizeOf(name))) : rawKey(name);
}

std::string labelOf(const std::string& name) {
    return "differential-" + name;
}

void bringToToken(const std::string& name) {
    static std::map<std::string, bool> there;
    if (std::exchange(there[name], true))
        return;
    const Instance instance;
    const auto usage = name.starts_with("P-")
                           ? Settings{{"pkcs11_key_usage", "digitalSignature keyAgreement"}}
                           : Settings{};
    EXPECT_TRUE(store(instance, softwareKey(name), place(labelOf(name)), usage))
        << name << takeErrors();
}

} // namespace

p11::ossl::Pkey ecPair(const std::string& group, const Bytes& value) {
    const p11::ossl::Owner<EC_GROUP, EC_GROUP_free> curve(
        EC_GROUP_new_by_curve_name(EC_curve_nist2nid(group.c_str())));
    const p11::ossl::Bignum number(
        BN_bin2bn(value.data(), static_cast<int>(value.size()), nullptr));
    const p11::ossl::Owner<EC_POINT, EC_POINT_free> point(EC_POINT_new(curve.get()));
    EXPECT_EQ(EC_POINT_mul(curve.get(), point.get(), number.get(), nullptr, nullptr, nullptr), 1);
    Bytes encoded(1 + 2 * ((static_cast<std::size_t>(EC_GROUP_get_degree(curve.get())) + 7) / 8));
    EXPECT_EQ(EC_POINT_point2oct(curve.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED,
                                 encoded.data(), encoded.size(), nullptr),
              encoded.size());
    const p11::ossl::ParamBuilder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.c_str(), 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, encoded.data(),
                                     encoded.size());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get());
    return fromData("EC", builder);
}

EVP_PKEY* softwareKey(const std::string& name) {
    static std::map<std::string, p11::ossl::Pkey> keys;
    auto& key = keys[name];
    if (!key)
        key = makeKey(name);
    EXPECT_TRUE(key) << name << takeErrors();
    return key.get();
}

EVP_PKEY* softwarePublic(const std::string& name) {
    static std::map<std::string, p11::ossl::Pkey> keys;
    auto& key = keys[name];
    if (!key)
        key = publicHalf(defaultOnly(), softwareKey(name));
    return key.get();
}

EVP_PKEY* TokenSide::key(const std::string& name) {
    auto& key = keys_[name];
    if (!key) {
        bringToToken(name);
        // Without a certificate beside it, a key that signs with PSS alone is an RSA key.
        key =
            load(instance_, uriOf(labelOf(name)) + (name == "rsapss" ? "&x-key-type=RSA-PSS" : ""));
    }
    return key.get();
}

} // namespace testing_support::differential
