// SPDX-License-Identifier: Apache-2.0
// Parameters as applications may give them by mistake.
#include <array>

#include <gtest/gtest.h>

#include "ossl/params.h"

namespace {

constexpr const char* key = "key";

// An entry of the given size that has no data.
std::array<OSSL_PARAM, 2> withoutData(unsigned type, std::size_t size) {
    return {OSSL_PARAM{key, type, nullptr, size, OSSL_PARAM_UNMODIFIED},
            OSSL_PARAM_construct_end()};
}

TEST(Params, EntriesWithoutDataAreRefused) {
    constexpr std::array<unsigned, 6> types{OSSL_PARAM_INTEGER,      OSSL_PARAM_UNSIGNED_INTEGER,
                                            OSSL_PARAM_UTF8_STRING,  OSSL_PARAM_UTF8_PTR,
                                            OSSL_PARAM_OCTET_STRING, OSSL_PARAM_OCTET_PTR};
    for (const unsigned type : types) {
        const auto params = withoutData(type, 4);
        EXPECT_THROW(p11::ossl::textOf(params.data(), key), p11::ossl::UsageError) << type;
        EXPECT_THROW(p11::ossl::intOf(params.data(), key), p11::ossl::UsageError) << type;
        EXPECT_THROW(p11::ossl::unsignedOf(params.data(), key), p11::ossl::UsageError) << type;
        EXPECT_THROW(p11::ossl::textOrIntOf(params.data(), key), p11::ossl::UsageError) << type;
        EXPECT_THROW(p11::ossl::octetsOf(params.data(), key), p11::ossl::UsageError) << type;
    }
}

// An empty OAEP label comes so.
TEST(Params, EmptyOctetStringsNeedNoData) {
    const auto octets = withoutData(OSSL_PARAM_OCTET_STRING, 0);
    const auto found = p11::ossl::octetsOf(octets.data(), key);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->empty());
}

} // namespace
