// SPDX-License-Identifier: Apache-2.0
// A key of OpenSSL's that is made when it is first needed.
#pragma once

#include <atomic>

#include "ossl/handles.h"

namespace p11::keymgmt {

/// Owns the key. Thread-safe, except replace().
class PublishedKey {
  public:
    PublishedKey() = default;
    ~PublishedKey() { EVP_PKEY_free(key_); }
    PublishedKey(const PublishedKey&) = delete;
    PublishedKey& operator=(const PublishedKey&) = delete;

    /// Null before the first publication. It lives as long as this.
    EVP_PKEY* get() const { return key_; }
    /// Sets it unless another thread was first: what was given out once stays. Returns the key
    /// that counts.
    EVP_PKEY* publish(ossl::Pkey key) {
        EVP_PKEY* present = nullptr;
        return key_.compare_exchange_strong(present, key.get()) ? key.release() : present;
    }
    /// Sets it, or takes it away. Only while no other thread has this.
    void replace(ossl::Pkey key) { EVP_PKEY_free(key_.exchange(key.release())); }

  private:
    std::atomic<EVP_PKEY*> key_{nullptr};
};

} // namespace p11::keymgmt
