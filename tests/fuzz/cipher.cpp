// SPDX-License-Identifier: Apache-2.0
// Calls of EVP's cipher functions in any order and with any sizes, with an AES key on a token
// (OpenSSL 3.5) and with the same bytes in OpenSSL's default provider. As long as both take a call
// they answer the same; the token's key may refuse what software takes, and not the other way
// round. After a refusal the two are no longer in the same state: then nothing but memory is
// watched until the next beginning.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <unistd.h>

#include "ossl/handles.h"
#include "ossl/newer_openssl.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/soft_token.h"
#include "tests/integration/newer.h"

extern "C" int OSSL_provider_init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in,
                                  const OSSL_DISPATCH** out, void** provctx);

namespace {

using fuzz::Input;
using fuzz::require;
using testing_support::newer;
using Bytes = std::vector<unsigned char>;
using Cipher = p11::ossl::Owner<EVP_CIPHER, EVP_CIPHER_free>;
using CipherCtx = p11::ossl::Owner<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

struct Skey;
const auto importSkey =
    newer<Skey*(OSSL_LIB_CTX*, const char*, const char*, int, const OSSL_PARAM*)>(
        "EVP_SKEY_import");
const auto initSkey = newer<int(EVP_CIPHER_CTX*, const EVP_CIPHER*, Skey*, const unsigned char*,
                                std::size_t, int, const OSSL_PARAM*)>("EVP_CipherInit_SKEY");

constexpr std::array ciphers{"AES-128-ECB",  "AES-256-ECB",     "AES-128-CBC", "AES-256-CBC",
                             "AES-128-CTR",  "AES-192-CTR",     "AES-128-GCM", "AES-256-GCM",
                             "AES-128-WRAP", "AES-256-WRAP-PAD"};
constexpr std::size_t mostCalls = 40;
constexpr int block = 16;
const Bytes keyBytes(32, 0x42);

bool isWrap(const EVP_CIPHER* cipher) {
    return EVP_CIPHER_get_mode(cipher) == EVP_CIPH_WRAP_MODE;
}

OSSL_LIB_CTX* withProvider() {
    const auto file =
        std::filesystem::temp_directory_path() / ("fuzz-" + std::to_string(getpid()) + ".cnf");
    setenv("PKCS11_PROVIDER_MODULE", fuzz::softToken().c_str(), 1);
    std::ofstream(file) << "openssl_conf = init\n[init]\nproviders = providers\n[providers]\n"
                           "default = on\npkcs11 = pkcs11_section\n[on]\nactivate = 1\n"
                           "[pkcs11_section]\nactivate = 1\npkcs11-symmetric-keys = 1\n";
    auto* context = OSSL_LIB_CTX_new();
    require(OSSL_PROVIDER_add_builtin(context, "pkcs11", OSSL_provider_init) == 1);
    require(OSSL_LIB_CTX_load_config(context, file.c_str()) == 1);
    std::filesystem::remove(file);
    return context;
}

OSSL_LIB_CTX* softwareAlone() {
    auto* context = OSSL_LIB_CTX_new();
    require(OSSL_PROVIDER_load(context, "default") != nullptr);
    return context;
}

/// A cipher of both, and the key on the token; made once, and kept.
struct Pair {
    explicit Pair(const char* name) {
        static auto* const token = withProvider();
        static auto* const software = softwareAlone();
        onToken.reset(EVP_CIPHER_fetch(token, name, "provider=pkcs11"));
        inSoftware.reset(EVP_CIPHER_fetch(software, name, nullptr));
        require(onToken && inSoftware);
        auto bytes = keyBytes;
        std::string uri = "pkcs11:token=fuzz?pin-value=1234";
        const auto size = static_cast<std::size_t>(EVP_CIPHER_get_key_length(inSoftware.get()));
        std::string usage = isWrap(inSoftware.get()) ? "keyEncipherment" : "dataEncipherment";
        const std::array params{
            OSSL_PARAM_construct_utf8_string("pkcs11_uri", uri.data(), 0),
            OSSL_PARAM_construct_utf8_string("pkcs11_key_usage", usage.data(), 0),
            OSSL_PARAM_construct_octet_string(OSSL_SKEY_PARAM_RAW_BYTES, bytes.data(), size),
            OSSL_PARAM_construct_end()};
        key = importSkey(token, "AES", "provider=pkcs11",
                         OSSL_SKEYMGMT_SELECT_PARAMETERS | OSSL_SKEYMGMT_SELECT_SECRET_KEY,
                         params.data());
        require(key != nullptr);
    }

    Cipher onToken;
    Cipher inSoftware;
    Skey* key = nullptr; // kept
};

const Pair& pairOf(std::size_t number) {
    static std::array<Pair*, ciphers.size()> made{};
    auto*& pair = made.at(number);
    if (pair == nullptr)
        pair = new Pair(ciphers.at(number));
    return *pair;
}

struct Answer {
    bool good = false;
    Bytes out;
};

/// One of the two contexts.
class Side {
  public:
    Side(const Pair& pair, bool onToken) : pair_(pair), onToken_(onToken) {}

    Answer begin(const Bytes& iv, int encrypts) {
        const auto* start = iv.empty() ? nullptr : iv.data();
        return {onToken_ ? initSkey(context(), pair_.onToken.get(), pair_.key, start, iv.size(),
                                    encrypts, nullptr) == 1
                         : EVP_CipherInit_ex2(context(), pair_.inSoftware.get(), keyBytes.data(),
                                              start, encrypts, nullptr) == 1,
                {}};
    }
    Answer beginAgain(const Bytes& iv, int encrypts) {
        return {EVP_CipherInit_ex2(context(), nullptr, nullptr, iv.empty() ? nullptr : iv.data(),
                                   encrypts, nullptr) == 1,
                {}};
    }
    // As much room as OpenSSL's manual asks for, and no byte more.
    Answer update(const Bytes& in) {
        Bytes out(in.size() + block);
        int size = 0;
        const bool good = EVP_CipherUpdate(context(), out.data(), &size, in.data(),
                                           static_cast<int>(in.size())) == 1;
        return cut(good, std::move(out), size);
    }
    // Software itself crashes in other modes than GCM and key wrap, which answers the size.
    Answer authenticate(const Bytes& in) {
        int size = 0;
        const auto mode = EVP_CIPHER_get_mode(pair_.inSoftware.get());
        if (!onToken_ && mode != EVP_CIPH_GCM_MODE && mode != EVP_CIPH_WRAP_MODE)
            return {in.empty(), {}};
        const bool good = EVP_CipherUpdate(context(), nullptr, &size, in.data(),
                                           static_cast<int>(in.size())) == 1;
        return {good, mode == EVP_CIPH_WRAP_MODE && good ? Bytes(static_cast<std::size_t>(size))
                                                         : Bytes()};
    }
    Answer finish() {
        Bytes out(block);
        int size = 0;
        const bool good = EVP_CipherFinal_ex(context(), out.data(), &size) == 1;
        return cut(good, std::move(out), size);
    }
    Answer tag(int which, Bytes value) {
        const bool good = EVP_CIPHER_CTX_ctrl(context(), which, static_cast<int>(value.size()),
                                              value.data()) == 1;
        return {good, which == EVP_CTRL_AEAD_GET_TAG ? std::move(value) : Bytes{}};
    }
    Answer setPadding(int padding) {
        return {EVP_CIPHER_CTX_set_padding(context(), padding) == 1, {}};
    }
    Answer goOnWithACopy() {
        CipherCtx copy(EVP_CIPHER_CTX_new());
        const bool good = EVP_CIPHER_CTX_copy(copy.get(), context()) == 1;
        if (good)
            context_ = std::move(copy);
        return {good, {}};
    }

  private:
    EVP_CIPHER_CTX* context() const { return context_.get(); }
    static Answer cut(bool good, Bytes out, int size) {
        if (!good)
            return {};
        require(size >= 0 && static_cast<std::size_t>(size) <= out.size());
        out.resize(static_cast<std::size_t>(size));
        return {true, std::move(out)};
    }

    const Pair& pair_;
    bool onToken_;
    CipherCtx context_{EVP_CIPHER_CTX_new()};
};

Bytes copied(std::span<const unsigned char> bytes) {
    return {bytes.begin(), bytes.end()};
}

/// The next call, read from the input.
class Call {
  public:
    /// `last` is what software gave last. It takes the place of missing data, since nobody guesses
    /// a wrapped key. SoftHSM wraps with the standard's IV alone.
    Call(Input& input, const EVP_CIPHER* cipher, const Bytes& last)
        : which_(input.byte() % names.size()), number_(input.byte()),
          data_(copied(input.bytes(number_))),
          iv_(isWrap(cipher) && number_ % 8 != 7
                  ? 0
                  : static_cast<std::size_t>(EVP_CIPHER_get_iv_length(cipher)),
              number_) {
        if (data_.empty())
            data_ = last;
    }

    bool begins() const { return which_ == 0; }
    /// Software keeps the other direction's key schedule when it is given no key.
    bool mayTurnRound() const { return which_ == 1 && direction() != -1; }
    const char* name() const { return names.at(which_); }
    Answer run(Side& side) const {
        switch (which_) {
        case 0:
            return side.begin(iv_, number_ % 2);
        case 1:
            return side.beginAgain(iv_, direction());
        case 2:
            return side.update(data_);
        case 3:
            return side.authenticate(data_);
        case 4:
            return side.finish();
        case 5:
            return side.tag(EVP_CTRL_AEAD_GET_TAG, Bytes(number_ % 20));
        case 6:
            return side.tag(EVP_CTRL_AEAD_SET_TAG, data_.empty() ? Bytes(1) : data_);
        case 7:
            return side.setPadding(number_ % 2);
        default:
            return side.goOnWithACopy();
        }
    }

  private:
    int direction() const { return number_ % 3 - 1; }

    static constexpr std::array names{"begin",        "begin again", "update",
                                      "authenticate", "final",       "get tag",
                                      "set tag",      "set padding", "copy"};
    std::size_t which_;
    unsigned char number_;
    Bytes data_;
    Bytes iv_;
};

void compare(Input& input) {
    const auto& pair = pairOf(input.byte() % ciphers.size());
    Bytes last;
    Side token(pair, true);
    Side software(pair, false);
    bool together = false;
    for (std::size_t i = 0; i < mostCalls && !input.empty(); ++i) {
        const Call call(input, pair.inSoftware.get(), last);
        together = (together || call.begins()) && !call.mayTurnRound();
        const auto mine = call.run(token);
        const auto theirs = call.run(software);
        if (together && mine.good && !(theirs.good && mine.out == theirs.out))
            std::fprintf(stderr, "call %zu (%s): software %s\n", i, call.name(),
                         theirs.good ? "gives something else" : "refuses");
        require(!together || !mine.good || (theirs.good && mine.out == theirs.out));
        together = together && mine.good;
        if (!theirs.out.empty())
            last = theirs.out;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (importSkey == nullptr) {
        std::puts("EVP_SKEY came with OpenSSL 3.5");
        std::exit(77);
    }
    Input input(data, size);
    compare(input);
    ERR_clear_error();
    return 0;
}
