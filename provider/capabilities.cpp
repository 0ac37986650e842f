// SPDX-License-Identifier: Apache-2.0
#include "provider/capabilities.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "keymgmt/key_types.h"

namespace p11::provider {
namespace {

/// A capability that libssl asks providers for, and the parameters by which an entry names its
/// keymgmt. The first parameter that is present counts.
struct Capability {
    const char* name;
    std::array<const char*, 3> keyTypeParams;
};

// The names of TLS-SIGALG are those of OpenSSL 3.2.
constexpr std::array capabilities{
    Capability{"TLS-GROUP", {OSSL_CAPABILITY_TLS_GROUP_ALG}},
    Capability{"TLS-SIGALG", {"tls-sigalg-keytype", "tls-sigalg-sig-name", "tls-sigalg-name"}}};

// The library context also mirrors this provider, which must not ask itself.
thread_local bool asking = false;

struct Forward {
    const Capability& capability;
    OSSL_CALLBACK* callback;
    void* arg;
};

// Empty if the entry names none.
std::string_view keyTypeOf(const Capability& capability, const OSSL_PARAM* params) {
    for (const char* key : capability.keyTypeParams) {
        const auto* found = key != nullptr ? OSSL_PARAM_locate_const(params, key) : nullptr;
        const char* name = nullptr;
        if (found != nullptr && OSSL_PARAM_get_utf8_string_ptr(found, &name) == 1)
            return name;
    }
    return {};
}

bool isOurs(std::string_view keyType) {
    return std::any_of(
        keymgmt::allKeyTypes.begin(), keymgmt::allKeyTypes.end(),
        [keyType](keymgmt::KeyType type) { return keyType == keymgmt::nameOf(type); });
}

int forwardOurs(const OSSL_PARAM params[], void* data) {
    const auto* forward = static_cast<Forward*>(data);
    return isOurs(keyTypeOf(forward->capability, params)) ? forward->callback(params, forward->arg)
                                                          : 1;
}

int askProvider(OSSL_PROVIDER* other, void* data) {
    const auto* forward = static_cast<Forward*>(data);
    return OSSL_PROVIDER_get_capabilities(other, forward->capability.name, forwardOurs, data);
}

} // namespace

int getCapabilities(ossl::ProviderContext& context, const char* capability, OSSL_CALLBACK* callback,
                    void* arg) {
    const auto* wanted = std::find_if(
        capabilities.begin(), capabilities.end(),
        [capability](const Capability& known) { return std::strcmp(known.name, capability) == 0; });
    if (asking || wanted == capabilities.end())
        return 1;
    asking = true;
    Forward forward{*wanted, callback, arg};
    const int result = OSSL_PROVIDER_do_all(context.libctx(), askProvider, &forward);
    asking = false;
    return result;
}

} // namespace p11::provider
