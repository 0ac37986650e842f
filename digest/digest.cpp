// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include <openssl/core_names.h>

#include "digest/digest_context.h"
#include "ossl/algorithms.h"
#include "ossl/context_functions.h"
#include "ossl/params.h"

namespace p11::digest {
namespace {

using Functions = ossl::ContextFunctions<DigestContext>;

// With all names of the default provider's.
constexpr std::array table{
    Algorithm{"SHA1:SHA-1:SSL3-SHA1:1.3.14.3.2.26", CKM_SHA_1, 20, 64},
    Algorithm{"SHA2-224:SHA-224:SHA224:2.16.840.1.101.3.4.2.4", CKM_SHA224, 28, 64},
    Algorithm{"SHA2-256:SHA-256:SHA256:2.16.840.1.101.3.4.2.1", CKM_SHA256, 32, 64},
    Algorithm{"SHA2-384:SHA-384:SHA384:2.16.840.1.101.3.4.2.2", CKM_SHA384, 48, 128},
    Algorithm{"SHA2-512:SHA-512:SHA512:2.16.840.1.101.3.4.2.3", CKM_SHA512, 64, 128},
    Algorithm{"SHA2-512/224:SHA-512/224:SHA512-224:2.16.840.1.101.3.4.2.5", CKM_SHA512_224, 28,
              128},
    Algorithm{"SHA2-512/256:SHA-512/256:SHA512-256:2.16.840.1.101.3.4.2.6", CKM_SHA512_256, 32,
              128},
    Algorithm{"SHA3-224:2.16.840.1.101.3.4.2.7", CKM_SHA3_224, 28, 144},
    Algorithm{"SHA3-256:2.16.840.1.101.3.4.2.8", CKM_SHA3_256, 32, 136},
    Algorithm{"SHA3-384:2.16.840.1.101.3.4.2.9", CKM_SHA3_384, 48, 104},
    Algorithm{"SHA3-512:2.16.840.1.101.3.4.2.10", CKM_SHA3_512, 64, 72},
};

template <std::size_t Row>
void* newContext(void* provctx) {
    return Functions::create(provctx, table[Row]);
}

void* duplicate(void* ctx) {
    return ossl::guarded<void*>(Functions::of(ctx).core(), nullptr,
                                [ctx] { return Functions::of(ctx).clone().release(); });
}

// There are no parameters to set.
int init(void* ctx, const OSSL_PARAM[]) {
    return Functions::attempt(ctx, [](DigestContext& context) { context.begin(); });
}

int update(void* ctx, const unsigned char* data, size_t size) {
    return Functions::attempt(
        ctx, [&](DigestContext& context) { context.update(pkcs11::ByteView(data, size)); });
}

int finish(void* ctx, unsigned char* out, size_t* size, size_t room) {
    return Functions::attempt(ctx, [&](DigestContext& context) {
        *size = context.finish(pkcs11::MutableBytes(out, room));
    });
}

// As the default provider: the algorithm identifier (X.509) of these digests has no parameters.
template <std::size_t Row>
int getParams(OSSL_PARAM params[]) {
    ossl::answerSize(params, OSSL_DIGEST_PARAM_BLOCK_SIZE, table[Row].blockSize);
    ossl::answerSize(params, OSSL_DIGEST_PARAM_SIZE, table[Row].size);
    ossl::answerInt(params, OSSL_DIGEST_PARAM_XOF, 0);
    ossl::answerInt(params, OSSL_DIGEST_PARAM_ALGID_ABSENT, 1);
    return 1;
}

const OSSL_PARAM* gettableParams(void*) {
    static const std::array list{
        ossl::sizeParam(OSSL_DIGEST_PARAM_BLOCK_SIZE), ossl::sizeParam(OSSL_DIGEST_PARAM_SIZE),
        ossl::intParam(OSSL_DIGEST_PARAM_XOF), ossl::intParam(OSSL_DIGEST_PARAM_ALGID_ABSENT),
        ossl::endOfParams()};
    return list.data();
}

template <std::size_t Row>
const OSSL_DISPATCH* functions() {
    static const std::array entries{
        ossl::entry<OSSL_FUNC_digest_newctx_fn>(OSSL_FUNC_DIGEST_NEWCTX, newContext<Row>),
        ossl::entry<OSSL_FUNC_digest_freectx_fn>(OSSL_FUNC_DIGEST_FREECTX, Functions::destroy),
        ossl::entry<OSSL_FUNC_digest_dupctx_fn>(OSSL_FUNC_DIGEST_DUPCTX, duplicate),
        ossl::entry<OSSL_FUNC_digest_init_fn>(OSSL_FUNC_DIGEST_INIT, init),
        ossl::entry<OSSL_FUNC_digest_update_fn>(OSSL_FUNC_DIGEST_UPDATE, update),
        ossl::entry<OSSL_FUNC_digest_final_fn>(OSSL_FUNC_DIGEST_FINAL, finish),
        ossl::entry<OSSL_FUNC_digest_get_params_fn>(OSSL_FUNC_DIGEST_GET_PARAMS, getParams<Row>),
        ossl::entry<OSSL_FUNC_digest_gettable_params_fn>(OSSL_FUNC_DIGEST_GETTABLE_PARAMS,
                                                         gettableParams),
        ossl::endOfTable()};
    return entries.data();
}

template <std::size_t... Rows>
auto algorithmsOf(std::index_sequence<Rows...>) {
    return std::array{
        ossl::algorithm(table[Rows].names, functions<Rows>(), "digests made by a token")...,
        ossl::endOfAlgorithms()};
}

} // namespace

const OSSL_ALGORITHM* algorithms() {
    static const auto list = algorithmsOf(std::make_index_sequence<table.size()>());
    return list.data();
}

} // namespace p11::digest
