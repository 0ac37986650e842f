// SPDX-License-Identifier: Apache-2.0
// Digests of this provider, as tests use them.
#pragma once

#include <set>

#include "new_keys.h"

namespace testing_support {

const std::string digestDirective = "pkcs11-digest-token = pkcs11:token=scenarios";
inline constexpr const char* onToken = "provider=pkcs11";
inline constexpr std::size_t mostKept = 65536; ///< bytes; of more the token has a stream
inline constexpr const char* digestNames[] = {"SHA1",     "SHA224",     "SHA256",     "SHA384",
                                              "SHA512",   "SHA512-224", "SHA512-256", "SHA3-224",
                                              "SHA3-256", "SHA3-384",   "SHA3-512"};

p11::ossl::Md fetch(OSSL_LIB_CTX* libctx, const char* name, const char* query = onToken);
bool isOurs(const p11::ossl::Md& md);

/// Null on failure.
p11::ossl::MdCtx begin(const p11::ossl::Md& md);
bool update(const p11::ossl::MdCtx& context, const Bytes& data);
/// Empty on failure.
Bytes finish(const p11::ossl::MdCtx& context);
Bytes inSoftware(const char* name, const Bytes& data);
Bytes joined(Bytes first, const Bytes& second);

/// Expects that `context`, which hashes `data` with SHA-256, and its copy go on by themselves.
void expectCopyGoesOn(const p11::ossl::MdCtx& context, const Bytes& data, std::size_t more);
/// Expects that the token does not copy `context`, which goes on. Returns the error.
std::string expectNotCopied(const p11::ossl::MdCtx& context, const Bytes& data);

/// Which of digestNames the token hashes; the others are refused with a message.
std::set<std::string> hashedBy(OSSL_LIB_CTX* libctx);

} // namespace testing_support
