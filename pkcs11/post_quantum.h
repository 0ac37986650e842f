// SPDX-License-Identifier: Apache-2.0
// ML-DSA (FIPS 204) and ML-KEM (FIPS 203) keys, as PKCS#11 3.2 has them (chapters "ML-DSA" and
// "ML-KEM", and OASIS's pkcs11t.h 3.2). p11-kit's header does not name them yet.
#pragma once

#include <p11-kit/pkcs11.h>

namespace pkcs11 {

constexpr CK_KEY_TYPE ckkMlKem = 0x49, ckkMlDsa = 0x4a;

/// CKP_ML_...: the parameter set of a key. 1 to 3 stand for ML-DSA-44, -65, -87 and for ML-KEM-512,
/// -768, -1024.
constexpr CK_ATTRIBUTE_TYPE ckaParameterSet = 0x61d;

/// CKM_ML_KEM has no parameter; CKM_ML_DSA has SignAdditionalContext, or none.
constexpr CK_MECHANISM_TYPE ckmMlKem = 0x17, ckmMlDsa = 0x1d;

/// CKH_HEDGE_PREFERRED and CKH_DETERMINISTIC_REQUIRED.
constexpr CK_ULONG hedgePreferred = 0, deterministicRequired = 2;

/// CK_SIGN_ADDITIONAL_CONTEXT.
struct SignAdditionalContext {
    CK_ULONG hedgeVariant = hedgePreferred;
    CK_BYTE_PTR context = nullptr;
    CK_ULONG contextSize = 0;
};

} // namespace pkcs11
