// SPDX-License-Identifier: Apache-2.0
// The modules and tokens that a URI may mean.
#pragma once

#include <string>
#include <vector>

#include "ossl/provider_context.h"
#include "pkcs11/token.h"
#include "uri/uri.h"

namespace p11::tokens {

/// Uri::parse() with an error that the provider can report: throws pkcs11::Error.
uri::Uri parseUri(std::string_view text);

/// How the tokens that `uri` fits share its keys.
ossl::Replicas replicasOf(const uri::Uri& uri, const ossl::Settings& settings);

/// True if `name` is the label or the serial number in `info`.
bool isCalled(const CK_TOKEN_INFO& info, const std::string& name);

/// True if `module` is one that module-name and module-path of `uri` mean.
bool fitsModule(const uri::Uri& uri, const pkcs11::Module& module);

/// Searches the modules at construction. It asks each only for what is needed to exclude it. Throws
/// pkcs11::Error if no token fits, and names those that exist.
class TokenSearch {
  public:
    TokenSearch(ossl::ProviderContext& context, const uri::Uri& uri);

    const std::vector<pkcs11::Token*>& tokens() const { return tokens_; }
    /// If several tokens fit, keeps those that `names` gives by label or serial number, in its
    /// order. True if each name has one. Throws pkcs11::Error if none has.
    bool keepOnly(const std::vector<std::string>& names);
    /// True if modules or slots could not be used, so that more tokens may fit later.
    bool hasProblems() const { return !problems_.empty(); }
    /// The only token among them that needs a login; null if none or several do. A PIN belongs to
    /// one token, and trying it on another would use up an attempt there.
    pkcs11::Token* loginToken() const;
    /// The only token that fits. Throws pkcs11::Error if several do, and names them.
    pkcs11::Token& onlyToken() const;
    bool severalNeedLogin() const { return loginTokens_.size() > 1; }
    /// "token "a" (...), token "b" (...)".
    std::string describe() const;

  private:
    std::vector<pkcs11::Module*> selectModules(ossl::ProviderContext& context);
    void searchModules(const std::vector<pkcs11::Module*>& modules);
    void searchAgain(const std::vector<pkcs11::Module*>& modules);
    static void refresh(const std::vector<pkcs11::Module*>& modules);
    void searchModule(pkcs11::Module& module);
    void searchSlots(pkcs11::Module& module);
    void searchSlot(pkcs11::Module& module, pkcs11::InitializationId initializationId,
                    CK_SLOT_ID slot);
    struct Found {
        pkcs11::Module* module;
        pkcs11::InitializationId initializationId;
        CK_SLOT_ID slot;
        CK_TOKEN_INFO info;
    };
    static pkcs11::Token& seen(const Found& found);
    void add(pkcs11::Token& token, CK_FLAGS flags);
    void addThoseThatAnswer();
    std::vector<std::string> present(const std::vector<pkcs11::Module*>& modules) const;
    [[noreturn]] void nothingFits(const std::vector<pkcs11::Module*>& modules) const;

    const uri::Uri& uri_;
    std::vector<pkcs11::Token*> tokens_;
    std::vector<pkcs11::Token*> loginTokens_;
    std::vector<Found> uninitialized_;  ///< used if no other token fits
    std::vector<pkcs11::Error> unread_; ///< slots that the present attempt could not read
    std::vector<std::string> problems_; ///< modules and slots that could not be used
};

} // namespace p11::tokens
