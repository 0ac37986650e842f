// SPDX-License-Identifier: Apache-2.0
#include "tools/shared/passphrase.h"

#include <string_view>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "ossl/handles.h"

namespace p11::tools {
namespace {

using Method = ossl::Owner<UI_METHOD, UI_destroy_method>;

} // namespace

const UI_METHOD* PassphrasePrompt::method() {
    static const Method made = [] {
        Method method(UI_create_method("pass phrases of files"));
        const UI_METHOD* terminal = UI_OpenSSL();
        if (method) {
            UI_method_set_opener(method.get(), UI_method_get_opener(terminal));
            UI_method_set_writer(method.get(), UI_method_get_writer(terminal));
            UI_method_set_reader(method.get(), read);
            UI_method_set_closer(method.get(), UI_method_get_closer(terminal));
            UI_method_set_prompt_constructor(method.get(), question);
        }
        return method;
    }();
    return made.get();
}

PassphrasePrompt& PassphrasePrompt::of(UI* ui) {
    return *static_cast<PassphrasePrompt*>(UI_get0_user_data(ui));
}

char* PassphrasePrompt::question(UI* ui, const char* what, const char* name) {
    // The provider's prompt names the token. OpenSSL's prompt does not name the file.
    auto& prompt = of(ui);
    prompt.isPin_ = name != nullptr && std::string_view(name).starts_with("PIN ");
    const auto text = prompt.isPin_ ? std::string(name) : what + (" for " + prompt.file_);
    return OPENSSL_strdup(("Enter " + text + ": ").c_str());
}

int PassphrasePrompt::read(UI* ui, UI_STRING* text) {
    auto& prompt = of(ui);
    if (prompt.unanswered_)
        return 0;
    if (prompt.answer_ && !prompt.isPin_)
        return UI_set_result(ui, text, prompt.answer_->c_str()) == 0 ? 1 : 0;
    const int result = UI_method_get_reader(UI_OpenSSL())(ui, text);
    prompt.unanswered_ = result <= 0;
    if (!prompt.unanswered_ && !prompt.isPin_)
        prompt.answer_ = UI_get0_result_string(text);
    return result;
}

int askPin(char* pass, std::size_t size, std::size_t* length, const OSSL_PARAM[], void*) {
    // It writes a NUL behind as many characters as it is told.
    if (EVP_read_pw_string(pass, static_cast<int>(size) - 1, "PIN: ", 0) != 0)
        return 0;
    *length = std::char_traits<char>::length(pass);
    return 1;
}

} // namespace p11::tools
