// SPDX-License-Identifier: Apache-2.0
// What a caller learns of a long generation (EVP_PKEY_CTX_set_cb(3)).
#pragma once

#include <functional>

#include <openssl/core.h>

#include "ossl/provider_context.h"
#include "pkcs11/writing.h"

namespace p11::keymgmt {

/// The callback of OSSL_FUNC_keymgmt_gen (provider-keymgmt(7)), for a call that does not tell
/// how far it has come. Used by one thread.
class Progress {
  public:
    /// `callback` may be null.
    Progress(const ossl::ProviderContext& context, OSSL_CALLBACK* callback, void* arg)
        : context_(context), callback_(callback), arg_(arg) {}

    /// Runs `call`, which makes a key pair, and returns its result. A thread of the provider does
    /// it, and meanwhile this one calls the callback: five times a second with 0 ("."), and with 3
    /// ("\n") at the end if it did so at all. Runs it in this thread where there is no callback,
    /// inside a job of OpenSSL, and without threads (pkcs11-async-threads). Throws what `call`
    /// throws.
    pkcs11::KeyPair during(const std::function<pkcs11::KeyPair()>& call);

    /// True once the callback has asked to stop, which nothing can do with a module's call.
    bool isStopped() const { return stopped_; }

  private:
    bool tell(int potential);
    void tellUntil(const std::function<bool()>& isDone);

    const ossl::ProviderContext& context_;
    OSSL_CALLBACK* callback_;
    void* arg_;
    int told_ = 0;
    bool stopped_ = false;
};

} // namespace p11::keymgmt
