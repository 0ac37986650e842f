// SPDX-License-Identifier: Apache-2.0
#include "tools/keyprovider/ocicrypt_annotation.h"

#include <cstdlib>

#include "tools/keyprovider/recipients.h"
#include "tools/keys/base64.h"
#include "tools/shared/error.h"

namespace p11::tools::ocicrypt {
namespace {

constexpr const char* what = "the annotation";

struct Blob {
    oaep::Hash hash;
    Bytes bytes;
};

Blob readRecipient(const Json& entry, std::size_t number) {
    const auto name = "recipient " + std::to_string(number) + " of the annotation";
    // ocicrypt omits only the hash, and reads an absent version as 0.
    if (json::find(entry, "version") != nullptr && json::number(entry, "version", name) != version)
        throw Error(name + " has version " + std::to_string(json::number(entry, "version", name)) +
                    "; 0 is supported");
    const auto blob = json::base64(entry, "blob", name);
    if (blob.empty())
        throw Error(name + " has an empty \"blob\"");
    auto hash = std::optional(oaep::Hash::sha1);
    if (json::find(entry, "hash") != nullptr && !json::text(entry, "hash", name).empty())
        hash = oaep::hashNamed(json::text(entry, "hash", name));
    if (!hash)
        throw Error(name + " has a hash that is neither sha1 nor sha256");
    return {*hash, {blob.begin(), blob.end()}};
}

std::vector<Blob> readRecipients(const Json& annotation) {
    std::vector<Blob> all;
    for (const auto& entry : recipientsOf(annotation))
        all.push_back(readRecipient(entry, all.size() + 1));
    return all;
}

} // namespace

oaep::Hash hashFromEnvironment() {
    const char* name = std::getenv("OCICRYPT_OAEP_HASHALG");
    if (name == nullptr || *name == '\0')
        return oaep::Hash::sha256;
    if (const auto hash = oaep::hashNamed(name))
        return *hash;
    throw Error("OCICRYPT_OAEP_HASHALG is neither sha1 nor sha256");
}

Json seal(const std::vector<Key>& recipients, oaep::Hash hash, ByteView contents) {
    requireRecipients(recipients.size());
    Json list = Json::array();
    for (const auto& key : recipients) {
        if (!key.isRsa())
            throw KeyError(key.name + ": ocicrypt's pkcs11 protocol supports only RSA keys");
        list.push_back({{"version", version},
                        {"blob", base64::encode(oaep::encrypt(key, hash, contents))},
                        {"hash", oaep::nameOf(hash)}});
    }
    return {{"version", version}, {"recipients", std::move(list)}};
}

SecretBytes open(const Json& annotation, Keyring& keys) {
    std::vector<Recipient> recipients;
    for (auto& blob : readRecipients(annotation))
        recipients.push_back({Recipient::Type::rsa, "", [blob = std::move(blob)](const Key& key) {
                                  return oaep::decrypt(key, blob.hash, blob.bytes);
                              }});
    return keys.open(recipients);
}

Json describe(const Json& annotation) {
    Json list = Json::array();
    for (const auto& blob : readRecipients(annotation))
        list.push_back({{"algorithm", "RSA-OAEP"},
                        {"hash", oaep::nameOf(blob.hash)},
                        {"bits", blob.bytes.size() * 8}});
    return {{"format", "pkcs11"}, {"version", version}, {"recipients", std::move(list)}};
}

} // namespace p11::tools::ocicrypt
