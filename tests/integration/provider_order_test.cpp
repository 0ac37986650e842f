// SPDX-License-Identifier: Apache-2.0
// Being first among the providers changes nothing for keys in memory. The judge is OpenSSL: each
// case of a table runs in a library context without this provider, with it in the first place and
// in the last, and the answers, the errors and the bytes are the same.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "fixture.h"
#include "newer.h"

namespace {

using namespace testing_support;

/// What was asked, and what came of it.
class Journal {
  public:
    /// An answer, with the errors that came with it.
    bool note(const std::string& what, long answer) {
        text_ << what << " = " << answer;
        while (const auto code = ERR_get_error()) {
            const char* reason = ERR_reason_error_string(code);
            text_ << " [" << ERR_GET_LIB(code) << ": " << (reason != nullptr ? reason : "?") << "]";
        }
        text_ << "\n";
        return answer > 0;
    }
    void note(const std::string& what, const Bytes& data) {
        text_ << what << " = ";
        for (const unsigned byte : data)
            text_ << "0123456789abcdef"[byte >> 4] << "0123456789abcdef"[byte & 15];
        text_ << "\n";
    }
    void note(const std::string& what, const std::string& text) {
        text_ << what << " = " << text << "\n";
    }
    std::string text() const { return text_.str(); }

  private:
    std::ostringstream text_;
};

const Bytes message(100, 'm');
const Bytes hash(32, 'h');

OSSL_PARAM text(const char* name, const char* value) {
    return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value), 0);
}
OSSL_PARAM octets(const char* name, const Bytes& value) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<unsigned char*>(value.data()),
                                             value.size());
}

// -------------------------------------------------------------------------------------- keys

using Settings = std::vector<std::pair<const char*, const char*>>;

struct Maker {
    const char* name;
    const char* type;
    Settings settings;
};

const std::array makers{Maker{"RSA", "RSA", {{"rsa_keygen_bits", "1024"}}},
                        Maker{"PSS",
                              "RSA-PSS",
                              {{"rsa_keygen_bits", "1024"},
                               {"rsa_pss_keygen_md", "SHA256"},
                               {"rsa_pss_keygen_mgf1_md", "SHA256"},
                               {"rsa_pss_keygen_saltlen", "32"}}},
                        Maker{"EC", "EC", {{"ec_paramgen_curve", "P-256"}}},
                        Maker{"cofactor", "EC", {{"ec_paramgen_curve", "B-283"}}},
                        Maker{"ED25519", "ED25519", {}},
                        Maker{"ED448", "ED448", {}},
                        Maker{"X25519", "X25519", {}},
                        Maker{"X448", "X448", {}},
                        Maker{"DH", "DHX", {{"group", "dh_2048_256"}}},
                        Maker{"ML-DSA-44", "ML-DSA-44", {}},
                        Maker{"ML-KEM-512", "ML-KEM-512", {}}};

/// A pair that OpenSSL alone has made, in the forms in which applications get keys.
struct Material {
    const char* type = nullptr;
    ossl::Params pair, publicHalf;
    Bytes privateDer, publicDer;
};

template <typename Encode>
Bytes derOf(EVP_PKEY* key, Encode encode) {
    unsigned char* data = nullptr;
    const int size = encode(key, &data);
    Bytes der(data, data + std::max(size, 0));
    OPENSSL_free(data);
    return der;
}

Material make(const Maker& maker) {
    Material made;
    made.type = maker.type;
    const ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_name(defaultOnly(), maker.type, nullptr));
    EVP_PKEY* raw = nullptr;
    bool good = context && EVP_PKEY_keygen_init(context.get()) == 1;
    for (const auto& [name, value] : maker.settings)
        good = good && EVP_PKEY_CTX_ctrl_str(context.get(), name, value) == 1;
    good = good && EVP_PKEY_generate(context.get(), &raw) == 1;
    const ossl::Pkey key(raw);
    OSSL_PARAM* pair = nullptr;
    OSSL_PARAM* half = nullptr;
    if (good && EVP_PKEY_todata(raw, EVP_PKEY_KEYPAIR, &pair) == 1 &&
        EVP_PKEY_todata(raw, EVP_PKEY_PUBLIC_KEY, &half) == 1) {
        made.pair.reset(pair);
        made.publicHalf.reset(half);
        made.privateDer = derOf(raw, i2d_PrivateKey);
        made.publicDer = derOf(raw, i2d_PUBKEY);
    }
    EXPECT_TRUE(good || !context) << maker.name << ": " << takeErrors();
    ERR_clear_error();
    return made;
}

// Made once; RSA keys take their time. Without parameters where OpenSSL does not know the type.
const Material& material(const std::string& name, std::size_t number = 0) {
    static auto& all = *new std::map<std::pair<std::string, std::size_t>, Material>;
    const auto key = std::pair(name, number);
    if (const auto found = all.find(key); found != all.end())
        return found->second;
    const auto* maker = std::find_if(makers.begin(), makers.end(),
                                     [&](const Maker& one) { return name == one.name; });
    return all.emplace(key, make(*maker)).first->second;
}

/// How a key comes into the library context.
enum class Source { fromData, decoded };

class World {
  public:
    enum class Place { absent, first, last };
    World(Place place, Source source) : source_(source) {
        if (place != Place::absent)
            instance_.emplace(place == Place::first ? Order::providerFirst : Order::defaultFirst);
    }
    OSSL_LIB_CTX* libctx() const { return instance_ ? instance_->get() : defaultOnly(); }

    /// Throws where there is no key, which ends the case. So do the two below.
    static ossl::Pkey required(ossl::Pkey key) {
        if (!key)
            throw std::runtime_error("there is no key");
        return key;
    }

    ossl::Pkey pair(Journal& journal, const std::string& name, std::size_t number = 0) const {
        const auto& from = material(name, number);
        if (source_ == Source::fromData)
            return required(fromData(journal, from, EVP_PKEY_KEYPAIR, from.pair.get()));
        return required(decoded(from));
    }
    ossl::Pkey decoded(const Material& from) const {
        const auto* data = from.privateDer.data();
        return ossl::Pkey(d2i_AutoPrivateKey_ex(
            nullptr, &data, static_cast<long>(from.privateDer.size()), libctx(), nullptr));
    }
    ossl::Pkey publicHalf(Journal& journal, const std::string& name, std::size_t number = 0) const {
        const auto& from = material(name, number);
        if (source_ == Source::fromData)
            return required(fromData(journal, from, EVP_PKEY_PUBLIC_KEY, from.publicHalf.get()));
        const auto* data = from.publicDer.data();
        return required(ossl::Pkey(d2i_PUBKEY_ex(
            nullptr, &data, static_cast<long>(from.publicDer.size()), libctx(), nullptr)));
    }
    ossl::PkeyCtx context(EVP_PKEY* key) const {
        return ossl::PkeyCtx(EVP_PKEY_CTX_new_from_pkey(libctx(), key, nullptr));
    }

    ossl::Pkey fromData(Journal& journal, const Material& from, int selection,
                        OSSL_PARAM* params) const {
        const ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_name(libctx(), from.type, nullptr));
        EVP_PKEY* key = nullptr;
        journal.note("fromdata init", EVP_PKEY_fromdata_init(maker.get()));
        journal.note("fromdata", EVP_PKEY_fromdata(maker.get(), &key, selection, params));
        return ossl::Pkey(key);
    }

  private:
    Source source_;
    std::optional<Instance> instance_;
};

// -------------------------------------------------------------------------------- operations

std::string names(const OSSL_PARAM* list) {
    std::vector<std::string> all;
    for (; list != nullptr && list->key != nullptr; ++list)
        all.emplace_back(list->key);
    std::sort(all.begin(), all.end());
    std::string text;
    for (const auto& one : all)
        text += one + " ";
    return text;
}

/// What is set in a context before it is used.
using Options = std::vector<std::pair<const char*, const char*>>;

void set(Journal& journal, EVP_PKEY_CTX* context, const Options& options) {
    for (const auto& [name, value] : options)
        journal.note(std::string(name) + ":" + value, EVP_PKEY_CTX_ctrl_str(context, name, value));
}

struct OneShot {
    int (*init)(EVP_PKEY_CTX*);
    int (*run)(EVP_PKEY_CTX*, unsigned char*, std::size_t*, const unsigned char*, std::size_t);
};
constexpr OneShot signing{EVP_PKEY_sign_init, EVP_PKEY_sign};
constexpr OneShot recovering{EVP_PKEY_verify_recover_init, EVP_PKEY_verify_recover};
constexpr OneShot encrypting{EVP_PKEY_encrypt_init, EVP_PKEY_encrypt};
constexpr OneShot decrypting{EVP_PKEY_decrypt_init, EVP_PKEY_decrypt};

Bytes run(Journal& journal, const World& world, EVP_PKEY* key, const OneShot& how,
          const Options& options, const Bytes& input) {
    const auto context = world.context(key);
    if (!journal.note("init", how.init(context.get())))
        return {};
    journal.note("settable", names(EVP_PKEY_CTX_settable_params(context.get())));
    journal.note("gettable", names(EVP_PKEY_CTX_gettable_params(context.get())));
    set(journal, context.get(), options);
    std::size_t size = 0;
    journal.note("size", how.run(context.get(), nullptr, &size, input.data(), input.size()));
    Bytes out(std::max<std::size_t>(size, 1));
    out.resize(
        journal.note("run", how.run(context.get(), out.data(), &size, input.data(), input.size()))
            ? size
            : 0);
    return out;
}

void verify(Journal& journal, const World& world, EVP_PKEY* key, const Options& options,
            const Bytes& signature, const Bytes& tbs) {
    const auto context = world.context(key);
    journal.note("verify init", EVP_PKEY_verify_init(context.get()));
    set(journal, context.get(), options);
    journal.note("verify", EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                           tbs.data(), tbs.size()));
}

// With a message; `params` are given to init.
Bytes digestSign(Journal& journal, const World& world, EVP_PKEY* key, const char* digest,
                 const OSSL_PARAM* params, const Options& options) {
    const ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* keyContext = nullptr;
    if (!journal.note("digest sign init",
                      EVP_DigestSignInit_ex(context.get(), &keyContext, digest, world.libctx(),
                                            nullptr, key, params)))
        return {};
    set(journal, keyContext, options);
    std::size_t size = 0;
    journal.note("digest sign size",
                 EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()));
    Bytes signature(std::max<std::size_t>(size, 1));
    signature.resize(
        journal.note("digest sign", EVP_DigestSign(context.get(), signature.data(), &size,
                                                   message.data(), message.size()))
            ? size
            : 0);
    return signature;
}

void digestVerify(Journal& journal, const World& world, EVP_PKEY* key, const char* digest,
                  const OSSL_PARAM* params, const Options& options, const Bytes& signature) {
    const ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* keyContext = nullptr;
    if (!journal.note("digest verify init",
                      EVP_DigestVerifyInit_ex(context.get(), &keyContext, digest, world.libctx(),
                                              nullptr, key, params)))
        return;
    set(journal, keyContext, options);
    journal.note("digest verify",
                 EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                                  message.size()));
}

template <typename Print>
std::string printed(Print print, EVP_PKEY* key) {
    const ossl::Bio out(BIO_new(BIO_s_mem()));
    const int answer = print(out.get(), key, 0, nullptr);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    return std::to_string(answer) + " " + std::string(data, static_cast<std::size_t>(size));
}

std::string pem(EVP_PKEY* key, bool isPrivate) {
    const ossl::Bio out(BIO_new(BIO_s_mem()));
    const int answer =
        isPrivate ? PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr)
                  : PEM_write_bio_PUBKEY(out.get(), key);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    return std::to_string(answer) + " " + std::string(data, static_cast<std::size_t>(size));
}

void noteForms(Journal& journal, EVP_PKEY* key) {
    journal.note("private DER", derOf(key, i2d_PrivateKey));
    journal.note("public DER", derOf(key, i2d_PUBKEY));
    journal.note("private PEM", pem(key, true));
    journal.note("public PEM", pem(key, false));
    journal.note("private text", printed(EVP_PKEY_print_private, key));
    journal.note("public text", printed(EVP_PKEY_print_public, key));
    journal.note("parameter text", printed(EVP_PKEY_print_params, key));
    journal.note("errors", 0);
}

void noteData(Journal& journal, EVP_PKEY* key, int selection) {
    OSSL_PARAM* values = nullptr;
    journal.note("todata", EVP_PKEY_todata(key, selection, &values));
    const ossl::Params owner(values);
    std::map<std::string, Bytes> sorted;
    for (const auto* next = values; next != nullptr && next->key != nullptr; ++next) {
        const auto* data = static_cast<const unsigned char*>(next->data);
        sorted[next->key] = Bytes(data, data + next->data_size);
    }
    for (const auto& [name, value] : sorted)
        journal.note(name, value);
}

using Check = int(EVP_PKEY_CTX*);

void noteChecks(Journal& journal, const World& world, EVP_PKEY* key) {
    struct Row {
        const char* name;
        Check* check;
    };
    constexpr std::array checks{Row{"check", EVP_PKEY_check},
                                Row{"public check", EVP_PKEY_public_check},
                                Row{"quick public check", EVP_PKEY_public_check_quick},
                                Row{"private check", EVP_PKEY_private_check},
                                Row{"pairwise check", EVP_PKEY_pairwise_check},
                                Row{"parameter check", EVP_PKEY_param_check}};
    for (const auto& row : checks)
        journal.note(row.name, row.check(world.context(key).get()));
}

// ------------------------------------------------------------------------------------- cases

using Body = void (*)(Journal&, const World&);

void rsaSignatures(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto half = world.publicHalf(journal, "RSA");
    const Options sha256{{"digest", "SHA256"}};
    const std::array<Options, 5> all{
        sha256, Options{}, Options{{"rsa_padding_mode", "x931"}, {"digest", "SHA256"}},
        Options{{"rsa_padding_mode", "pss"}, {"digest", "SHA256"}, {"rsa_pss_saltlen", "0"}},
        Options{{"rsa_padding_mode", "pss"},
                {"digest", "SHA256"},
                {"rsa_mgf1_md", "SHA1"},
                {"rsa_pss_saltlen", "0"}}};
    for (const auto& options : all) {
        const auto signature = run(journal, world, pair.get(), signing, options, hash);
        journal.note("signature", signature);
        verify(journal, world, half.get(), options, signature, hash);
        verify(journal, world, pair.get(), options, signature, message);
        verify(journal, world, half.get(), options, Bytes(signature.size(), 1), hash);
        journal.note("recovered", run(journal, world, half.get(), recovering, options, signature));
    }
    const auto raw =
        run(journal, world, pair.get(), signing, {{"rsa_padding_mode", "none"}}, Bytes(128, 'r'));
    journal.note("raw", raw);
    verify(journal, world, half.get(), {{"rsa_padding_mode", "none"}}, raw, Bytes(128, 'r'));
}

void rsaRefusals(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto half = world.publicHalf(journal, "RSA");
    const std::array<Options, 8> all{
        Options{{"digest", "SHA512"}},
        Options{{"digest", "nosuch"}},
        Options{{"rsa_pss_saltlen", "20"}},
        Options{{"rsa_mgf1_md", "SHA1"}},
        Options{{"rsa_padding_mode", "oaep"}},
        Options{{"rsa_padding_mode", "pss"}, {"rsa_pss_saltlen", "-9"}},
        Options{{"rsa_padding_mode", "pss"}, {"digest", "SHA256"}, {"rsa_pss_saltlen", "9999"}},
        Options{{"rsa_padding_mode", "none"}}};
    for (const auto& options : all) {
        run(journal, world, pair.get(), signing, options, hash);
        verify(journal, world, half.get(), options, Bytes(128, 1), hash);
    }
    run(journal, world, half.get(), signing, {{"digest", "SHA256"}}, hash);
}

void rsaMessages(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto half = world.publicHalf(journal, "RSA");
    for (const char* digest : {"SHA256", "SHA3-256", "MD5-SHA1", "SHAKE128", "nosuch"}) {
        const auto signature = digestSign(journal, world, pair.get(), digest, nullptr, {});
        journal.note("signature", signature);
        digestVerify(journal, world, half.get(), digest, nullptr, {}, signature);
    }
    journal.note("default", digestSign(journal, world, pair.get(), nullptr, nullptr, {}));
    const Options pss{{"rsa_padding_mode", "pss"}, {"rsa_pss_saltlen", "digest"}};
    const auto signature = digestSign(journal, world, pair.get(), "SHA384", nullptr, pss);
    digestVerify(journal, world, half.get(), "SHA384", nullptr,
                 {{"rsa_padding_mode", "pss"}, {"rsa_pss_saltlen", "auto"}}, signature);
    digestVerify(journal, world, half.get(), "SHA384", nullptr,
                 {{"rsa_padding_mode", "pss"}, {"rsa_pss_saltlen", "20"}}, signature);
}

// EVP_PKEY_CTX_get_* before and after something is set, and the AlgorithmIdentifier.
void rsaContextParams(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto context = world.context(pair.get());
    journal.note("init", EVP_PKEY_sign_init(context.get()));
    for (const Options& options :
         {Options{}, Options{{"rsa_padding_mode", "pss"}}, Options{{"rsa_pss_saltlen", "max"}},
          Options{{"digest", "SHA384"}}, Options{{"rsa_pss_saltlen", "17"}}}) {
        set(journal, context.get(), options);
        int number = 77;
        journal.note("get padding", EVP_PKEY_CTX_get_rsa_padding(context.get(), &number));
        journal.note("padding", number);
        journal.note("get salt", EVP_PKEY_CTX_get_rsa_pss_saltlen(context.get(), &number));
        journal.note("salt", number);
        const EVP_MD* md = nullptr;
        journal.note("get md", EVP_PKEY_CTX_get_signature_md(context.get(), &md));
        journal.note("md", md != nullptr ? EVP_MD_get0_name(md) : "none");
        Bytes der(128);
        std::array params{octets("algorithm-id", der), OSSL_PARAM_construct_end()};
        journal.note("get id", EVP_PKEY_CTX_get_params(context.get(), params.data()));
        der.resize(std::min<std::size_t>(params[0].return_size, der.size()));
        journal.note("id", der);
    }
}

void pssLimits(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "PSS");
    const auto half = world.publicHalf(journal, "PSS");
    noteForms(journal, pair.get());
    noteData(journal, pair.get(), EVP_PKEY_KEYPAIR);
    for (const Options& options :
         {Options{}, Options{{"rsa_pss_saltlen", "20"}}, Options{{"rsa_pss_saltlen", "32"}},
          Options{{"rsa_pss_saltlen", "40"}}, Options{{"digest", "SHA1"}},
          Options{{"rsa_mgf1_md", "SHA512"}}, Options{{"rsa_padding_mode", "pkcs1"}},
          Options{{"rsa_pss_saltlen", "auto"}}, Options{{"rsa_pss_saltlen", "digest"}}}) {
        const auto signature = run(journal, world, pair.get(), signing, options, hash);
        verify(journal, world, half.get(), options, signature, hash);
        const auto made = digestSign(journal, world, pair.get(), "SHA256", nullptr, options);
        digestVerify(journal, world, half.get(), "SHA256", nullptr, options, made);
    }
    digestSign(journal, world, pair.get(), "SHA1", nullptr, {});
    digestVerify(journal, world, half.get(), "SHA1", nullptr, {}, Bytes(128, 1));
}

void rsaEncryption(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto half = world.publicHalf(journal, "RSA");
    journal.note("raw", run(journal, world, half.get(), encrypting, {{"rsa_padding_mode", "none"}},
                            Bytes(128, 'r')));
    for (const Options& options :
         {Options{}, Options{{"rsa_padding_mode", "oaep"}},
          Options{{"rsa_padding_mode", "oaep"}, {"rsa_oaep_md", "SHA256"}, {"rsa_mgf1_md", "SHA1"}},
          Options{{"rsa_padding_mode", "oaep"}, {"rsa_oaep_label", "0102"}},
          Options{{"rsa_pkcs1_implicit_rejection", "0"}}, Options{{"rsa_padding_mode", "x931"}},
          Options{{"rsa_padding_mode", "pss"}}}) {
        const auto ciphertext = run(journal, world, half.get(), encrypting, options, hash);
        journal.note("plaintext", run(journal, world, pair.get(), decrypting, options, ciphertext));
        run(journal, world, half.get(), encrypting, options, Bytes(128, 'l'));
        run(journal, world, pair.get(), decrypting, options, Bytes(3, 's'));
        // From OpenSSL 3.2 on, the substitute depends on key and ciphertext alone.
        journal.note("of nonsense",
                     run(journal, world, pair.get(), decrypting, options, Bytes(128, 'n')));
    }
    run(journal, world, half.get(), decrypting, {}, Bytes(128, 'n'));
}

void rsaTlsDecryption(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "RSA");
    const auto half = world.publicHalf(journal, "RSA");
    Bytes premaster(48, 'p');
    premaster[0] = premaster[1] = 3;
    const auto ciphertext = run(journal, world, half.get(), encrypting, {}, premaster);
    const auto context = world.context(pair.get());
    unsigned version = 0x0303;
    const std::array params{
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
        OSSL_PARAM_construct_end()};
    journal.note("init", EVP_PKEY_decrypt_init(context.get()));
    journal.note("padding",
                 EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_WITH_TLS_PADDING));
    Bytes out(48);
    std::size_t size = out.size();
    const auto decrypt = [&] {
        return EVP_PKEY_decrypt(context.get(), out.data(), &size, ciphertext.data(),
                                ciphertext.size());
    };
    journal.note("without version", decrypt());
    journal.note("version", EVP_PKEY_CTX_set_params(context.get(), params.data()));
    size = out.size();
    journal.note("decrypt", decrypt());
    journal.note("premaster", out);
}

void ecSignatures(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "EC");
    const auto half = world.publicHalf(journal, "EC");
    const auto signature = run(journal, world, pair.get(), signing, {{"digest", "SHA256"}}, hash);
    verify(journal, world, half.get(), {{"digest", "SHA256"}}, signature, hash);
    verify(journal, world, half.get(), {{"digest", "SHA256"}}, signature, message);
    verify(journal, world, half.get(), {}, Bytes(70, 1), hash);
    run(journal, world, half.get(), signing, {}, hash);
    run(journal, world, half.get(), recovering, {}, hash);
    const auto made = digestSign(journal, world, pair.get(), "SHA512", nullptr, {});
    digestVerify(journal, world, half.get(), "SHA512", nullptr, {}, made);
    digestSign(journal, world, pair.get(), "SHAKE256", nullptr, {});
}

// OpenSSL 3.2 and later.
void deterministicEcdsa(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "EC");
    const auto half = world.publicHalf(journal, "EC");
    const auto context = world.context(pair.get());
    unsigned kind = 1;
    const std::array params{OSSL_PARAM_construct_uint("nonce-type", &kind),
                            OSSL_PARAM_construct_end()};
    journal.note("init", EVP_PKEY_sign_init_ex(context.get(), params.data()));
    journal.note("set", EVP_PKEY_CTX_set_params(context.get(), params.data()));
    set(journal, context.get(), {{"digest", "SHA256"}});
    std::size_t size = 200;
    Bytes signature(size);
    journal.note("sign",
                 EVP_PKEY_sign(context.get(), signature.data(), &size, hash.data(), hash.size()));
    signature.resize(size);
    const bool isThere =
        names(EVP_PKEY_CTX_settable_params(context.get())).find("nonce-type") != std::string::npos;
    if (isThere)
        journal.note("signature", signature);
    verify(journal, world, half.get(), {}, signature, hash);
    if (isThere)
        journal.note("of message",
                     digestSign(journal, world, pair.get(), "SHA256", params.data(), {}));
}

void setText(Journal& journal, EVP_PKEY* key, const char* name, const char* value) {
    journal.note(std::string(name) + "=" + value, EVP_PKEY_set_utf8_string_param(key, name, value));
    std::array<char, 80> answer{};
    journal.note("get",
                 EVP_PKEY_get_utf8_string_param(key, name, answer.data(), answer.size(), nullptr));
    journal.note(name, std::string(answer.data()));
}

void ecForms(Journal& journal, const World& world) {
    for (const auto& key : {world.pair(journal, "EC"), world.publicHalf(journal, "EC")}) {
        noteForms(journal, key.get());
        for (const char* format : {"compressed", "hybrid", "nosuch", "uncompressed"}) {
            setText(journal, key.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, format);
            noteForms(journal, key.get());
            noteData(journal, key.get(), EVP_PKEY_PUBLIC_KEY);
        }
        setText(journal, key.get(), OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
        noteForms(journal, key.get());
        journal.note("without public",
                     EVP_PKEY_set_int_param(key.get(), OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, 0));
        noteForms(journal, key.get());
        journal.note("cofactor",
                     EVP_PKEY_set_int_param(key.get(), OSSL_PKEY_PARAM_USE_COFACTOR_ECDH, 1));
        noteData(journal, key.get(), EVP_PKEY_KEYPAIR);
        const ossl::Pkey copy(EVP_PKEY_dup(key.get()));
        noteForms(journal, copy.get());
        noteData(journal, copy.get(), EVP_PKEY_KEYPAIR);
    }
}

Bytes derive(Journal& journal, const World& world, EVP_PKEY* key, EVP_PKEY* peer,
             const Options& options, std::size_t room) {
    const auto context = world.context(key);
    if (!journal.note("init", EVP_PKEY_derive_init(context.get())))
        return {};
    journal.note("settable", names(EVP_PKEY_CTX_settable_params(context.get())));
    set(journal, context.get(), options);
    journal.note("early", EVP_PKEY_derive(context.get(), nullptr, &room));
    journal.note("peer", EVP_PKEY_derive_set_peer(context.get(), peer));
    std::size_t size = 0;
    journal.note("size", EVP_PKEY_derive(context.get(), nullptr, &size));
    journal.note("sizes", static_cast<long>(size));
    size = room;
    Bytes secret(200);
    journal.note("derive", EVP_PKEY_derive(context.get(), secret.data(), &size));
    secret.resize(std::min(size, secret.size()));
    return secret;
}

void ecAgreement(Journal& journal, const World& world) {
    for (const char* type : {"EC", "cofactor"}) {
        const auto mine = world.pair(journal, type);
        const auto theirs = world.publicHalf(journal, type, 1);
        for (const Options& options :
             {Options{}, Options{{"ecdh_cofactor_mode", "1"}}, Options{{"ecdh_cofactor_mode", "5"}},
              Options{{"ecdh_kdf_md", "SHA256"}}}) {
            const auto secret = derive(journal, world, mine.get(), theirs.get(), options, 100);
            journal.note("secret", secret);
        }
        journal.note("short", derive(journal, world, mine.get(), theirs.get(), {}, 5));
        const auto other = world.publicHalf(journal, type == std::string("EC") ? "cofactor" : "EC");
        derive(journal, world, mine.get(), other.get(), {}, 100);
        const auto stranger = world.publicHalf(journal, "X25519");
        derive(journal, world, mine.get(), stranger.get(), {}, 100);
    }
}

void ecAgreementWithKdf(Journal& journal, const World& world) {
    const auto mine = world.pair(journal, "EC");
    const auto theirs = world.publicHalf(journal, "EC", 1);
    journal.note("key", EVP_PKEY_set_int_param(mine.get(), OSSL_PKEY_PARAM_USE_COFACTOR_ECDH, 1));
    const auto context = world.context(mine.get());
    journal.note("init", EVP_PKEY_derive_init(context.get()));
    journal.note("mode", EVP_PKEY_CTX_get_ecdh_cofactor_mode(context.get()));
    journal.note("set mode", EVP_PKEY_CTX_set_ecdh_cofactor_mode(context.get(), 0));
    journal.note("mode", EVP_PKEY_CTX_get_ecdh_cofactor_mode(context.get()));
    journal.note("kdf", EVP_PKEY_CTX_set_ecdh_kdf_type(context.get(), EVP_PKEY_ECDH_KDF_X9_63));
    journal.note("md", EVP_PKEY_CTX_set_ecdh_kdf_md(context.get(), EVP_sha256()));
    journal.note("length", EVP_PKEY_CTX_set_ecdh_kdf_outlen(context.get(), 50));
    journal.note("ukm", EVP_PKEY_CTX_set0_ecdh_kdf_ukm(
                            context.get(),
                            static_cast<unsigned char*>(OPENSSL_memdup(hash.data(), hash.size())),
                            static_cast<int>(hash.size())));
    journal.note("peer", EVP_PKEY_derive_set_peer(context.get(), theirs.get()));
    const ossl::PkeyCtx copy(EVP_PKEY_CTX_dup(context.get()));
    for (auto* one : {context.get(), copy.get()}) {
        Bytes secret(50);
        std::size_t size = secret.size();
        journal.note("derive", EVP_PKEY_derive(one, secret.data(), &size));
        journal.note("secret", secret);
    }
}

void montgomeryAgreement(Journal& journal, const World& world) {
    for (const char* type : {"X25519", "X448"}) {
        const auto mine = world.pair(journal, type);
        const auto theirs = world.publicHalf(journal, type, 1);
        noteForms(journal, mine.get());
        journal.note("secret", derive(journal, world, mine.get(), theirs.get(), {}, 100));
        derive(journal, world, mine.get(), theirs.get(), {}, 5);
        const auto stranger = world.publicHalf(journal, "EC");
        derive(journal, world, mine.get(), stranger.get(), {}, 100);
    }
}

void montgomeryRawKeys(Journal& journal, const World& world) {
    for (const char* type : {"X25519", "ED25519"}) {
        const ossl::Pkey pair(EVP_PKEY_new_raw_private_key_ex(world.libctx(), type, nullptr,
                                                              hash.data(), hash.size()));
        noteForms(journal, pair.get());
        noteData(journal, pair.get(), EVP_PKEY_KEYPAIR);
        const ossl::Pkey half(EVP_PKEY_new_raw_public_key_ex(world.libctx(), type, nullptr,
                                                             hash.data(), hash.size()));
        noteForms(journal, half.get());
        const ossl::Pkey none(
            EVP_PKEY_new_raw_public_key_ex(world.libctx(), type, nullptr, hash.data(), 5));
        journal.note("short", none != nullptr ? 1 : 0);
        Bytes raw(32);
        std::size_t size = raw.size();
        journal.note("get", EVP_PKEY_get_raw_private_key(pair.get(), raw.data(), &size));
        journal.note("raw", raw);
        journal.note("get", EVP_PKEY_get_raw_private_key(half.get(), raw.data(), &size));
    }
}

void edwardsSignatures(Journal& journal, const World& world) {
    for (const char* type : {"ED25519", "ED448"}) {
        const auto pair = world.pair(journal, type);
        const auto half = world.publicHalf(journal, type);
        noteForms(journal, pair.get());
        const auto plain = digestSign(journal, world, pair.get(), nullptr, nullptr, {});
        journal.note("signature", plain);
        digestVerify(journal, world, half.get(), nullptr, nullptr, {}, plain);
        digestVerify(journal, world, half.get(), nullptr, nullptr, {}, Bytes(plain.size(), 1));
        digestSign(journal, world, half.get(), nullptr, nullptr, {});
        digestSign(journal, world, pair.get(), "SHA256", nullptr, {});
        run(journal, world, pair.get(), signing, {}, hash);
        run(journal, world, pair.get(), recovering, {}, hash);
        run(journal, world, pair.get(), encrypting, {}, hash);
        const ossl::MdCtx streamed(EVP_MD_CTX_new());
        journal.note("init", EVP_DigestSignInit_ex(streamed.get(), nullptr, nullptr, world.libctx(),
                                                   nullptr, pair.get(), nullptr));
        journal.note("update", EVP_DigestSignUpdate(streamed.get(), message.data(), 5));
    }
}

// OpenSSL 3.2 and later.
void edwardsInstances(Journal& journal, const World& world) {
    const auto pair = world.pair(journal, "ED25519");
    const auto half = world.publicHalf(journal, "ED25519");
    const Bytes context(9, 'c');
    for (const char* instance : {"Ed25519", "Ed25519ctx", "Ed25519ph", "nosuch"})
        for (const bool withContext : {false, true}) {
            const std::array params{text("instance", instance),
                                    withContext ? octets("context-string", context)
                                                : OSSL_PARAM_construct_end(),
                                    OSSL_PARAM_construct_end()};
            const auto signature =
                digestSign(journal, world, pair.get(), nullptr, params.data(), {});
            journal.note(instance, signature);
            digestVerify(journal, world, half.get(), nullptr, params.data(), {}, signature);
            digestVerify(journal, world, half.get(), nullptr, nullptr, {}, signature);
        }
}

void everyKeyIsAsked(Journal& journal, const World& world) {
    for (const auto& maker : makers) {
        if (!material(maker.name).pair)
            continue; // no such keys in this OpenSSL
        const auto pair = world.pair(journal, maker.name);
        const auto half = world.publicHalf(journal, maker.name);
        const auto other = world.publicHalf(journal, maker.name, 1);
        for (auto* key : {pair.get(), half.get()}) {
            noteForms(journal, key);
            for (const int selection :
                 {EVP_PKEY_KEYPAIR, EVP_PKEY_PUBLIC_KEY, EVP_PKEY_KEY_PARAMETERS})
                noteData(journal, key, selection);
            noteChecks(journal, world, key);
            journal.note("bits", EVP_PKEY_get_bits(key));
            journal.note("security", EVP_PKEY_get_security_bits(key));
            journal.note("size", EVP_PKEY_get_size(key));
            journal.note("id", EVP_PKEY_get_id(key));
            journal.note("name", EVP_PKEY_get0_type_name(key));
            journal.note("signs", EVP_PKEY_can_sign(key));
            std::array<char, 80> digest{};
            journal.note("default digest",
                         EVP_PKEY_get_default_digest_name(key, digest.data(), digest.size()));
            journal.note("digest", std::string(digest.data()));
            journal.note("missing", EVP_PKEY_missing_parameters(key));
            const ossl::Pkey copy(EVP_PKEY_dup(key));
            journal.note("dup", copy != nullptr ? 1 : 0);
            noteData(journal, copy.get(), EVP_PKEY_KEYPAIR);
            journal.note("eq copy", EVP_PKEY_eq(key, copy.get()));
            journal.note("eq half", EVP_PKEY_eq(key, half.get()));
            journal.note("half eq", EVP_PKEY_eq(half.get(), key));
            journal.note("eq other", EVP_PKEY_eq(key, other.get()));
            journal.note("parameters eq", EVP_PKEY_parameters_eq(key, other.get()));
            BIGNUM* number = nullptr;
            for (const char* name : {"n", "e", "d", "rsa-factor1", "priv", "qx", "p"}) {
                journal.note(name, EVP_PKEY_get_bn_param(key, name, &number));
                if (number != nullptr)
                    journal.note(name, std::string(BN_is_odd(number) != 0 ? "odd" : "even"));
                BN_clear_free(number);
                number = nullptr;
            }
        }
    }
}

int countProgress(EVP_PKEY_CTX* context) {
    ++*static_cast<int*>(EVP_PKEY_CTX_get_app_data(context));
    return 1;
}

void generation(Journal& journal, const World& world) {
    struct Row {
        const char* type;
        Options options;
    };
    const std::array rows{
        Row{"RSA", {{"rsa_keygen_bits", "512"}, {"rsa_keygen_pubexp", "3"}}},
        Row{"RSA", {{"rsa_keygen_bits", "5"}}},
        Row{"RSA", {{"rsa_keygen_primes", "99"}}},
        Row{"RSA-PSS", {{"rsa_keygen_bits", "512"}, {"rsa_pss_keygen_md", "nosuch"}}},
        Row{"EC", {{"group", "P-256"}, {"point-format", "compressed"}}},
        Row{"EC", {{"group", "P-384"}, {"encoding", "explicit"}}},
        Row{"EC", {{"group", "nosuch"}}},
        Row{"EC", {}},
        Row{"ED25519", {}},
        Row{"X448", {{"nosuch", "1"}}}};
    for (const auto& row : rows) {
        const ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_name(world.libctx(), row.type, nullptr));
        journal.note("init", EVP_PKEY_keygen_init(context.get()));
        set(journal, context.get(), row.options);
        int steps = 0;
        EVP_PKEY_CTX_set_app_data(context.get(), &steps);
        EVP_PKEY_CTX_set_cb(context.get(), countProgress);
        EVP_PKEY* raw = nullptr;
        journal.note("generate", EVP_PKEY_generate(context.get(), &raw));
        const ossl::Pkey key(raw);
        journal.note("progress", steps > 0 ? 1 : 0);
        if (!key)
            continue;
        // OpenSSL's own encoders forget the format with which a key was generated, but only until
        // it comes to another provider, as it does here.
        if (row.options.size() < 2 || row.options[1].first != std::string("point-format"))
            journal.note("public size", static_cast<long>(derOf(raw, i2d_PUBKEY).size()));
        journal.note("bits", EVP_PKEY_get_bits(raw));
        noteChecks(journal, world, raw);
        std::array<char, 80> format{};
        EVP_PKEY_get_utf8_string_param(raw, "point-format", format.data(), format.size(), nullptr);
        journal.note("format", std::string(format.data()));
        journal.note("errors", 0);
    }
}

void parameters(Journal& journal, const World& world) {
    const ossl::PkeyCtx context(EVP_PKEY_CTX_new_from_name(world.libctx(), "EC", nullptr));
    EVP_PKEY* raw = nullptr;
    journal.note("init", EVP_PKEY_paramgen_init(context.get()));
    journal.note("group", EVP_PKEY_CTX_set_group_name(context.get(), "P-521"));
    journal.note("paramgen", EVP_PKEY_paramgen(context.get(), &raw));
    const ossl::Pkey group(raw);
    noteForms(journal, group.get());
    noteData(journal, group.get(), EVP_PKEY_KEY_PARAMETERS);
    noteChecks(journal, world, group.get());
    const auto maker = world.context(group.get());
    EVP_PKEY* made = nullptr;
    journal.note("keygen init", EVP_PKEY_keygen_init(maker.get()));
    journal.note("keygen", EVP_PKEY_keygen(maker.get(), &made));
    const ossl::Pkey key(made);
    journal.note("eq", EVP_PKEY_parameters_eq(group.get(), key.get()));
    journal.note("bits", EVP_PKEY_get_bits(key.get()));
    const ossl::Pkey copy(EVP_PKEY_new());
    journal.note("copy", EVP_PKEY_copy_parameters(copy.get(), key.get()));
    unsigned char* point = nullptr;
    const auto size = EVP_PKEY_get1_encoded_public_key(key.get(), &point);
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(
        point, [](unsigned char* data) { OPENSSL_free(data); });
    journal.note("set", EVP_PKEY_set1_encoded_public_key(copy.get(), point, size));
    journal.note("eq", EVP_PKEY_eq(copy.get(), key.get()));
    journal.note("bad", EVP_PKEY_set1_encoded_public_key(copy.get(), point, 5));
}

// What EVP_PKEY_fromdata refuses.
void nonsense(Journal& journal, const World& world) {
    for (const char* type : {"RSA", "RSA-PSS", "EC", "ED25519", "X25519"}) {
        Material from;
        from.type = type;
        const Bytes data(5, 'd');
        std::array empty{OSSL_PARAM_construct_end()};
        std::array wrong{octets("pub", data), text("group", "nosuch"), text("n", "x"),
                         OSSL_PARAM_construct_end()};
        std::array half{text("group", "P-256"), octets("priv", data), OSSL_PARAM_construct_end()};
        for (auto* params : {empty.data(), wrong.data(), half.data()})
            for (const int selection :
                 {EVP_PKEY_KEYPAIR, EVP_PKEY_PUBLIC_KEY, EVP_PKEY_KEY_PARAMETERS}) {
                const auto key = world.fromData(journal, from, selection, params);
                journal.note("made", key != nullptr ? 1 : 0);
            }
    }
}

void certificates(Journal& journal, const World& world) {
    const auto certificate = certificateFromFile(world.libctx(), "rsa");
    EVP_PKEY* key = X509_get0_pubkey(certificate.get());
    ASSERT_NE(key, nullptr);
    noteForms(journal, key);
    journal.note("verify", X509_verify(certificate.get(), key));
    run(journal, world, key, recovering, {{"rsa_padding_mode", "x931"}}, Bytes(256, 1));
    const auto pair = privateKeyFromFile(world.libctx(), "rsa");
    journal.note("check", X509_check_private_key(certificate.get(), pair.get()));
    const auto other = world.pair(journal, "RSA");
    journal.note("check", X509_check_private_key(certificate.get(), other.get()));
    const auto edwards = world.pair(journal, "ED25519");
    const ossl::Certificate copy(X509_dup(certificate.get()));
    journal.note("set", X509_set_pubkey(copy.get(), edwards.get()));
    journal.note("sign", X509_sign(copy.get(), edwards.get(), nullptr));
    journal.note("verify", X509_verify(copy.get(), edwards.get()));
}

// EVP_PKEY_sign_message_* of OpenSSL 3.4 and later, with algorithms that have their digest.
void namedAlgorithms(Journal& journal, const World& world) {
    using Init = int(EVP_PKEY_CTX*, EVP_SIGNATURE*, const OSSL_PARAM*);
    auto* signInit = newer<Init>("EVP_PKEY_sign_message_init");
    auto* verifyInit = newer<Init>("EVP_PKEY_verify_message_init");
    for (const auto& [name, type] :
         {std::pair("RSA-SHA256", "RSA"), std::pair("ECDSA-SHA256", "EC"),
          std::pair("ED25519", "ED25519"), std::pair("RSA-SHA256", "EC")}) {
        const auto pair = world.pair(journal, type);
        const auto half = world.publicHalf(journal, type);
        const ossl::Owner<EVP_SIGNATURE, EVP_SIGNATURE_free> algorithm(
            EVP_SIGNATURE_fetch(world.libctx(), name, nullptr));
        auto context = world.context(pair.get());
        if (!journal.note("init", signInit(context.get(), algorithm.get(), nullptr)))
            continue;
        std::size_t size = 300;
        Bytes signature(size);
        journal.note("sign", EVP_PKEY_sign(context.get(), signature.data(), &size, message.data(),
                                           message.size()));
        signature.resize(size);
        if (name != std::string("ECDSA-SHA256"))
            journal.note("signature", signature);
        context = world.context(half.get());
        journal.note("init", verifyInit(context.get(), algorithm.get(), nullptr));
        journal.note("verify", EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                               message.data(), message.size()));
    }
}

// OpenSSL 3.5 and later.
void postQuantum(Journal& journal, const World& world) {
    const auto signer = world.pair(journal, "ML-DSA-44");
    const auto verifier = world.publicHalf(journal, "ML-DSA-44");
    int yes = 1;
    const Bytes context(9, 'c');
    const std::array params{OSSL_PARAM_construct_int("deterministic", &yes),
                            octets("context-string", context), OSSL_PARAM_construct_end()};
    const auto signature = digestSign(journal, world, signer.get(), nullptr, params.data(), {});
    journal.note("signature", signature);
    digestVerify(journal, world, verifier.get(), nullptr, params.data(), {}, signature);
    digestVerify(journal, world, verifier.get(), nullptr, nullptr, {}, signature);
    const std::array mu{OSSL_PARAM_construct_int("mu", &yes), OSSL_PARAM_construct_end()};
    digestSign(journal, world, signer.get(), nullptr, mu.data(), {});

    const auto receiver = world.pair(journal, "ML-KEM-512");
    const auto sender = world.publicHalf(journal, "ML-KEM-512");
    const std::array ikme{octets("ikme", hash), OSSL_PARAM_construct_end()};
    const auto sending = world.context(sender.get());
    journal.note("encapsulate init", EVP_PKEY_encapsulate_init(sending.get(), ikme.data()));
    Bytes ciphertext(2000);
    Bytes secret(32);
    std::size_t size = ciphertext.size();
    std::size_t secretSize = secret.size();
    journal.note("encapsulate", EVP_PKEY_encapsulate(sending.get(), ciphertext.data(), &size,
                                                     secret.data(), &secretSize));
    ciphertext.resize(size);
    journal.note("ciphertext", ciphertext);
    journal.note("secret", secret);
    const auto receiving = world.context(receiver.get());
    journal.note("decapsulate init", EVP_PKEY_decapsulate_init(receiving.get(), nullptr));
    journal.note("decapsulate", EVP_PKEY_decapsulate(receiving.get(), secret.data(), &secretSize,
                                                     ciphertext.data(), ciphertext.size()));
    journal.note("secret", secret);
    journal.note("short", EVP_PKEY_decapsulate(receiving.get(), secret.data(), &secretSize,
                                               ciphertext.data(), 5));
}

// A key of each source beside one of the other.
void mixedSources(Journal& journal, const World& world) {
    for (const auto& maker : makers) {
        const auto& from = material(maker.name);
        if (!from.pair)
            continue; // no such keys in this OpenSSL
        const auto mine =
            World::required(world.fromData(journal, from, EVP_PKEY_KEYPAIR, from.pair.get()));
        const auto half = World::required(
            world.fromData(journal, from, EVP_PKEY_PUBLIC_KEY, from.publicHalf.get()));
        const auto decoded = world.decoded(from);
        const auto other = world.decoded(material(maker.name, 1));
        for (auto* key : {mine.get(), half.get()}) {
            journal.note("eq", EVP_PKEY_eq(key, decoded.get()));
            journal.note("eq", EVP_PKEY_eq(decoded.get(), key));
            journal.note("other", EVP_PKEY_eq(key, other.get()));
            journal.note("other", EVP_PKEY_eq(other.get(), key));
            journal.note("parameters", EVP_PKEY_parameters_eq(key, other.get()));
            journal.note("parameters", EVP_PKEY_parameters_eq(other.get(), key));
            const ossl::Pkey copy(EVP_PKEY_new());
            journal.note("copy", EVP_PKEY_copy_parameters(copy.get(), key));
        }
        journal.note("secret", derive(journal, world, mine.get(), other.get(), {}, 200));
        journal.note("secret", derive(journal, world, other.get(), half.get(), {}, 200));
    }
}

struct Case {
    const char* name;
    Body body;
};

constexpr std::array cases{Case{"RsaSignatures", rsaSignatures},
                           Case{"RsaRefusals", rsaRefusals},
                           Case{"RsaMessages", rsaMessages},
                           Case{"RsaContextParameters", rsaContextParams},
                           Case{"PssLimits", pssLimits},
                           Case{"RsaEncryption", rsaEncryption},
                           Case{"RsaTlsDecryption", rsaTlsDecryption},
                           Case{"EcSignatures", ecSignatures},
                           Case{"DeterministicEcdsa", deterministicEcdsa},
                           Case{"EcForms", ecForms},
                           Case{"EcAgreement", ecAgreement},
                           Case{"EcAgreementWithKdf", ecAgreementWithKdf},
                           Case{"MontgomeryAgreement", montgomeryAgreement},
                           Case{"RawKeys", montgomeryRawKeys},
                           Case{"EdwardsSignatures", edwardsSignatures},
                           Case{"EdwardsInstances", edwardsInstances},
                           Case{"EveryKeyIsAsked", everyKeyIsAsked},
                           Case{"MixedSources", mixedSources},
                           Case{"Generation", generation},
                           Case{"Parameters", parameters},
                           Case{"Nonsense", nonsense},
                           Case{"Certificates", certificates}};
// With an older OpenSSL there is nothing to compare.
std::vector<Case> newerCases() {
    const ossl::Owner<EVP_KEYMGMT, EVP_KEYMGMT_free> known(
        EVP_KEYMGMT_fetch(defaultOnly(), "ML-DSA-44", nullptr));
    ERR_clear_error();
    std::vector<Case> all;
    if (newer<void()>("EVP_PKEY_sign_message_init") != nullptr)
        all.push_back({"NamedAlgorithms", namedAlgorithms});
    if (known)
        all.push_back({"PostQuantum", postQuantum});
    return all;
}

void PrintTo(const Case& one, std::ostream* out) {
    *out << one.name;
}

class ProviderOrder : public ::testing::TestWithParam<Case> {};

std::string journalOf(const Case& one, World::Place place, Source source) {
    ERR_clear_error();
    Journal journal;
    const World world(place, source);
    one.body(journal, world);
    return journal.text();
}

TEST_P(ProviderOrder, ChangesNothingForKeysInMemory) {
    for (const auto source : {Source::fromData, Source::decoded}) {
        const auto expected = journalOf(GetParam(), World::Place::absent, source);
        EXPECT_FALSE(expected.empty());
        EXPECT_EQ(journalOf(GetParam(), World::Place::first, source), expected) << "first";
        EXPECT_EQ(journalOf(GetParam(), World::Place::last, source), expected) << "last";
    }
}

const auto nameOf = [](const auto& given) { return std::string(given.param.name); };
INSTANTIATE_TEST_SUITE_P(Every, ProviderOrder, ::testing::ValuesIn(cases), nameOf);
INSTANTIATE_TEST_SUITE_P(Newer, ProviderOrder, ::testing::ValuesIn(newerCases()), nameOf);

} // namespace
