// SPDX-License-Identifier: Apache-2.0
#include "tokens/key_object.h"

#include <utility>

#include "tokens/pin_source.h"

namespace p11::tokens {

std::shared_ptr<pkcs11::TokenObject> keyObject(const ossl::ProviderContext& context,
                                               const uri::Uri& uri,
                                               std::shared_ptr<pkcs11::SessionPool> pool,
                                               CK_OBJECT_HANDLE handle,
                                               pkcs11::Attributes attributes, std::string name) {
    auto object = std::make_shared<pkcs11::TokenObject>(
        std::move(pool), handle, std::move(attributes), context.pins(), contextPin(uri, context));
    object->setAudit(context.settings().audit, std::move(name));
    return object;
}

} // namespace p11::tokens
