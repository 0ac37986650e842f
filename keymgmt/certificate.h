// SPDX-License-Identifier: Apache-2.0
// Certificates stored beside their keys.
#pragma once

#include <span>

#include "keymgmt/key.h"
#include "pkcs11/bytes.h"

namespace p11::keymgmt {

/// Stores the DER certificate beside the private `key`, with its label and id. Throws UsageError if
/// it is not a certificate of that key, or if one with that label and id exists and
/// `allowDuplicate` is not set. Throws pkcs11::Error.
void storeCertificate(const Key& key, pkcs11::ByteView der, bool allowDuplicate);

} // namespace p11::keymgmt
