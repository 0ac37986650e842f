// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor/loaded_key.h"

#include <openssl/err.h>
#include <openssl/store.h>

#include "tools/shared/error.h"
#include "tools/shared/passphrase.h"

namespace p11::tools::doctor {
namespace {

using Store = ossl::Owner<OSSL_STORE_CTX, OSSL_STORE_close>;
using StoreInfo = ossl::Owner<OSSL_STORE_INFO, OSSL_STORE_INFO_free>;

int expectationOf(const uri::Uri& uri) {
    if (uri.type() == CKO_PUBLIC_KEY)
        return OSSL_STORE_INFO_PUBKEY;
    return uri.type() == CKO_CERTIFICATE ? OSSL_STORE_INFO_CERT : OSSL_STORE_INFO_PKEY;
}

void take(OSSL_STORE_INFO* info, LoadedKey& result) {
    if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
        result.keys.emplace_back(OSSL_STORE_INFO_get1_PKEY(info));
    else if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY)
        result.keys.emplace_back(OSSL_STORE_INFO_get1_PUBKEY(info));
}

// The provider's own error is the first or the last one, depending on OpenSSL's version.
std::optional<ossl::Reason> providersReason() {
    for (const auto code : {ERR_peek_error(), ERR_peek_last_error()})
        if (ERR_GET_LIB(code) >= ERR_LIB_USER)
            return static_cast<ossl::Reason>(ERR_GET_REASON(code));
    return std::nullopt;
}

} // namespace

bool LoadedKey::loginFailed() const {
    using ossl::Reason;
    if (!reason)
        return false;
    switch (*reason) {
    case Reason::login:
    case Reason::pinMissing:
    case Reason::pinFileMissing:
    case Reason::pinFileUnreadable:
    case Reason::pinFileExposed:
    case Reason::pinRefused:
    case Reason::pinLocked:
    case Reason::pinExpired:
        return true;
    default:
        return false;
    }
}

LoadedKey loadKey(OSSL_LIB_CTX* library, const std::string& text, const uri::Uri& uri) {
    LoadedKey result;
    PassphrasePrompt prompt(uri.withoutPin());
    ERR_clear_error();
    const Store store(OSSL_STORE_open_ex(text.c_str(), library, nullptr, PassphrasePrompt::method(),
                                         &prompt, nullptr, nullptr, nullptr));
    if (store && OSSL_STORE_expect(store.get(), expectationOf(uri)) == 1)
        while (OSSL_STORE_eof(store.get()) != 1) {
            const StoreInfo info(OSSL_STORE_load(store.get()));
            if (!info)
                break;
            take(info.get(), result);
        }
    result.reason = providersReason();
    result.reasons = opensslReasons();
    return result;
}

} // namespace p11::tools::doctor
