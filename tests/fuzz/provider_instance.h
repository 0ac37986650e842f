// SPDX-License-Identifier: Apache-2.0
// The provider inside the fuzzer's process, with the hostile module as its only one.
#pragma once

#include <functional>
#include <string>

#include <openssl/store.h>

#include "ossl/handles.h"
#include "tests/fuzz/input.h"

namespace fuzz {

/// The library context with the default provider and this one; made at the first use, and kept.
OSSL_LIB_CTX* libctx();

/// From making to end the module answers by `script`; the end makes the provider forget its
/// sessions, so that the next run begins as this one did. Keys must be gone by then.
class Run {
  public:
    explicit Run(Input script);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    /// A URI with `path`, and a PIN that no earlier run has had refused.
    static std::string uri(const std::string& path);
};

/// Everything behind `uri`, whatever of it fails to load; not more than a few objects, since a
/// module may find more than there is time for.
void loadAll(const std::string& uri, int expected,
             const std::function<void(OSSL_STORE_INFO*)>& visit);

} // namespace fuzz
