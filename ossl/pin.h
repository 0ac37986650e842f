// SPDX-License-Identifier: Apache-2.0
// PINs in memory that stays out of swap and core dumps (mlock(2), madvise(2)). Without a secure
// heap of the application, OpenSSL's would be no better than malloc.
#pragma once

#include <string>
#include <string_view>

#include "ossl/handles.h"
#include "pkcs11/token_pins.h"

namespace p11::ossl {

/// A copy of `text` in pages of its own; wiped with its last owner.
pkcs11::Pin makePin(std::string_view text);

/// The first line of the file at `path`. Throws pkcs11::Error if it is not a regular file (a FIFO
/// or a device may never answer) or cannot be read. The same if everybody on the machine can read
/// it and `readableByOthers` does not permit that.
pkcs11::Pin readPinFile(const std::string& path, bool readableByOthers);

/// `sha256` of `salt` and `pin`. Throws pkcs11::Error, also for a null digest.
pkcs11::PinDigest pinDigest(const Md& sha256, const pkcs11::PinDigest& salt,
                            const pkcs11::Pin& pin);

} // namespace p11::ossl
