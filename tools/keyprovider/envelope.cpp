// SPDX-License-Identifier: Apache-2.0
#include "tools/keyprovider/envelope.h"

#include "tools/keyprovider/aes.h"
#include "tools/keyprovider/ecdh_es.h"
#include "tools/keyprovider/recipients.h"
#include "tools/keys/base64.h"
#include "tools/keys/jwk.h"
#include "tools/shared/error.h"

namespace p11::tools::envelope {
namespace {

constexpr const char* what = "the annotation";
constexpr std::string_view oaepSha1 = "RSA-OAEP";
constexpr std::string_view oaepSha256 = "RSA-OAEP-256";
constexpr std::string_view ecdh = "ECDH-ES+A256KW";
constexpr std::string_view cipher = "A256GCM";

std::string_view algorithmOf(oaep::Hash hash) {
    return hash == oaep::Hash::sha1 ? oaepSha1 : oaepSha256;
}

Json wrapFor(const Key& key, oaep::Hash hash, ByteView contentKey) {
    Json header{{"kid", jwk::thumbprint(key)}};
    Bytes wrapped;
    if (key.isRsa()) {
        header["alg"] = algorithmOf(hash);
        wrapped = oaep::encrypt(key, hash, contentKey);
    } else if (key.isEc()) {
        auto made = ecdh_es::wrap(key, contentKey);
        header["alg"] = ecdh;
        header["epk"] = std::move(made.ephemeral);
        wrapped = std::move(made.key);
    } else {
        throw KeyError(key.name + ": the key is of type " +
                       EVP_PKEY_get0_type_name(key.pkey.get()) + "; only RSA and EC keys can wrap");
    }
    return {{"header", std::move(header)}, {"encrypted_key", base64::encodeUrl(wrapped)}};
}

// The parts that all recipients share.
struct Contents {
    SecretString protectedHeader; ///< as it is in the annotation; authenticated
    aes::Sealed sealed;
};

Bytes plainBytes(const Json& value, const char* name) {
    const auto bytes = json::base64Url(value, name, what);
    return {bytes.begin(), bytes.end()};
}

Contents readContents(const Json& annotation) {
    Contents contents{SecretString(json::text(annotation, "protected", what)),
                      {plainBytes(annotation, "iv"), plainBytes(annotation, "ciphertext"),
                       plainBytes(annotation, "tag")}};
    const std::string header = "the annotation's protected header";
    const auto decoded = json::base64Url(annotation, "protected", what);
    const auto parsed = json::parse(textOf(decoded), header);
    if (json::number(parsed, "version", header) != version)
        throw Error(header + " has another version than the annotation");
    if (json::text(parsed, "enc", header) != cipher)
        throw Error(header + " names another cipher than A256GCM");
    if (contents.sealed.nonce.size() != aes::nonceSize ||
        contents.sealed.tag.size() != aes::tagSize)
        throw Error("the annotation's \"iv\" or \"tag\" has a wrong length");
    return contents;
}

// NOLINTNEXTLINE(bugprone-exception-escape): moving JSON checks its invariants, and throws nothing
struct Wrapped {
    std::string algorithm;
    std::string thumbprint;
    Json ephemeral; ///< for ECDH
    Bytes key;
};

Wrapped readRecipient(const Json& entry, std::size_t number) {
    const auto name = "recipient " + std::to_string(number) + " of the annotation";
    const auto& header = json::member(entry, "header", name);
    Wrapped wrapped;
    wrapped.algorithm = json::text(header, "alg", name);
    if (json::find(header, "kid") != nullptr)
        wrapped.thumbprint = json::text(header, "kid", name);
    const auto key = json::base64Url(entry, "encrypted_key", name);
    wrapped.key.assign(key.begin(), key.end());
    if (wrapped.algorithm == ecdh)
        wrapped.ephemeral = json::member(header, "epk", name);
    else if (wrapped.algorithm != oaepSha1 && wrapped.algorithm != oaepSha256)
        throw Error(name + " has an unknown algorithm");
    return wrapped;
}

std::vector<Wrapped> readRecipients(const Json& annotation) {
    std::vector<Wrapped> all;
    for (const auto& entry : recipientsOf(annotation))
        all.push_back(readRecipient(entry, all.size() + 1));
    return all;
}

SecretBytes contentKey(const Wrapped& wrapped, const Key& key) {
    if (wrapped.algorithm == ecdh)
        return ecdh_es::unwrap(key, {wrapped.ephemeral, wrapped.key});
    return oaep::decrypt(key, wrapped.algorithm == oaepSha1 ? oaep::Hash::sha1 : oaep::Hash::sha256,
                         wrapped.key);
}

} // namespace

Json seal(const std::vector<Key>& recipients, oaep::Hash hash, ByteView contents) {
    requireRecipients(recipients.size());
    auto* library = recipients.front().library.get();
    const auto key = aes::randomBytes(library, aes::keySize);
    Json list = Json::array();
    for (const auto& recipient : recipients)
        list.push_back(wrapFor(recipient, hash, key));
    const auto header =
        base64::encodeUrl(bytesOf(Json{{"enc", cipher}, {"version", version}}.dump()));
    const auto sealed = aes::seal(library, key, bytesOf(header), contents);
    return {{"version", version},
            {"protected", header},
            {"recipients", std::move(list)},
            {"iv", base64::encodeUrl(sealed.nonce)},
            {"ciphertext", base64::encodeUrl(sealed.ciphertext)},
            {"tag", base64::encodeUrl(sealed.tag)}};
}

SecretBytes open(const Json& annotation, Keyring& keys) {
    const auto contents = readContents(annotation);
    std::vector<Recipient> recipients;
    for (auto& wrapped : readRecipients(annotation)) {
        const auto type = wrapped.algorithm == ecdh ? Recipient::Type::ec : Recipient::Type::rsa;
        auto thumbprint = wrapped.thumbprint;
        recipients.push_back({type, std::move(thumbprint),
                              [&contents, wrapped = std::move(wrapped)](const Key& key) {
                                  return aes::open(key.library.get(), contentKey(wrapped, key),
                                                   bytesOf(contents.protectedHeader),
                                                   contents.sealed);
                              }});
    }
    return keys.open(recipients);
}

Json describe(const Json& annotation) {
    const auto contents = readContents(annotation);
    Json list = Json::array();
    for (const auto& wrapped : readRecipients(annotation)) {
        Json entry{{"algorithm", wrapped.algorithm}, {"key", wrapped.thumbprint}};
        if (wrapped.algorithm == ecdh)
            entry["curve"] = json::text(wrapped.ephemeral, "crv", what);
        else
            entry["bits"] = wrapped.key.size() * 8;
        list.push_back(std::move(entry));
    }
    return {{"format", "keyprovider"},
            {"version", version},
            {"encryption", cipher},
            {"bytes", contents.sealed.ciphertext.size()},
            {"recipients", std::move(list)}};
}

} // namespace p11::tools::envelope
