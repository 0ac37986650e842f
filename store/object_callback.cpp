// SPDX-License-Identifier: Apache-2.0
#include "store/object_callback.h"

#include <array>

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include "keymgmt/reference.h"

namespace p11::store {

int ObjectCallback::deliverKey(const std::shared_ptr<keymgmt::Key>& key) const {
    int type = OSSL_OBJECT_PKEY;
    keymgmt::KeyReference reference;
    reference.key = key;
    const std::array params{
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
                                         const_cast<char*>(keymgmt::nameOf(key->type())), 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &reference,
                                          sizeof reference),
        OSSL_PARAM_construct_end()};
    return function(params.data(), arg);
}

int ObjectCallback::deliverCertificate(const pkcs11::Bytes& der) const {
    int type = OSSL_OBJECT_CERT;
    const std::array params{
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA,
                                          const_cast<unsigned char*>(der.data()), der.size()),
        OSSL_PARAM_construct_end()};
    return function(params.data(), arg);
}

int ObjectCallback::deliverName(const std::string& uri, const std::string& description) const {
    int type = OSSL_OBJECT_NAME;
    const std::array params{
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA, const_cast<char*>(uri.c_str()), 0),
        description.empty()
            ? OSSL_PARAM_construct_end()
            : OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DESC,
                                               const_cast<char*>(description.c_str()), 0),
        OSSL_PARAM_construct_end()};
    return function(params.data(), arg);
}

} // namespace p11::store
