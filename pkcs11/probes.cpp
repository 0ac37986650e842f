// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/probes.h"

#if __has_include(<sys/sdt.h>)
// Each probe has a counter, which tracers increase. So the arguments cost nothing without one.
#define _SDT_HAS_SEMAPHORES 1 // NOLINT(bugprone-reserved-identifier): the header's name
#include <sys/sdt.h>
#else
#define STAP_PROBE1(provider, name, a) static_cast<void>(a)
#define STAP_PROBE3(provider, name, a, b, c)                                                       \
    (static_cast<void>(a), static_cast<void>(b), static_cast<void>(c))
#define STAP_PROBE4(provider, name, a, b, c, d)                                                    \
    (static_cast<void>(a), static_cast<void>(b), static_cast<void>(c), static_cast<void>(d))
#endif

#include "pkcs11/error.h"
#include "pkcs11/functions.h"

// The names that the header wants.
#define PKCS11_PROBE_COUNTER                                                                       \
    __attribute__((section(".probes"), used, visibility("hidden"))) volatile unsigned short
extern "C" {
PKCS11_PROBE_COUNTER pkcs11_call_entry_semaphore;
PKCS11_PROBE_COUNTER pkcs11_call_return_semaphore;
PKCS11_PROBE_COUNTER pkcs11_operation_start_semaphore;
PKCS11_PROBE_COUNTER pkcs11_operation_end_semaphore;
}

namespace p11::pkcs11::probes {

void callEntry(const char* function) {
    if (pkcs11_call_entry_semaphore != 0)
        STAP_PROBE1(pkcs11, call_entry, function);
}

void callReturn(const char* function, CK_RV rv) {
    if (pkcs11_call_return_semaphore == 0)
        return;
    const CK_RV told = isSecret(function) ? CK_UNAVAILABLE_INFORMATION : rv;
    const char* name = knownName(told);
    STAP_PROBE3(pkcs11, call_return, function, told, name != nullptr ? name : "");
}

bool operationsAreTraced() {
    return pkcs11_operation_start_semaphore != 0 || pkcs11_operation_end_semaphore != 0;
}

void operationStart(const char* operation, const char* mechanism, const char* uri) {
    STAP_PROBE3(pkcs11, operation_start, operation, mechanism, uri);
}

void operationEnd(const char* operation, const char* mechanism, const char* uri,
                  const char* result) {
    STAP_PROBE4(pkcs11, operation_end, operation, mechanism, uri, result);
}

} // namespace p11::pkcs11::probes
