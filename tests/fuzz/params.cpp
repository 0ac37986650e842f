// SPDX-License-Identifier: Apache-2.0
// OSSL_PARAM arrays of every kind, given to everything that takes or answers them. An entry never
// claims more bytes than it has: that would be the application's mistake, and libcrypto's, too.
#include <array>
#include <memory>
#include <string>

#include <openssl/core_names.h>

#include "tests/fuzz/provider_instance.h"

namespace {

using fuzz::Input;
using fuzz::libctx;

constexpr std::array keys{OSSL_SIGNATURE_PARAM_DIGEST,
                          OSSL_SIGNATURE_PARAM_PROPERTIES,
                          OSSL_SIGNATURE_PARAM_PAD_MODE,
                          OSSL_SIGNATURE_PARAM_PSS_SALTLEN,
                          OSSL_SIGNATURE_PARAM_MGF1_DIGEST,
                          OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES,
                          OSSL_SIGNATURE_PARAM_ALGORITHM_ID,
                          OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL,
                          OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION,
                          OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION,
                          OSSL_PKEY_PARAM_BITS,
                          OSSL_PKEY_PARAM_SECURITY_BITS,
                          OSSL_PKEY_PARAM_MAX_SIZE,
                          OSSL_PKEY_PARAM_DEFAULT_DIGEST,
                          OSSL_PKEY_PARAM_MANDATORY_DIGEST,
                          OSSL_PKEY_PARAM_RSA_N,
                          OSSL_PKEY_PARAM_RSA_E,
                          OSSL_PKEY_PARAM_RSA_D,
                          OSSL_PKEY_PARAM_GROUP_NAME,
                          OSSL_PKEY_PARAM_PUB_KEY,
                          OSSL_PKEY_PARAM_PRIV_KEY,
                          OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                          OSSL_PKEY_PARAM_EC_PUB_X,
                          OSSL_PKEY_PARAM_EC_PUB_Y,
                          OSSL_PKEY_PARAM_EC_ENCODING,
                          OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                          OSSL_STORE_PARAM_EXPECT,
                          OSSL_STORE_PARAM_SUBJECT,
                          OSSL_STORE_PARAM_INPUT_TYPE,
                          OSSL_PROV_PARAM_NAME,
                          OSSL_PROV_PARAM_STATUS};
constexpr std::array<unsigned, 8> types{OSSL_PARAM_INTEGER,     OSSL_PARAM_UNSIGNED_INTEGER,
                                        OSSL_PARAM_UTF8_STRING, OSSL_PARAM_OCTET_STRING,
                                        OSSL_PARAM_UTF8_PTR,    OSSL_PARAM_OCTET_PTR,
                                        OSSL_PARAM_REAL,        99};
constexpr std::array<std::size_t, 8> sizes{4, 8, 0, 1, 3, 16, 300, 70000};
constexpr std::size_t longestArray = 8;

/// Whether libcrypto itself reads the array: it takes texts to end with a NUL byte, and data to be
/// there.
enum class Reader { provider, libcrypto };

/// An array with its data, each entry in a block of exactly its size.
class Params {
  public:
    Params(Input& input, Reader reader) : reader_(reader) {
        const std::size_t count = input.byte() % (longestArray + 1);
        for (std::size_t i = 0; i < count; ++i)
            add(input);
        params_.push_back(OSSL_PARAM_construct_end());
    }

    OSSL_PARAM* get() { return params_.data(); }

  private:
    void add(Input& input) {
        const unsigned char which = input.byte();
        std::string name;
        if (which < keys.size()) {
            name = keys[which];
        } else {
            const auto text = input.counted();
            name.assign(text.begin(), text.end());
        }
        const unsigned type = input.choice(types);
        const unsigned char size = input.byte();
        const auto bytes = input.counted();
        names_.push_back(std::make_unique<std::string>(name));
        OSSL_PARAM param{names_.back()->c_str(), type, nullptr, 0, OSSL_PARAM_UNMODIFIED};
        if (size == 255 && reader_ == Reader::provider) // no data, of any size
            param.data_size = input.number();
        else if (type == OSSL_PARAM_UTF8_PTR || type == OSSL_PARAM_OCTET_PTR)
            setPointer(param, bytes);
        else
            setData(param, bytes, size);
        params_.push_back(param);
    }

    // As many bytes as there are, or one of the sizes.
    void setData(OSSL_PARAM& param, std::span<const unsigned char> bytes, unsigned char choice) {
        const std::size_t size = choice == 0 ? bytes.size() : sizes[choice % sizes.size()];
        const bool ended =
            param.data_type == OSSL_PARAM_UTF8_STRING && reader_ == Reader::libcrypto;
        auto* data = block(size + (ended ? 1 : 0));
        std::copy_n(bytes.begin(), std::min(size, bytes.size()), data);
        param.data = data;
        param.data_size = size;
    }

    void setPointer(OSSL_PARAM& param, std::span<const unsigned char> bytes) {
        auto* text = block(bytes.size() + 1);
        std::copy(bytes.begin(), bytes.end(), text);
        pointers_.push_back(std::make_unique<void*>(text));
        param.data = pointers_.back().get();
        param.data_size = bytes.size();
    }

    unsigned char* block(std::size_t size) {
        blocks_.push_back(std::make_unique<unsigned char[]>(size));
        return blocks_.back().get();
    }

    Reader reader_;
    std::vector<OSSL_PARAM> params_;
    std::vector<std::unique_ptr<std::string>> names_;
    std::vector<std::unique_ptr<unsigned char[]>> blocks_;
    std::vector<std::unique_ptr<void*>> pointers_;
};

p11::ossl::Pkey loadKey(const char* path) {
    p11::ossl::Pkey key;
    fuzz::loadAll(fuzz::Run::uri(path), OSSL_STORE_INFO_PKEY,
                  [&key](OSSL_STORE_INFO* info) { key.reset(OSSL_STORE_INFO_get1_PKEY(info)); });
    return key;
}

p11::ossl::PkeyCtx contextOf(EVP_PKEY* key) {
    return p11::ossl::PkeyCtx(EVP_PKEY_CTX_new_from_pkey(libctx(), key, nullptr));
}

void setAndGet(EVP_PKEY_CTX* context, Input& input) {
    Params given(input, Reader::provider);
    EVP_PKEY_CTX_set_params(context, given.get());
    Params asked(input, Reader::provider);
    EVP_PKEY_CTX_get_params(context, asked.get());
    EVP_PKEY_CTX_settable_params(context);
    EVP_PKEY_CTX_gettable_params(context);
}

using Begin = int (*)(EVP_PKEY_CTX*, const OSSL_PARAM*);
using Finish = int (*)(EVP_PKEY_CTX*, unsigned char*, std::size_t*, const unsigned char*,
                       std::size_t);

template <Begin Init, Finish Run>
void operate(EVP_PKEY* key, Input& input) {
    const auto context = contextOf(key);
    Params params(input, Reader::provider);
    if (!context || Init(context.get(), params.get()) != 1)
        return;
    setAndGet(context.get(), input);
    std::size_t size = 0;
    const auto data = input.counted();
    if (Run(context.get(), nullptr, &size, data.data(), data.size()) != 1)
        return;
    std::vector<unsigned char> out(size);
    if (Run(context.get(), out.data(), &size, data.data(), data.size()) == 1)
        fuzz::require(size <= out.size());
}

void digestSign(EVP_PKEY* key, Input& input) {
    const p11::ossl::MdCtx context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    Params params(input, Reader::provider);
    if (EVP_DigestSignInit_ex(context.get(), &options, nullptr, libctx(), nullptr, key,
                              params.get()) != 1)
        return;
    setAndGet(options, input);
    std::array<unsigned char, 1024> out{};
    std::size_t size = out.size();
    EVP_DigestSign(context.get(), out.data(), &size, out.data(), input.byte());
}

void verify(EVP_PKEY* key, Input& input) {
    const auto context = contextOf(key);
    Params params(input, Reader::provider);
    if (!context || EVP_PKEY_verify_init_ex(context.get(), params.get()) != 1)
        return;
    setAndGet(context.get(), input);
    const auto signature = input.counted();
    const auto data = input.counted();
    EVP_PKEY_verify(context.get(), signature.data(), signature.size(), data.data(), data.size());
}

void useKeyParams(EVP_PKEY* key, Input& input) {
    Params asked(input, Reader::libcrypto);
    EVP_PKEY_get_params(key, asked.get());
    Params given(input, Reader::provider);
    EVP_PKEY_set_params(key, given.get());
}

constexpr std::array typeNames{"RSA", "RSA-PSS", "EC", "ED25519", "ED448"};

void import(EVP_PKEY*, Input& input) {
    const p11::ossl::PkeyCtx maker(
        EVP_PKEY_CTX_new_from_name(libctx(), input.choice(typeNames), "provider=pkcs11"));
    const int selection = input.byte() % 2 == 0 ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS;
    Params params(input, Reader::libcrypto);
    EVP_PKEY* made = nullptr;
    if (maker && EVP_PKEY_fromdata_init(maker.get()) == 1)
        EVP_PKEY_fromdata(maker.get(), &made, selection, params.get());
    const p11::ossl::Pkey key(made);
    if (key)
        useKeyParams(key.get(), input);
}

// RSA keys are not generated: that takes too long.
void generate(EVP_PKEY*, Input& input) {
    const char* type = input.choice(typeNames);
    const p11::ossl::PkeyCtx maker(EVP_PKEY_CTX_new_from_name(libctx(), type, "provider=pkcs11"));
    if (!maker || EVP_PKEY_keygen_init(maker.get()) != 1)
        return;
    Params params(input, Reader::libcrypto);
    EVP_PKEY_CTX_set_params(maker.get(), params.get());
    EVP_PKEY* made = nullptr;
    if (*type == 'E')
        EVP_PKEY_generate(maker.get(), &made);
    EVP_PKEY_free(made);
}

void openStore(EVP_PKEY*, Input& input) {
    Params params(input, Reader::provider);
    const p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(
        OSSL_STORE_open_ex(fuzz::Run::uri("").c_str(), libctx(), nullptr, nullptr, nullptr,
                           params.get(), nullptr, nullptr));
    while (store && OSSL_STORE_eof(store.get()) != 1)
        OSSL_STORE_INFO_free(OSSL_STORE_load(store.get()));
}

void askProvider(EVP_PKEY*, Input& input) {
    const p11::ossl::Provider provider(OSSL_PROVIDER_load(libctx(), "pkcs11"));
    Params params(input, Reader::provider);
    OSSL_PROVIDER_get_params(provider.get(), params.get());
}

constexpr std::array actions{digestSign,
                             operate<EVP_PKEY_sign_init_ex, EVP_PKEY_sign>,
                             operate<EVP_PKEY_decrypt_init_ex, EVP_PKEY_decrypt>,
                             operate<EVP_PKEY_encrypt_init_ex, EVP_PKEY_encrypt>,
                             operate<EVP_PKEY_verify_recover_init_ex, EVP_PKEY_verify_recover>,
                             verify,
                             useKeyParams,
                             import,
                             generate,
                             openStore,
                             askProvider};
constexpr std::array paths{"id=%01;type=private", "id=%02;type=private", "id=%03;type=private"};

} // namespace

// The module behaves; the input is the application's.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    Input input(data, size);
    const fuzz::Run run({});
    const auto action = input.choice(actions);
    const auto key = loadKey(input.choice(paths));
    fuzz::require(key != nullptr);
    action(key.get(), input);
    return 0;
}
