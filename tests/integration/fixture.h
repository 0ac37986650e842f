// SPDX-License-Identifier: Apache-2.0
// Library contexts with the provider, keys of the scenario token, and an independent verifier.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/store.h>

#include "ossl/handles.h"
#include "tests/support/test_module.h"
#include "tests/support/token_writer.h"

namespace testing_support {

using Bytes = std::vector<unsigned char>;

/// A file's path in the process's own folder, which goes at its end.
std::filesystem::path scratch(const std::string& name);

enum class Order { defaultFirst, providerFirst };

/// A library context of its own, with both providers loaded in `order`.
class Instance {
  public:
    explicit Instance(Order order = Order::defaultFirst, const char* properties = nullptr);
    /// With providers that are loaded already.
    explicit Instance(p11::ossl::LibCtx libctx) : libctx_(std::move(libctx)) {}
    OSSL_LIB_CTX* get() const { return libctx_.get(); }
    /// Lets both providers go; keys and contexts made before stay usable.
    void unload();

  private:
    p11::ossl::LibCtx libctx_;
    std::vector<p11::ossl::Provider> providers_;
};

/// A library context that reads a configuration file: both providers in `order`, `directives` in
/// this one's section, and `more` sections (or lines of [init]) behind.
class ConfiguredContext {
  public:
    explicit ConfiguredContext(const std::string& directives, Order order = Order::defaultFirst,
                               const std::string& more = {});
    OSSL_LIB_CTX* get() const { return libctx_.get(); }
    p11::ossl::LibCtx take() { return std::move(libctx_); }

  private:
    p11::ossl::LibCtx libctx_;
};

/// What uriOf() ends with: "?pin-value=1234" where nobody has set another.
std::string& pinQuery();

/// "pkcs11:token=scenarios;object=LABEL;type=private?pin-value=1234"
std::string uriOf(const std::string& label, const std::string& type = "private");

/// The first object of type `expected` behind `uri`; null if nothing is found.
p11::ossl::Pkey load(const Instance& instance, const std::string& uri,
                     int expected = OSSL_STORE_INFO_PKEY);
p11::ossl::Pkey load(OSSL_LIB_CTX* libctx, const std::string& uri,
                     int expected = OSSL_STORE_INFO_PKEY);
p11::ossl::Pkey loadPrivate(const Instance& instance, const std::string& label);

/// A library context without the provider.
OSSL_LIB_CTX* defaultOnly();

/// From the files that were made with the token, by OpenSSL's default provider alone.
p11::ossl::Pkey publicKeyFromFile(const std::string& label);
/// Of a key that the token made: from the values that the module tells, without the provider, in
/// OpenSSL's default provider alone. `id` tells keys of one label apart. Throws where there is
/// none.
p11::ossl::Pkey publicKeyOnToken(const std::string& label, const std::string& id = {});
p11::ossl::Pkey privateKeyFromFile(OSSL_LIB_CTX* libctx, const std::string& label);
p11::ossl::Certificate certificateFromFile(OSSL_LIB_CTX* libctx, const std::string& label);

/// Empty on failure.
Bytes derOf(X509* certificate);

/// Signs `data` by EVP_DigestSign*. Empty on failure.
Bytes sign(const Instance& instance, EVP_PKEY* key, const Bytes& data,
           const char* digest = "SHA256");
/// With the public key from the file, or of a key that has none with the one on the token.
bool verify(const std::string& label, const Bytes& signature, const Bytes& data,
            const char* digest = "SHA256", bool pss = false);
bool verify(EVP_PKEY* publicKey, const Bytes& signature, const Bytes& data, const char* digest,
            bool pss = false);

Bytes randomBytes(std::size_t size);

/// All errors of the thread's queue, as text; the queue is empty afterwards.
std::string takeErrors();

/// The test module that stands between the provider and SoftHSM in this process.
const test_module::TestModule& module();

/// The functions of that module, as another part of the program calls them.
CK_FUNCTION_LIST* moduleFunctions();

/// Sets a variable of the test module (tests/support/README.md), or lets it go back to its default.
void configureModule(const char* name, const std::string& value);
void resetModule(const char* name);

/// Has calls of `function` answer `rv`, counted from here: "2", "1-3" or "1+".
void fault(const std::string& function, const std::string& calls, CK_RV rv);
void noFaults();

/// The exit status of a child; 1000 and more if a signal ended it.
int statusOf(pid_t child);
/// 0 if `body`, run in a child of this process, returned true, and nothing that it expected failed.
int inChild(const std::function<bool()>& body);

/// Runs body(0) ... body(count - 1), each in a thread of its own, and waits for all of them.
void inThreads(int count, const std::function<void(int)>& body);

/// Writes to a token by the real module, past the test module, so that it counts for nothing.
TokenWriter tokenWriter(const std::string& token);

/// So often a key is used until its calls are those of the steady state: SoftHSM's keys are copied
/// at the second use (pkcs11-module-cache-keys).
constexpr int usesUntilSteady = 2;

/// Counts the calls into the module since it was made. The module is the process's.
class CallCounter {
  public:
    CallCounter();
    unsigned long total() const;
    unsigned long of(const std::string& function) const;
    /// Function and number of calls, for all that were called.
    std::map<std::string, unsigned long> all() const;
    /// The same, as text.
    std::string log() const;

  private:
    std::map<std::string, unsigned long> start_;
};

} // namespace testing_support
