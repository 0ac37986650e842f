// SPDX-License-Identifier: Apache-2.0
// The same keys by every way in: through a provider, from a file, through libp11's engine, and by
// raw C_ calls. Folder and module come from the environment, BENCH_TOKENS and
// PKCS11_PROVIDER_MODULE (bench/run.sh).
#pragma once

#include <span>
#include <string>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "ossl/handles.h"

namespace bench {

using Bytes = std::vector<unsigned char>;

/// A key on a token through the provider pkcs11.so in `folder`. Null on failure; errors
/// stay in OpenSSL's queue.
p11::ossl::Pkey providerKey(const std::string& folder, const std::string& label);

/// The same for any `uri`.
p11::ossl::Pkey providerKeyAt(const std::string& folder, const std::string& uri);

/// The folder of the provider under test.
std::string ownProvider();
/// The folder of pkcs11-provider's pkcs11.so: BENCH_PEER, or OpenSSL's own. Empty if it is in
/// neither.
std::string latchsetProvider();

/// The file that the key on the token was made from.
p11::ossl::Pkey softwareKey(const std::string& label);

/// True if libp11's engine is installed.
bool haveEngine();
p11::ossl::Pkey engineKey(const std::string& label);

/// A key by raw C_ calls, in a session of its own. Aborts on failure.
class RawKey {
  public:
    explicit RawKey(const std::string& label);
    ~RawKey();
    RawKey(const RawKey&) = delete;
    RawKey& operator=(const RawKey&) = delete;

    void sign(CK_MECHANISM mechanism, std::span<unsigned char> data, std::span<unsigned char> out);
    void decrypt(CK_MECHANISM mechanism, std::span<unsigned char> data,
                 std::span<unsigned char> out);
    /// The secret shared with a peer's uncompressed point: three calls.
    void derive(std::span<unsigned char> point, std::span<unsigned char> out);
    /// What the floor of loading a key is: finding it, and reading what its public half is made of.
    void findAgain();

  private:
    CK_OBJECT_HANDLE find();

    std::string label_;
    CK_SESSION_HANDLE session_ = 0;
    CK_OBJECT_HANDLE handle_ = 0;
};

} // namespace bench
