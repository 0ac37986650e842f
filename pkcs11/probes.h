// SPDX-License-Identifier: Apache-2.0
// Static probes (sys/sdt.h) for bpftrace(8), perf(1), gdb(1) and SystemTap: docs/observability.md
// describes them. Where the header was missing when this was built, there are none. Without a
// tracer each function reads one number. Thread-safe.
#pragma once

#include <p11-kit/pkcs11.h>

namespace p11::pkcs11::probes {

/// Before and after a C_ function. For functions whose answer is secret (isSecret()) the probe has
/// CK_UNAVAILABLE_INFORMATION in place of `rv`.
void callEntry(const char* function);
void callReturn(const char* function, CK_RV rv);

/// True while somebody traces operations.
bool operationsAreTraced();
/// At the beginning and the end of a key's use, with the texts of the audit log.
void operationStart(const char* operation, const char* mechanism, const char* uri);
void operationEnd(const char* operation, const char* mechanism, const char* uri,
                  const char* result);

} // namespace p11::pkcs11::probes
