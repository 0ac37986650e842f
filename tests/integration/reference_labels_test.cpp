// SPDX-License-Identifier: Apache-2.0
// PEM files that are no key references, though they have the contents of one.
#include <openssl/pem.h>

#include "fixture.h"
#include "store/key_uri.h"

namespace {

using namespace testing_support;

p11::ossl::Pkey readWithLabel(const Instance& instance, const char* label) {
    const auto der = p11::store::encodeKeyUri(uriOf("ec256"));
    const p11::ossl::Bio file(BIO_new(BIO_s_mem()));
    EXPECT_GT(PEM_write_bio(file.get(), label, "", der.data(), static_cast<long>(der.size())), 0);
    return p11::ossl::Pkey(
        PEM_read_bio_PrivateKey_ex(file.get(), nullptr, nullptr, nullptr, instance.get(), nullptr));
}

TEST(ReferenceLabel, IsTheOneOfReferencesAlone) {
    const Instance instance;
    EXPECT_TRUE(readWithLabel(instance, p11::store::keyUriPemLabel)) << takeErrors();
    for (const char* label : {"SOMETHING ELSE", "PKCS11 URI"}) {
        const CallCounter calls;
        EXPECT_FALSE(readWithLabel(instance, label)) << label;
        EXPECT_EQ(calls.total(), 0U) << label;
        takeErrors();
    }
}

} // namespace
