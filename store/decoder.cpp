// Decoders for key references: PEM to DER, and DER to the key that its URI names. Whatever is not
// ours is passed over without a trace: every PEM file that the process reads comes by here.
#include <array>
#include <string_view>
#include <utility>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/pem.h>
#include <openssl/store.h>

#include "keymgmt/key_type.h"
#include "ossl/dispatch.h"
#include "store/key_uri.h"
#include "store/object_callback.h"
#include "store/search.h"
#include "store/store.h"

namespace store {
namespace {

using keymgmt::KeyType;

constexpr std::size_t longestReference = 64 * 1024;

void* newContext(void* provctx) {
    return provctx;
}
void freeContext(void*) {}

struct PemBlock {
    std::string label;
    pkcs11::Bytes der;
};

std::optional<PemBlock> readPem(BIO* in) {
    const ossl::ErrorMark mark;
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    if (PEM_read_bio(in, &name, &header, &data, &size) != 1)
        return std::nullopt;
    PemBlock block{name, pkcs11::Bytes(data, data + size)};
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
    return block;
}

int passOn(pkcs11::Bytes& der, OSSL_CALLBACK* callback, void* arg) {
    const std::array params{
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der.data(), der.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE,
                                         const_cast<char*>(keyUriStructure), 0),
        OSSL_PARAM_construct_end()};
    return callback(params.data(), arg);
}

int decodePem(void* ctx, OSSL_CORE_BIO* coreBio, int, OSSL_CALLBACK* callback, void* arg,
              OSSL_PASSPHRASE_CALLBACK*, void*) {
    auto& context = ossl::Context::from(ctx);
    return ossl::guarded(context.core(), 0, [&] {
        const ossl::Bio in(BIO_new_from_core_bio(context.libctx(), coreBio));
        auto block = in ? readPem(in.get()) : std::nullopt;
        return block && block->label == keyUriPemLabel ? passOn(block->der, callback, arg) : 1;
    });
}

pkcs11::Bytes readAll(BIO* in) {
    pkcs11::Bytes data(longestReference);
    std::size_t size = 0;
    std::size_t chunk = 0;
    while (size < data.size() &&
           BIO_read_ex(in, data.data() + size, data.size() - size, &chunk) == 1)
        size += chunk;
    data.resize(size);
    return data;
}

// The selection says whether a private or a public key is wanted; 0 leaves it to the URI.
Expectation expectationOf(int selection) {
    if (selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return OSSL_STORE_INFO_PKEY;
    return OSSL_STORE_INFO_PUBKEY;
}

template <KeyType Type>
int decodeDer(void* ctx, OSSL_CORE_BIO* coreBio, int selection, OSSL_CALLBACK* callback, void* arg,
              OSSL_PASSPHRASE_CALLBACK* passphrase, void* passphraseArg) {
    auto& context = ossl::Context::from(ctx);
    return ossl::guarded(context.core(), 0, [&] {
        const ossl::Bio in(BIO_new_from_core_bio(context.libctx(), coreBio));
        const auto text = in ? decodeKeyUri(readAll(in.get())) : std::nullopt;
        if (!text)
            return 1;
        const auto uri = [&] {
            try {
                return uri::Uri::parse(*text);
            } catch (const uri::Error& error) {
                throw pkcs11::Error(pkcs11::Failure::uri, error.what());
            }
        }();
        const auto entries =
            Search(context, uri, expectationOf(selection), {passphrase, passphraseArg}).run();
        const auto& key = entries.front().key;
        return key && key->type() == Type ? ObjectCallback{callback, arg}.deliverKey(key) : 1;
    });
}

// The lists of what can be decoded are the same for all: any selection.
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
    return {keymgmt::nameOf(Type), "provider=pkcs11,input=der,structure=pk11-uri",
            functions<decodeDer<Type>>(), "references to keys on tokens"};
}

template <std::size_t... Types>
auto makeDecoders(std::index_sequence<Types...>) {
    return std::array{OSSL_ALGORITHM{"DER", "provider=pkcs11,input=pem", functions<decodePem>(),
                                     "PEM with references to keys on tokens"},
                      derDecoder<keymgmt::allKeyTypes[Types]>()..., ossl::endOfAlgorithms()};
}

} // namespace

const OSSL_ALGORITHM* decoders() {
    static const auto list = makeDecoders(std::make_index_sequence<keymgmt::allKeyTypes.size()>());
    return list.data();
}

} // namespace store
