// SPDX-License-Identifier: Apache-2.0
// Encoders for private keys: a reference by URI, and a text. Key material never leaves the token.
// OpenSSL's own encoders write public parts, which they get from this file. An export cannot carry
// all of them (the parameters of an RSA key, a point without its curve), or is forbidden
// (pkcs11-module-allow-export).
#include <array>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/encoder.h>

#include "keymgmt/public_parts.h"
#include "keymgmt/reference.h"
#include "ossl/algorithms.h"
#include "ossl/dispatch.h"
#include "ossl/params.h"
#include "store/key_uri.h"

namespace p11::store {
namespace {

constexpr const char* publicStructure = "SubjectPublicKeyInfo";
constexpr const char* typeSpecificStructure = "type-specific";
constexpr const char* pkcs1Structure = "pkcs1";

enum class Form { pem, der, text };

constexpr const char* nameOf(Form form) {
    return form == Form::text ? "TEXT" : form == Form::pem ? "PEM" : "DER";
}

struct Encoder {
    ossl::ProviderContext& context;
    std::string cipher; ///< asked for by the application, for keys in memory
};

Encoder& encoderOf(void* ctx) {
    return *static_cast<Encoder*>(ctx);
}

void* newContext(void* provctx) {
    auto& context = ossl::ProviderContext::from(provctx);
    return ossl::guarded<void*>(context.core(), nullptr, [&] { return new Encoder{context, {}}; });
}

void freeContext(void* ctx) {
    delete &encoderOf(ctx);
}

int setParams(void* ctx, const OSSL_PARAM params[]) {
    return ossl::guarded(encoderOf(ctx).context.core(), 0, [&] {
        if (const auto cipher = ossl::textOf(params, OSSL_ENCODER_PARAM_CIPHER))
            encoderOf(ctx).cipher = *cipher;
        return 1;
    });
}

const OSSL_PARAM* settableParams(void*) {
    static const std::array list{ossl::textParam(OSSL_ENCODER_PARAM_CIPHER),
                                 ossl::textParam(OSSL_ENCODER_PARAM_PROPERTIES),
                                 ossl::endOfParams()};
    return list.data();
}

// With a selection of 0 OpenSSL asks before it knows the selection. This encoder is for private
// keys.
int takesPrivate(void*, int selection) {
    return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? 1 : 0;
}

int takesAnything(void*, int) {
    return 1;
}

int takesPublic(void*, int selection) {
    return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? 1 : 0;
}

int takesParameters(void*, int selection) {
    return selection != 0 && (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0 ? 1 : 0;
}

// Two lines that scripts search for: "PKCS11 RSA Private Key (2048 bits)" and "URI pkcs11:...". The
// public half of a private key has no URI of its own.
int writeHead(BIO* out, const keymgmt::Key& key, bool isPrivateHalf, EVP_PKEY* sized) {
    std::string head = std::string("PKCS11 ") + keymgmt::nameOf(key.type()) +
                       (isPrivateHalf ? " Private Key" : " Public Key");
    if (sized != nullptr)
        head += " (" + std::to_string(EVP_PKEY_get_bits(sized)) + " bits)";
    head += '\n';
    if (key.isPrivate() == isPrivateHalf)
        head += "URI " + key.uri() + '\n';
    return BIO_write(out, head.data(), static_cast<int>(head.size())) > 0 ? 1 : 0;
}

int writeText(BIO* out, const keymgmt::Key& key) {
    auto* publicKey = key.publicKey();
    if (writeHead(out, key, true, publicKey != nullptr ? publicKey : key.partialKey()) != 1)
        return 0;
    if (publicKey == nullptr)
        return BIO_puts(out, "No public part on the token\n") > 0 ? 1 : 0;
    return EVP_PKEY_print_public(out, publicKey, 0, nullptr);
}

// A key that signs only with PSS keeps its type, whatever certificate it has later.
std::string referenceTo(const keymgmt::Key& key) {
    const auto& uri = key.uri();
    const std::string start = uri.find('?') == std::string::npos ? "?" : "&";
    if (key.type() == keymgmt::KeyType::rsaPss)
        return uri + start + "x-key-type=RSA-PSS";
    return key.signsPssAlone() ? uri + start + "x-key-type=RSA" : uri;
}

int write(BIO* out, const keymgmt::Key& key, Form form) {
    if (form == Form::text)
        return writeText(out, key);
    if (form == Form::pem)
        return writeKeyUriPem(out, referenceTo(key)) ? 1 : 0;
    const auto der = encodeKeyUri(referenceTo(key));
    return BIO_write(out, der.data(), static_cast<int>(der.size())) == static_cast<int>(der.size())
               ? 1
               : 0;
}

struct Passphrase {
    OSSL_PASSPHRASE_CALLBACK* callback;
    void* arg;
};

// With the encoders that would write the key if this provider were absent.
int writeByOthers(BIO* out, const Encoder& encoder, EVP_PKEY* key, int selection, Form form,
                  const char* structure, const Passphrase& passphrase) {
    const ossl::Owner<OSSL_ENCODER_CTX, OSSL_ENCODER_CTX_free> writer(OSSL_ENCODER_CTX_new_for_pkey(
        key, selection, nameOf(form), structure, ossl::ProviderContext::propq()));
    if (!writer)
        return 0;
    if (!encoder.cipher.empty())
        OSSL_ENCODER_CTX_set_cipher(writer.get(), encoder.cipher.c_str(),
                                    ossl::ProviderContext::propq());
    if (passphrase.callback != nullptr)
        OSSL_ENCODER_CTX_set_passphrase_cb(writer.get(), passphrase.callback, passphrase.arg);
    return OSSL_ENCODER_to_bio(writer.get(), out);
}

int writePublicParts(BIO* out, const Encoder& encoder, const keymgmt::Key& key, int selection,
                     Form form, const char* structure) {
    auto* source = keymgmt::publicPartsOf(key, selection);
    if (source == nullptr)
        return 0;
    const bool isKeysText = form == Form::text && (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0;
    if (isKeysText && writeHead(out, key, false, source) != 1)
        return 0;
    return writeByOthers(out, encoder, source, selection, form, structure, {nullptr, nullptr});
}

int writePrivate(BIO* out, const keymgmt::Key& key, Form form) {
    if (!key.isPrivate())
        throw ossl::UsageError(ossl::Reason::key, "only private keys are written as references");
    key.requireListedOrUnambiguous();
    return write(out, key, form);
}

// A key in memory has no reference.
int writeSoftware(BIO* out, const Encoder& encoder, const keymgmt::Key& key, int selection,
                  Form form, const char* structure, const Passphrase& passphrase) {
    const auto copy = key.software()->toPkey();
    if (!copy)
        return 0;
    const bool isPrivate = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
    if (form == Form::text || !isPrivate)
        return writeByOthers(out, encoder, copy.get(), selection, form, structure, passphrase);
    return writeByOthers(out, encoder, copy.get(), selection, Form::pem, "PrivateKeyInfo",
                         passphrase);
}

// `structure` is the structure for a public half or parameters.
int encode(void* ctx, OSSL_CORE_BIO* coreBio, const void* keydata, int selection, Form form,
           const char* structure, const Passphrase& passphrase) {
    const auto& encoder = encoderOf(ctx);
    if (keydata == nullptr || selection == 0)
        return 0;
    const auto& key = *static_cast<const keymgmt::KeyData*>(keydata)->key;
    const ossl::Bio out(BIO_new_from_core_bio(encoder.context.libctx(), coreBio));
    if (!out)
        return 0;
    if (key.software() != nullptr)
        return ossl::passedOn(encoder.context.core(), 0, [&] {
            return writeSoftware(out.get(), encoder, key, selection, form, structure, passphrase);
        });
    return ossl::guarded(encoder.context.core(), 0, [&] {
        return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0
                   ? writePrivate(out.get(), key, form)
                   : writePublicParts(out.get(), encoder, key, selection, form, structure);
    });
}

template <Form TheForm, const char* const* Structure>
int encode(void* ctx, OSSL_CORE_BIO* coreBio, const void* keydata, const OSSL_PARAM[],
           int selection, OSSL_PASSPHRASE_CALLBACK* passphrase, void* passphraseArg) {
    return encode(ctx, coreBio, keydata, selection, TheForm, *Structure,
                  {passphrase, passphraseArg});
}

constexpr const char* noStructure = nullptr;

template <Form TheForm, OSSL_FUNC_encoder_does_selection_fn Takes,
          const char* const* Structure = &noStructure>
const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_encoder_newctx_fn>(OSSL_FUNC_ENCODER_NEWCTX, newContext),
        ossl::entry<OSSL_FUNC_encoder_freectx_fn>(OSSL_FUNC_ENCODER_FREECTX, freeContext),
        ossl::entry<OSSL_FUNC_encoder_set_ctx_params_fn>(OSSL_FUNC_ENCODER_SET_CTX_PARAMS,
                                                         setParams),
        ossl::entry<OSSL_FUNC_encoder_settable_ctx_params_fn>(OSSL_FUNC_ENCODER_SETTABLE_CTX_PARAMS,
                                                              settableParams),
        ossl::entry<OSSL_FUNC_encoder_does_selection_fn>(OSSL_FUNC_ENCODER_DOES_SELECTION, Takes),
        ossl::entry<OSSL_FUNC_encoder_encode_fn>(OSSL_FUNC_ENCODER_ENCODE,
                                                 encode<TheForm, Structure>),
        ossl::endOfTable()};
    return table.data();
}

enum class For { all, ec, rsa };

struct Output {
    const char* properties;
    const OSSL_DISPATCH* (*functions)();
    For types = For::all;
};

bool isFor(For types, keymgmt::KeyType type) {
    return types == For::all || (types == For::ec && type == keymgmt::KeyType::ec) ||
           (types == For::rsa && keymgmt::isRsa(type));
}

constexpr std::array outputs{
    Output{"output=pem,structure=PrivateKeyInfo", functions<Form::pem, takesPrivate>},
    Output{"output=pem,structure=pk11-uri", functions<Form::pem, takesPrivate>},
    Output{"output=der,structure=pk11-uri", functions<Form::der, takesPrivate>},
    Output{"output=text", functions<Form::text, takesAnything>},
    Output{"output=pem,structure=SubjectPublicKeyInfo",
           functions<Form::pem, takesPublic, &publicStructure>},
    Output{"output=der,structure=SubjectPublicKeyInfo",
           functions<Form::der, takesPublic, &publicStructure>},
    Output{"output=pem,structure=type-specific",
           functions<Form::pem, takesParameters, &typeSpecificStructure>, For::ec},
    Output{"output=der,structure=type-specific",
           functions<Form::der, takesParameters, &typeSpecificStructure>, For::ec},
    Output{"output=pem,structure=type-specific",
           functions<Form::pem, takesPublic, &typeSpecificStructure>, For::rsa},
    Output{"output=der,structure=type-specific",
           functions<Form::der, takesPublic, &typeSpecificStructure>, For::rsa},
    Output{"output=pem,structure=pkcs1", functions<Form::pem, takesPublic, &pkcs1Structure>,
           For::rsa},
    Output{"output=der,structure=pkcs1", functions<Form::der, takesPublic, &pkcs1Structure>,
           For::rsa}};

} // namespace

const OSSL_ALGORITHM* encoders() {
    static const auto list = [] {
        std::array<OSSL_ALGORITHM, keymgmt::allKeyTypes.size() * outputs.size() + 1> all{};
        auto* next = all.data();
        for (const auto type : keymgmt::allKeyTypes)
            for (const auto& output : outputs)
                if (isFor(output.types, type))
                    *next++ = {keymgmt::nameOf(type), output.properties, output.functions(),
                               "references to keys on tokens"};
        return all;
    }();
    return list.data();
}

} // namespace p11::store
