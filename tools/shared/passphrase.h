// SPDX-License-Identifier: Apache-2.0
// Asks at the terminal for the pass phrase of a file or for a token's PIN.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <openssl/types.h>
#include <openssl/ui.h>

#include "tools/shared/bytes.h"

namespace p11::tools {

/// OpenSSL's own prompt does not name files, and asks again for each format that a file may have.
/// This one names the file and asks once, also if there was no answer.
class PassphrasePrompt {
  public:
    /// `file` appears in the question for a pass phrase. The question for a PIN names the token.
    explicit PassphrasePrompt(std::string file) : file_(std::move(file)) {}
    PassphrasePrompt(const PassphrasePrompt&) = delete;
    PassphrasePrompt& operator=(const PassphrasePrompt&) = delete;

    /// For OSSL_STORE_open_ex and OSSL_STORE_attach, with `this` as the method's data. Null if
    /// there is no memory; then OpenSSL asks nobody.
    static const UI_METHOD* method();

  private:
    static PassphrasePrompt& of(UI* ui);
    static char* question(UI* ui, const char* what, const char* name);
    static int read(UI* ui, UI_STRING* text);

    std::string file_;
    bool isPin_ = false;
    bool unanswered_ = false;
    std::optional<SecretString> answer_; ///< the pass phrase, for the other formats
};

/// OSSL_PASSPHRASE_CALLBACK: asks for a PIN at the terminal.
int askPin(char* pass, std::size_t size, std::size_t* length, const OSSL_PARAM params[], void*);

} // namespace p11::tools
