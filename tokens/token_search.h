// SPDX-License-Identifier: Apache-2.0
// The modules and tokens that a URI leaves in question.
#pragma once

#include <string>
#include <vector>

#include "ossl/context.h"
#include "pkcs11/token.h"
#include "uri/uri.h"

namespace tokens {

/// Uri::parse() with an error that the provider can tell: throws pkcs11::Error.
uri::Uri parseUri(std::string_view text);

/// Looks through the modules at construction; asks each for no more than the URI needs to rule it
/// out. Throws pkcs11::Error if no token fits, naming those that are there.
class TokenSearch {
  public:
    TokenSearch(ossl::Context& context, const uri::Uri& uri);

    const std::vector<pkcs11::Token*>& tokens() const { return tokens_; }
    /// The one token among them that needs a login; null if none does or several do. A PIN is for
    /// one token, and trying it on another would cost that one a try.
    pkcs11::Token* loginToken() const;
    /// The one token that fits. Throws pkcs11::Error if several do, naming them.
    pkcs11::Token& onlyToken() const;
    bool severalNeedLogin() const { return loginTokens_.size() > 1; }
    /// "token "a" (...), token "b" (...)".
    std::string describe() const;

  private:
    std::vector<pkcs11::Module*> selectModules(ossl::Context& context);
    void searchModules(const std::vector<pkcs11::Module*>& modules);
    static void refresh(const std::vector<pkcs11::Module*>& modules);
    void searchModule(pkcs11::Module& module);
    void searchSlots(pkcs11::Module& module);
    void searchSlot(pkcs11::Module& module, pkcs11::Epoch epoch, CK_SLOT_ID slot);
    struct Found {
        pkcs11::Module* module;
        pkcs11::Epoch epoch;
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
    std::vector<Found> uninitialized_;  ///< used where no other token fits
    std::vector<pkcs11::Error> unread_; ///< slots that the present attempt could not read
    std::vector<std::string> problems_; ///< modules and slots that could not be used
};

} // namespace tokens
