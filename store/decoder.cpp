// SPDX-License-Identifier: Apache-2.0
// Decoders for key references: PEM to DER, and DER to the key that its URI names. Every PEM file
// that the process reads passes through here. Data that is no reference leaves no error.
#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/pem.h>
#include <openssl/store.h>

#include "keymgmt/key_types.h"
#include "ossl/algorithms.h"
#include "ossl/dispatch.h"
#include "ossl/secret.h"
#include "store/key_uri.h"
#include "store/object_callback.h"
#include "store/run_search.h"

namespace p11::store {
namespace {

using keymgmt::KeyType;

constexpr std::size_t longestReference = 64 * 1024;

void* newContext(void* provctx) {
    return provctx;
}
void freeContext(void*) {}

struct PemBlock {
    std::string label;
    ossl::SecretBytes der; ///< a PIN may be in the URI
};

std::optional<PemBlock> readPem(BIO* in) {
    const ossl::ErrorMark mark;
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    if (PEM_read_bio(in, &name, &header, &data, &size) != 1)
        return std::nullopt;
    PemBlock block{name, ossl::SecretBytes(static_cast<std::size_t>(size))};
    std::copy_n(data, size, block.der.data());
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
    return block;
}

int passOn(ossl::SecretBytes& der, OSSL_CALLBACK* callback, void* arg) {
    const std::array params{
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der.data(), der.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE,
                                         const_cast<char*>(keyUriStructure), 0),
        OSSL_PARAM_construct_end()};
    return callback(params.data(), arg);
}

// OpenSSL tries the decoders of all key types on the DER of a PEM block, and its reader of files
// drops all their errors. So while decodePem works in this thread, the first decoder looks the key
// up, and the others get the same key or the same failure: the first failure says most.
class Attempt {
  public:
    Attempt() = default;
    ~Attempt() = default;
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    /// The key that `search` finds at the first call.
    template <typename Search>
    std::shared_ptr<keymgmt::Key> key(const Search& search) {
        rethrowFailure();
        if (key_ != nullptr)
            return key_;
        // The search may pause its job (ASYNC_pause_job(3)), and what the thread decodes meanwhile
        // is no part of this attempt.
        const Scope none(nullptr);
        try {
            return key_ = search();
        } catch (...) {
            failure_ = std::current_exception();
            throw;
        }
    }
    void rethrowFailure() const {
        if (failure_)
            std::rethrow_exception(failure_);
    }

    static thread_local Attempt* current; ///< null where DER is decoded without PEM

  private:
    class Scope {
      public:
        explicit Scope(Attempt* attempt) : outer_(std::exchange(current, attempt)) {}
        ~Scope() { current = outer_; }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

      private:
        Attempt* outer_;
    };

    const Scope scope_{this};
    std::shared_ptr<keymgmt::Key> key_;
    std::exception_ptr failure_;
};
thread_local Attempt* Attempt::current = nullptr;

int passOnOrFail(ossl::SecretBytes& der, OSSL_CALLBACK* callback, void* arg) {
    const Attempt attempt;
    const int taken = passOn(der, callback, arg);
    if (taken == 0)
        attempt.rethrowFailure();
    return taken;
}

int decodePem(void* ctx, OSSL_CORE_BIO* coreBio, int, OSSL_CALLBACK* callback, void* arg,
              OSSL_PASSPHRASE_CALLBACK*, void*) {
    auto& context = ossl::ProviderContext::from(ctx);
    return ossl::guarded(context.core(), 0, [&] {
        const ossl::Bio in(BIO_new_from_core_bio(context.libctx(), coreBio));
        auto block = in ? readPem(in.get()) : std::nullopt;
        return block && block->label == keyUriPemLabel ? passOnOrFail(block->der, callback, arg)
                                                       : 1;
    });
}

std::optional<std::string> readUri(BIO* in) {
    ossl::SecretBytes data(longestReference);
    std::size_t size = 0;
    std::size_t chunk = 0;
    while (size < data.size() &&
           BIO_read_ex(in, data.data() + size, data.size() - size, &chunk) == 1)
        size += chunk;
    return decodeKeyUri(data.view().first(size));
}

uri::Uri parse(std::string& text) {
    const ossl::Wiped wiped(text);
    return tokens::parseUri(text);
}

// The selection says whether a private or a public key is wanted; 0 leaves it to the URI.
Expectation expectationOf(int selection, const uri::Uri& uri) {
    const bool wantsPrivate = selection == 0
                                  ? uri.type().value_or(CKO_PRIVATE_KEY) == CKO_PRIVATE_KEY
                                  : (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
    return wantsPrivate ? OSSL_STORE_INFO_PKEY : OSSL_STORE_INFO_PUBKEY;
}

std::shared_ptr<keymgmt::Key> lookUp(ossl::ProviderContext& context, std::string& text,
                                     int selection, tokens::PassphraseCallback passphrase) {
    const auto search = [&] {
        const auto uri = parse(text);
        return runSearch(context, uri, expectationOf(selection, uri), {}, passphrase)
            .entries.front()
            .key;
    };
    return Attempt::current != nullptr ? Attempt::current->key(search) : search();
}

template <KeyType Type>
int decodeDer(void* ctx, OSSL_CORE_BIO* coreBio, int selection, OSSL_CALLBACK* callback, void* arg,
              OSSL_PASSPHRASE_CALLBACK* passphrase, void* passphraseArg) {
    auto& context = ossl::ProviderContext::from(ctx);
    return ossl::guarded(context.core(), 0, [&] {
        const ossl::Bio in(BIO_new_from_core_bio(context.libctx(), coreBio));
        auto text = in ? readUri(in.get()) : std::nullopt;
        if (!text)
            return 1;
        const auto key = lookUp(context, *text, selection, {passphrase, passphraseArg});
        return key && key->type() == Type ? ObjectCallback{callback, arg}.deliverKey(key) : 1;
    });
}

// All decoders take any selection.
int doesSelection(void*, int) {
    return 1;
}

template <auto Decode>
const OSSL_DISPATCH* functions() {
    static const std::array table{
        ossl::entry<OSSL_FUNC_decoder_newctx_fn>(OSSL_FUNC_DECODER_NEWCTX, newContext),
        ossl::entry<OSSL_FUNC_decoder_freectx_fn>(OSSL_FUNC_DECODER_FREECTX, freeContext),
        ossl::entry<OSSL_FUNC_decoder_does_selection_fn>(OSSL_FUNC_DECODER_DOES_SELECTION,
                                                         doesSelection),
        ossl::entry<OSSL_FUNC_decoder_decode_fn>(OSSL_FUNC_DECODER_DECODE, Decode),
        ossl::endOfTable()};
    return table.data();
}

template <KeyType Type>
OSSL_ALGORITHM derDecoder() {
    return {keymgmt::nameOf(Type), "input=der,structure=pk11-uri", functions<decodeDer<Type>>(),
            "references to keys on tokens"};
}

template <std::size_t... Types>
auto makeDecoders(std::index_sequence<Types...>) {
    return std::array{OSSL_ALGORITHM{"DER", "input=pem", functions<decodePem>(),
                                     "PEM with references to keys on tokens"},
                      derDecoder<keymgmt::allKeyTypes[Types]>()..., ossl::endOfAlgorithms()};
}

} // namespace

const OSSL_ALGORITHM* decoders() {
    static const auto list = makeDecoders(std::make_index_sequence<keymgmt::allKeyTypes.size()>());
    return list.data();
}

} // namespace p11::store
