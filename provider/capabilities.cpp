#include "provider/capabilities.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <openssl/core_names.h>
#include <openssl/params.h>

namespace provider {
namespace {

constexpr const char* tlsGroups = "TLS-GROUP";

// The library context mirrors this provider, too, which must not ask itself.
thread_local bool asking = false;

struct Forward {
    OSSL_CALLBACK* callback;
    void* arg;
};

// The groups whose keymgmt is ours, too: of the others libssl has heard already.
bool isOurs(const char* algorithm) {
    constexpr std::array names{"EC", "X25519", "X448"};
    return std::any_of(names.begin(), names.end(),
                       [algorithm](const char* name) { return std::strcmp(algorithm, name) == 0; });
}

int forwardGroup(const OSSL_PARAM params[], void* data) {
    const auto* algorithm = OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_ALG);
    const char* name = nullptr;
    if (algorithm == nullptr || OSSL_PARAM_get_utf8_string_ptr(algorithm, &name) != 1 ||
        !isOurs(name))
        return 1;
    const auto* forward = static_cast<Forward*>(data);
    return forward->callback(params, forward->arg);
}

int askProvider(OSSL_PROVIDER* other, void* data) {
    return OSSL_PROVIDER_get_capabilities(other, tlsGroups, forwardGroup, data);
}

} // namespace

int getCapabilities(ossl::Context& context, const char* capability, OSSL_CALLBACK* callback,
                    void* arg) {
    if (asking || std::strcmp(capability, tlsGroups) != 0)
        return 1;
    asking = true;
    Forward forward{callback, arg};
    const int result = OSSL_PROVIDER_do_all(context.libctx(), askProvider, &forward);
    asking = false;
    return result;
}

} // namespace provider
