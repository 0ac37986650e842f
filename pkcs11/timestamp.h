// SPDX-License-Identifier: Apache-2.0
// Times in logs.
#pragma once

#include <chrono>
#include <string>

namespace p11::pkcs11 {

/// "2026-11-27T20:38:58.123Z" (RFC 3339, UTC). It takes none of the C library's locks, so the child
/// of a fork may call it.
std::string timestamp(std::chrono::system_clock::time_point time);

} // namespace p11::pkcs11
