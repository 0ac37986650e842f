// SPDX-License-Identifier: Apache-2.0
// ENGINE is deprecated since OpenSSL 3.0; it is what one of the peers is.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "bench/keys.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>

#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/engine.h>
#include <openssl/pem.h>
#include <openssl/store.h>

namespace bench {
namespace {

constexpr char pin[] = "1234";

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::abort();
}

void require(const char* function, CK_RV rv) {
    if (rv != CKR_OK)
        fail(std::string(function) + " answered " + std::to_string(rv));
}

// Edwards keys have a token of their own (make-tokens.sh).
std::string tokenOf(const std::string& label) {
    return label.starts_with("ed") ? "edwards" : "bench";
}

std::string uriOf(const std::string& label) {
    return "pkcs11:token=" + tokenOf(label) + ";object=" + label + ";type=private?pin-value=" + pin;
}

// A library context for each provider; they live as long as the process.
OSSL_LIB_CTX* contextOf(const std::string& folder) {
    static std::map<std::string, OSSL_LIB_CTX*> contexts;
    auto& context = contexts[folder];
    if (context == nullptr) {
        context = OSSL_LIB_CTX_new();
        OSSL_PROVIDER_set_default_search_path(context, folder.c_str());
        if (OSSL_PROVIDER_load(context, "default") == nullptr ||
            OSSL_PROVIDER_load(context, "pkcs11") == nullptr)
            fail("no provider in " + folder);
    }
    return context;
}

// What the provider calls itself.
std::string nameOf(const std::string& folder) {
    const p11::ossl::LibCtx context(OSSL_LIB_CTX_new());
    OSSL_PROVIDER_set_default_search_path(context.get(), folder.c_str());
    const p11::ossl::Provider provider(OSSL_PROVIDER_load(context.get(), "pkcs11"));
    char* name = nullptr;
    std::array params{OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_NAME, &name, 0),
                      OSSL_PARAM_construct_end()};
    if (!provider || OSSL_PROVIDER_get_params(provider.get(), params.data()) != 1)
        return "";
    return name;
}

ENGINE* engine() {
    static ENGINE* loaded = [] {
        ENGINE_load_dynamic();
        ENGINE* made = ENGINE_by_id("pkcs11");
        if (made == nullptr ||
            ENGINE_ctrl_cmd_string(made, "MODULE_PATH",
                                   environment("PKCS11_PROVIDER_MODULE").c_str(), 0) != 1 ||
            ENGINE_ctrl_cmd_string(made, "PIN", pin, 0) != 1 || ENGINE_init(made) != 1)
            return static_cast<ENGINE*>(nullptr);
        return made;
    }();
    return loaded;
}

CK_FUNCTION_LIST& functions() {
    static CK_FUNCTION_LIST* const list = [] {
        const auto path = environment("PKCS11_PROVIDER_MODULE");
        void* library = dlopen(path.c_str(), RTLD_NOW);
        if (library == nullptr)
            fail(dlerror());
        const auto getList =
            reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
        CK_FUNCTION_LIST* found = nullptr;
        require("C_GetFunctionList", getList(&found));
        CK_C_INITIALIZE_ARGS args{};
        args.flags = CKF_OS_LOCKING_OK;
        const CK_RV rv = found->C_Initialize(&args);
        if (rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
            require("C_Initialize", rv);
        return found;
    }();
    return *list;
}

CK_SLOT_ID slotOf(const std::string& token) {
    std::array<CK_SLOT_ID, 64> slots{};
    CK_ULONG count = slots.size();
    require("C_GetSlotList", functions().C_GetSlotList(CK_TRUE, slots.data(), &count));
    for (CK_ULONG i = 0; i < count; ++i) {
        CK_TOKEN_INFO info{};
        require("C_GetTokenInfo", functions().C_GetTokenInfo(slots.at(i), &info));
        if (std::memcmp(info.label, token.data(), token.size()) == 0)
            return slots.at(i);
    }
    fail("no token \"" + token + "\"");
}

} // namespace

std::string ownProvider() {
    return PROVIDER_FOLDER;
}

std::string latchsetProvider() {
    // Ours may be installed under the same file name.
    static const std::string found = [] {
        const auto given = environment("BENCH_PEER");
        const std::string folder = given.empty() ? OPENSSL_info(OPENSSL_INFO_MODULES_DIR) : given;
        const bool theirs = std::filesystem::exists(folder + "/pkcs11.so") &&
                            (!given.empty() || nameOf(folder) != nameOf(ownProvider()));
        return theirs ? folder : std::string();
    }();
    return found;
}

p11::ossl::Pkey providerKey(const std::string& folder, const std::string& label) {
    return providerKeyAt(folder, uriOf(label));
}

p11::ossl::Pkey providerKeyAt(const std::string& folder, const std::string& uri) {
    const p11::ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close> store(OSSL_STORE_open_ex(
        uri.c_str(), contextOf(folder), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr));
    if (!store || OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY) != 1)
        return nullptr;
    while (OSSL_STORE_eof(store.get()) != 1) {
        const p11::ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free> info(
            OSSL_STORE_load(store.get()));
        if (info)
            return p11::ossl::Pkey(OSSL_STORE_INFO_get1_PKEY(info.get()));
    }
    return nullptr;
}

p11::ossl::Pkey softwareKey(const std::string& label) {
    const p11::ossl::Bio file(
        BIO_new_file((environment("BENCH_TOKENS") + "/" + label + ".pem").c_str(), "r"));
    return p11::ossl::Pkey(PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr));
}

bool haveEngine() {
    return engine() != nullptr;
}

p11::ossl::Pkey engineKey(const std::string& label) {
    const std::string uri = "pkcs11:token=" + tokenOf(label) + ";object=" + label + ";type=private";
    return p11::ossl::Pkey(ENGINE_load_private_key(engine(), uri.c_str(), nullptr, nullptr));
}

RawKey::RawKey(const std::string& label) : label_(label) {
    // Threads begin together, and only the first of them finds the user not logged in.
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    require("C_OpenSession", functions().C_OpenSession(slotOf(tokenOf(label)), CKF_SERIAL_SESSION,
                                                       nullptr, nullptr, &session_));
    auto secret = std::to_array(pin);
    const CK_RV rv = functions().C_Login(
        session_, CKU_USER, reinterpret_cast<CK_UTF8CHAR_PTR>(secret.data()), secret.size() - 1);
    if (rv != CKR_USER_ALREADY_LOGGED_IN)
        require("C_Login", rv);
    handle_ = find();
}

RawKey::~RawKey() {
    functions().C_CloseSession(session_);
}

CK_OBJECT_HANDLE RawKey::find() {
    CK_OBJECT_CLASS type = CKO_PRIVATE_KEY;
    CK_BBOOL onToken = CK_TRUE; // no copy that a provider has made
    std::array filter{CK_ATTRIBUTE{CKA_CLASS, &type, sizeof type},
                      CK_ATTRIBUTE{CKA_TOKEN, &onToken, sizeof onToken},
                      CK_ATTRIBUTE{CKA_LABEL, label_.data(), label_.size()}};
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 0;
    require("C_FindObjectsInit",
            functions().C_FindObjectsInit(session_, filter.data(), filter.size()));
    require("C_FindObjects", functions().C_FindObjects(session_, &found, 1, &count));
    require("C_FindObjectsFinal", functions().C_FindObjectsFinal(session_));
    if (count != 1)
        fail("no private key \"" + label_ + "\"");
    return found;
}

void RawKey::findAgain() {
    const CK_OBJECT_HANDLE found = find();
    Bytes modulus(1024);
    Bytes exponent(16);
    Bytes id(256);
    std::array values{CK_ATTRIBUTE{CKA_MODULUS, modulus.data(), modulus.size()},
                      CK_ATTRIBUTE{CKA_PUBLIC_EXPONENT, exponent.data(), exponent.size()},
                      CK_ATTRIBUTE{CKA_ID, id.data(), id.size()}};
    require("C_GetAttributeValue",
            functions().C_GetAttributeValue(session_, found, values.data(), values.size()));
}

void RawKey::sign(CK_MECHANISM mechanism, std::span<unsigned char> data,
                  std::span<unsigned char> out) {
    CK_ULONG size = out.size();
    require("C_SignInit", functions().C_SignInit(session_, &mechanism, handle_));
    require("C_Sign", functions().C_Sign(session_, data.data(), data.size(), out.data(), &size));
}

void RawKey::decrypt(CK_MECHANISM mechanism, std::span<unsigned char> data,
                     std::span<unsigned char> out) {
    CK_ULONG size = out.size();
    require("C_DecryptInit", functions().C_DecryptInit(session_, &mechanism, handle_));
    require("C_Decrypt",
            functions().C_Decrypt(session_, data.data(), data.size(), out.data(), &size));
}

void RawKey::derive(std::span<unsigned char> point, std::span<unsigned char> out) {
    CK_ECDH1_DERIVE_PARAMS params{CKD_NULL, 0, nullptr, point.size(), point.data()};
    CK_MECHANISM mechanism{CKM_ECDH1_DERIVE, &params, sizeof params};
    CK_OBJECT_CLASS type = CKO_SECRET_KEY;
    CK_KEY_TYPE keyType = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ULONG size = out.size();
    std::array values{CK_ATTRIBUTE{CKA_CLASS, &type, sizeof type},
                      CK_ATTRIBUTE{CKA_KEY_TYPE, &keyType, sizeof keyType},
                      CK_ATTRIBUTE{CKA_TOKEN, &no, sizeof no},
                      CK_ATTRIBUTE{CKA_SENSITIVE, &no, sizeof no},
                      CK_ATTRIBUTE{CKA_EXTRACTABLE, &yes, sizeof yes},
                      CK_ATTRIBUTE{CKA_VALUE_LEN, &size, sizeof size}};
    CK_OBJECT_HANDLE secret = 0;
    require("C_DeriveKey", functions().C_DeriveKey(session_, &mechanism, handle_, values.data(),
                                                   values.size(), &secret));
    CK_ATTRIBUTE value{CKA_VALUE, out.data(), out.size()};
    require("C_GetAttributeValue", functions().C_GetAttributeValue(session_, secret, &value, 1));
    require("C_DestroyObject", functions().C_DestroyObject(session_, secret));
}

} // namespace bench
