// SPDX-License-Identifier: Apache-2.0
#include "token_digests.h"

namespace testing_support {

Bytes joined(Bytes first, const Bytes& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

p11::ossl::Md fetch(OSSL_LIB_CTX* libctx, const char* name, const char* query) {
    return p11::ossl::Md(EVP_MD_fetch(libctx, name, query));
}

bool isOurs(const p11::ossl::Md& md) {
    return md && OSSL_PROVIDER_get0_name(EVP_MD_get0_provider(md.get())) == std::string("pkcs11");
}

p11::ossl::MdCtx begin(const p11::ossl::Md& md) {
    p11::ossl::MdCtx context(EVP_MD_CTX_new());
    if (EVP_DigestInit_ex2(context.get(), md.get(), nullptr) != 1)
        return nullptr;
    return context;
}

bool update(const p11::ossl::MdCtx& context, const Bytes& data) {
    return EVP_DigestUpdate(context.get(), data.data(), data.size()) == 1;
}

Bytes finish(const p11::ossl::MdCtx& context) {
    Bytes hash(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context.get(), hash.data(), &size) != 1)
        return {};
    hash.resize(size);
    return hash;
}

Bytes inSoftware(const char* name, const Bytes& data) {
    Bytes hash(EVP_MAX_MD_SIZE);
    std::size_t size = 0;
    EXPECT_EQ(
        EVP_Q_digest(defaultOnly(), name, nullptr, data.data(), data.size(), hash.data(), &size),
        1);
    hash.resize(size);
    return hash;
}

void expectCopyGoesOn(const p11::ossl::MdCtx& context, const Bytes& data, std::size_t more) {
    ASSERT_TRUE(update(context, data)) << takeErrors();
    const p11::ossl::MdCtx copy(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_MD_CTX_copy_ex(copy.get(), context.get()), 1) << takeErrors();
    const Bytes other = randomBytes(more);
    ASSERT_TRUE(update(copy, other)) << takeErrors();
    EXPECT_EQ(finish(context), inSoftware("SHA256", data)) << takeErrors();
    EXPECT_EQ(finish(copy), inSoftware("SHA256", joined(data, other))) << takeErrors();
}

std::string expectNotCopied(const p11::ossl::MdCtx& context, const Bytes& data) {
    EXPECT_TRUE(update(context, data)) << takeErrors();
    const p11::ossl::MdCtx copy(EVP_MD_CTX_new());
    EXPECT_NE(EVP_MD_CTX_copy_ex(copy.get(), context.get()), 1);
    const auto errors = takeErrors();
    EXPECT_EQ(finish(context), inSoftware("SHA256", data)) << takeErrors();
    return errors;
}

std::set<std::string> hashedBy(OSSL_LIB_CTX* libctx) {
    std::set<std::string> taken;
    for (const char* name : digestNames) {
        const auto md = fetch(libctx, name);
        EXPECT_TRUE(isOurs(md)) << name << takeErrors();
        if (!begin(md)) {
            const auto errors = takeErrors();
            EXPECT_TRUE(contains(errors, " has no digest SHA")) << name << errors;
            continue;
        }
        taken.insert(name);
        for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{200}, mostKept,
                                       mostKept + 1, 3 * mostKept + 5}) {
            const auto data = randomBytes(size);
            const auto context = begin(md);
            EXPECT_TRUE(update(context, data)) << name << size << takeErrors();
            EXPECT_EQ(finish(context), inSoftware(name, data)) << name << size << takeErrors();
        }
    }
    return taken;
}

} // namespace testing_support
